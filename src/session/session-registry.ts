import type { SessionEvents } from "./session-events.js";
import type { SessionInfo } from "./session-info.js";

/** How many sessions have begun, by their wire. */
export interface SessionCounts {
  /** Over HTTP+SSE. */
  readonly sse: number;
  /** Over Streamable HTTP. */
  readonly streamable: number;
  /** Whose client has sent nothing yet, and perhaps never will. */
  readonly unused: number;
}

/** Whether a principal is meant. The type of a method, so that a registry can stand for one of anybody's. */
export type PrincipalTest<P> = {
  /** @returns whether this one is. */
  isMeant(principal: P): boolean;
}["isMeant"];

/**
 * The sessions of one router, over whichever transport: who is connected, and the way to end it.
 *
 * Routers have one, and nobody else makes any: members may be added in a minor version.
 */
export interface SessionRegistry<P = unknown> {
  /** How many sessions there are, those included that are still being opened. */
  readonly size: number;
  /** The session with this id; `undefined` where there is none, or not any more. */
  get(id: string): SessionInfo<P> | undefined;
  /** All sessions that there are now, oldest first. */
  list(): readonly SessionInfo<P>[];
  /**
   * How many sessions there are over which wire, those told apart that nobody uses. When `sse` stays
   * 0, HTTP+SSE can be switched off; `on("begun", …)` hears who still comes.
   *
   * @example
   * ```ts
   * const { sse, streamable, unused } = router.sessions.counts();
   * router.sessions.on("begun", ({ transport, client, principal }) => {
   *   if (transport === "sse") console.log("still on HTTP+SSE:", client?.name, principal?.id);
   * });
   * ```
   */
  counts(): SessionCounts;
  /** Ends one session. @returns whether there was one. */
  close(id: string): boolean;
  /**
   * Ends every session of a principal, and every request of 2026-07-28, for example when their access is
   * withdrawn. Who has no session is in no list: name them by what is known of them.
   *
   * With option `cluster` the other nodes are told to do the same, and nobody waits for that: to hear what came of
   * it, call `router.cluster.sessions.closeFor`.
   *
   * @param principal whose, or a function that says of each principal whether it is meant.
   * @returns how many; with `cluster`, in this process.
   */
  closeFor(principal: P | PrincipalTest<P>): number;
  /** Calls `listener` at each `event`. A listener that throws is logged and changes nothing. */
  on<K extends keyof SessionEvents<P>>(
    event: K,
    listener: (...args: SessionEvents<P>[K]) => void,
  ): this;
  /** Takes a listener away again. */
  off<K extends keyof SessionEvents<P>>(
    event: K,
    listener: (...args: SessionEvents<P>[K]) => void,
  ): this;
  /** What `JSON.stringify` shows. */
  toJSON(): { readonly size: number; readonly sessions: readonly SessionInfo<P>[] };
}
