import type { Principal } from "../auth/principal.js";

/**
 * For whom a change is meant: a principal, that is all its subscribers, whichever credential they came
 * with; or a function that says so of each. Left out: for everybody.
 */
export type NotifyTo = Principal | ((principal: Principal | undefined) => boolean);

/**
 * Tells subscribers of 2026-07-28 that something has changed. They have asked to hear of it, and
 * `streamable.mayHear` has the last word. Sessions are told by their own servers, as ever.
 */
export interface Notifier {
  /** The list of tools is another now. */
  toolsChanged(to?: NotifyTo): void;
  /** The list of prompts is. */
  promptsChanged(to?: NotifyTo): void;
  /** The list of resources is. */
  resourcesChanged(to?: NotifyTo): void;
  /** What is behind a resource's URI is. */
  resourceUpdated(uri: string, to?: NotifyTo): void;
}
