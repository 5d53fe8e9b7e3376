import { hash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { sourceOf } from "./rate-limit.js";

/**
 * Who causes a record, and so makes room for it when its kind is full: a person once there is one,
 * before that the network that the request came from.
 *
 * Security decision: what one of them causes pushes out what is their own, and nobody else's.
 */

/** Whoever sent a request, of whom nothing else is known. */
export function ownerByRequest(req: IncomingMessage): string {
  return `network ${sourceOf(req)}`;
}

/** A client that proves who it is with its own key. */
export function ownerByClient(clientId: string): string {
  return `client ${clientId}`;
}

/** The person who signed in. */
export function ownerByLogin(loginId: string): string {
  return `person ${loginId.split(".")[0] ?? ""}`;
}

/** The part of a login's id that all logins of one person have in common. */
export function personTag(profileId: string): string {
  return hash("sha256", profileId, "base64url").slice(0, 22);
}
