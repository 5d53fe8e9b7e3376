import type { IncomingHttpHeaders } from "node:http";
import type { JsonRpcId, JsonRpcMessage } from "../shared/json-rpc.js";
import type { CallWatch } from "./call-watch.js";
import type { CloseReason } from "./close-reason.js";
import type { ChannelLimit, ChannelOutcome } from "./limits.js";
import type { MessageJson } from "./message-json.js";
import type { ResumeMark } from "./resume-mark.js";
import type { SessionEra } from "./session-info.js";
import type { ByteHolder, WriteResult } from "./write-result.js";

/**
 * How a session reaches its client: what a transport implements, and all that a session knows of
 * it. A session has one channel, from its first moment to its end, over however many connections.
 *
 * A transport makes the session ({@link Session}), which makes the channel; has the session opened
 * (`http/open-session.ts`); and hands each message of the client to `session.receive`. The session
 * calls the members below, in this order; nobody else does. The channel calls
 * {@link ChannelSession} back.
 *
 * Where nothing else is said, a member must not throw, and its promise must not reject.
 */
export interface Channel {
  /** By which wire: an operator sees it at the session. */
  readonly transport: "sse" | "streamable";

  /** The year of the protocol in which that wire was introduced. */
  readonly era: SessionEra;

  /** The revision of MCP that its client and server have agreed on, or that its request names; `undefined` until it is known. */
  readonly protocolVersion: string | undefined;

  /** `opening` until the client can hear, `open` while it can, `detached` while it is away and may come back. */
  readonly state: "opening" | "open" | "detached";

  /**
   * When the client's last connection ended, in milliseconds since the epoch, on a wire where that
   * says nothing of whether it is away. `undefined` while it has one, and where it is `detached` then.
   */
  readonly leftAt: number | undefined;

  /** Whether the client has ever had a connection for what belongs to no call. */
  readonly hasListened: boolean;

  /**
   * Called once, when the session has its server: the client may hear from now on. What it throws
   * makes `connect()` of the server fail, and that ends the session.
   */
  open(): void;

  /**
   * Asked of each message of the client, before anything is known or counted of it. `true` for one
   * that was meant for the channel, such as the answer to a ping of its own: it goes no further. An
   * `McpSseError` that is thrown refuses the message, and is what its sender is answered.
   */
  intercept(message: JsonRpcMessage): boolean;

  /** Told of each message that the session has admitted, before its server gets it. */
  noteReceived(message: JsonRpcMessage): void;

  /** A message of the server as the client is to read it: where the two know a call by different ids. */
  toClient(message: JsonRpcMessage): JsonRpcMessage;

  /**
   * Sends a message to the client, in order, or keeps it for one that is away. Bounded: a client
   * that does not read makes the result wait, and in the end loses its connection. What is held
   * meanwhile is told to {@link ChannelSession.bytes}.
   *
   * A rejection, an `McpSseError`, says that the client will never have it. The server hears of
   * that; the session goes on unless the channel ends it.
   *
   * @param json what {@link toClient} made of it, as it is to be written.
   * @param related the call in whose course it is sent, if the server says so.
   */
  send(message: JsonRpcMessage, json: MessageJson, related: JsonRpcId | undefined): WriteResult;

  /**
   * When the oldest message was sent, in milliseconds since the epoch, that is kept since the client is not known to
   * have it; where clients confirm nothing, since it has not left this process. `undefined` if there is none.
   */
  readonly waitingSince: number | undefined;

  /**
   * Whether an answer was not written to any connection of the client. Such a session counts as in
   * use, and a shutdown waits for it.
   */
  readonly hasWaitingAnswer: boolean;

  /** Resolves when there is no such answer, or nobody is left to hear it. */
  whenSettled(): Promise<void>;

  /**
   * The owner's credential has ended: the client must not hear anything more until it comes back
   * with another.
   *
   * @returns `false` where it cannot come back: then the session ends.
   */
  suspend(): boolean;

  /** What the session takes along to another node. Default, and for `undefined`: it cannot go on there. */
  readonly luggage?: ChannelLuggage | undefined;

  /**
   * The session has ended, which is final. Tells the client as far as `reason` and the wire allow.
   *
   * @param discards whether what waits for the client is given up; otherwise it may still leave,
   * within a bound of the channel's own.
   */
  end(reason: CloseReason, discards: boolean): void;

  /** Called after `end`. Resolves when all that was accepted has left this process, or never will. */
  whenGone(): Promise<void>;
}

/** What a channel knows that another node has to know, all of it JSON. */
export interface ChannelLuggage {
  /** What it knows of its client at any time; `undefined` for nothing. */
  readonly traits: unknown;
  /**
   * A call that has no answer as its client knows it, and where that comes back for it, if not to the
   * session's own stream. `undefined` where it does not come back for it.
   *
   * @param id the server's.
   */
  callAtClient(
    id: JsonRpcId,
  ): { readonly id: JsonRpcId; readonly place: number | undefined } | undefined;
  /** What the client is not known to have; taken right before the end. `undefined` where nothing is kept. */
  handOver(): unknown;
  /**
   * What a request of the client would show that names no session, where it is asked then which it has. Default:
   * all requests name theirs.
   *
   * @param opening headers of the request that opened the session.
   */
  marks?(opening: IncomingHttpHeaders): readonly string[];
}

/** A session, as its channel sees it. */
export interface ChannelSession {
  readonly id: string;
  /** Why it has ended, if it has. */
  readonly closeReason: CloseReason | undefined;
  /** How far the client has come: one that has sent nothing has nothing to come back to. */
  readonly handshake: { readonly isUninitialized: boolean; readonly isInitialized: boolean };
  /** Counts what the channel holds in memory. */
  readonly bytes: ByteHolder;
  /** Until when the client is waited for, in milliseconds since the epoch; `undefined` while it is there. */
  readonly graceEndsAt: number | undefined;
  /** The client has gone, and is expected back: unless it is within `graceMs`, the session ends. */
  awaitClient(graceMs: number): void;
  /** The client is there, for the first time or again. */
  clientArrived(): void;
  /** It goes on where it was. @param mark by what the client has shown that it is its own. */
  clientResumed(mark: ResumeMark): void;
  /** A limit of the channel was reached. */
  noteLimit(limit: ChannelLimit, outcome: ChannelOutcome): void;
  /** What another node has to know of the client has changed. */
  noteChange(): void;
  /** Is told which calls are open; `undefined` where nobody is. */
  readonly callWatch: CallWatch | undefined;
  /** Ends the session, for a reason that only the channel can know. The first reason counts. */
  end(reason: CloseReason): void;
}
