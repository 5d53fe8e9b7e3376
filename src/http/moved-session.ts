import type { KeptHandshake } from "../session/kept-handshake.js";
import type { SessionWire } from "../session/session-info.js";
import type { JsonRpcId } from "../shared/json-rpc.js";

export type { KeptHandshake } from "../session/kept-handshake.js";

/** Of the request that opened a session: what later requests are compared with, and its server was made for. */
export interface KeptOpening {
  /** Path of the mount as requests arrive at it. */
  readonly mount: string | undefined;
  /** Path of the endpoint as its client sees it. */
  readonly path: string | undefined;
  /** As the request named it below the mount, query included; it holds no credential. */
  readonly url: string;
  /** By which programs are told apart; none that tells who calls. */
  readonly headers: Readonly<Record<string, string>>;
}

/** A call that has no answer that its client is known to have. */
export interface OpenCall {
  readonly id: JsonRpcId;
  /** See `SessionKeeper.noteCall`. */
  readonly place: number | undefined;
}

/** What is known of a session at any time, and written down while it is at its node. JSON. */
export interface KeptSession {
  readonly id: string;
  /** By which wire; only a route of the same goes on with it. */
  readonly transport: SessionWire;
  readonly openedAt: number;
  readonly opening: KeptOpening;
  /** `undefined` where the client has sent nothing yet. */
  readonly handshake: KeptHandshake | undefined;
  /** What its server has set as `session.memo`. */
  readonly memo: unknown;
  /** What its channel knows of its client, in the channel's own form. */
  readonly traits: unknown;
}

/** A session that has left its node, with what it takes to go on with it. */
export interface LeftSession extends KeptSession {
  /** Calls that were lost with its node: each is answered with an error, unless its answer is among what was kept. */
  readonly lost: readonly OpenCall[];
  /** What its channel had kept, in the channel's own form, where it was handed over; else `undefined`. */
  readonly kept: unknown;
}

/**
 * A session that was at another node, with what it takes to go on with it. JSON, and sealed wherever
 * it is kept.
 */
export interface MovedSession extends LeftSession {
  /** How often it has moved, this time included, so from 1. Positions in what is sent begin anew with it. */
  readonly moves: number;
  /** The node where it was, if that had not let go of it. */
  readonly from: string | undefined;
}
