import type { JsonRpcId } from "../shared/json-rpc.js";

/** What a client said when it began its session, and what came of it. */
export interface KeptHandshake {
  /** Parameters of `initialize`, as they were. */
  readonly params: unknown;
  /** The revision of MCP that the server answered with. */
  readonly protocolVersion: string | undefined;
  /** Whether the client has said that it is initialized. */
  readonly isInitialized: boolean;
  /** The last `logging/setLevel`. */
  readonly level: string | undefined;
  /** URIs of the resources that it has subscribed to. */
  readonly subscriptions: readonly string[];
}

/** A call that has no answer that its client is known to have. */
export interface OpenCall {
  readonly id: JsonRpcId;
  /** See `SessionKeeper.noteCall`. */
  readonly place: number | undefined;
}

/**
 * A session that was at another node, with what it takes to go on with it. JSON, and sealed wherever
 * it is kept.
 */
export interface MovedSession {
  readonly id: string;
  /** How often it has moved, this time included, so from 1. Positions in what is sent begin anew with it. */
  readonly moves: number;
  readonly openedAt: number;
  /** `undefined` where the client has not sent it yet. */
  readonly handshake: KeptHandshake | undefined;
  /** What its server has set as `session.memo`. */
  readonly memo: unknown;
  /** Calls that were lost with its node: each is answered with an error. Empty where it was handed over. */
  readonly lost: readonly OpenCall[];
  /** What its channel had kept, in the channel's own form, where it was handed over; else `undefined`. */
  readonly kept: unknown;
}
