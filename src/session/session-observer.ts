import type { JsonRpcMessage } from "../shared/json-rpc.js";
import type { CloseReason } from "./close-reason.js";
import type { HeldCall } from "./held-call.js";
import type { ResumeMark } from "./resume-mark.js";
import type { LimitReached } from "./session-events.js";

/** A message of the client, on its way to the server. */
export interface ReceivedMessage<S, E> {
  readonly session: S;
  readonly message: JsonRpcMessage;
  readonly extra: E;
  /** `undefined` for what is no request. */
  readonly call: HeldCall | undefined;
}

/** Hears what becomes of sessions and of their messages, wherever it happens. Set by whoever keeps sessions. */
export interface SessionObserver<S, P, E> {
  /** Whether anybody wants to hear of messages: else they are not brought here. */
  readonly watchesMessages: boolean;
  /** @param handle has the server handle it, and throws what that throws. */
  receive(received: ReceivedMessage<S, E>, handle: () => void): void;
  /** The server does not get it: a policy denies it. */
  denied(received: ReceivedMessage<S, E>): void;
  /** @returns what is sent in its place. */
  send(session: S, message: JsonRpcMessage): JsonRpcMessage;
  /** Its client can hear, and has its server. */
  opened(session: S): void;
  begun(session: S): void;
  /** Its client is away, and expected back. */
  detached(session: S): void;
  resumed(session: S, mark: ResumeMark): void;
  /** @param wasOpened whether it was of use to anybody. */
  ended(session: S, reason: CloseReason, wasOpened: boolean): void;
  limited(fact: LimitReached<P>): void;
  /** @param owner key of the one who was meant; `undefined` where a function said who. */
  revoked(by: "close-for" | "cluster", owner: string | undefined, ended: number): void;
}
