import type { Passage } from "../policy/passage.js";
import type { HeldCall } from "../session/held-call.js";
import type { JsonRpcMessage } from "../shared/json-rpc.js";
import type { AdmittedRequest } from "./incoming-request.js";
import type { PostExtra } from "./message-extra.js";
import type { RouterSession } from "./router-session.js";

/** A message that its sender may send to a session, and what is to be handed over with it. */
export interface Arrival<S extends RouterSession> {
  readonly message: JsonRpcMessage;
  readonly request: AdmittedRequest;
  readonly session: S;
  readonly extra: PostExtra;
  /** The bytes of a request. */
  readonly call: HeldCall | undefined;
}

/** What a transport has to say about the messages that are posted to it. */
export interface MessageHandler<S extends RouterSession> {
  /**
   * The session that a message is for, where it was read in the name of one that was made for that.
   * Default, and for `undefined`: the one that it was read for.
   *
   * @returns a promise, which may reject with an McpSseError to refuse the message.
   */
  sessionFor?(
    message: JsonRpcMessage,
    request: AdmittedRequest,
    session: S,
  ): Promise<S> | undefined;
  /**
   * Sees a message before the server does, when its sender's rights to the session are certain.
   *
   * @returns whether it was meant for the transport itself: then the server does not get it. A promise
   * says so, too, and resolves when it was answered, or rejects to refuse it.
   * @throws McpSseError to refuse it.
   */
  intercept(arrival: Arrival<S>): boolean | Promise<void>;
  /**
   * Hands a message to the session, which hands it to its server. Default: at once.
   *
   * @param passage what the operator's policy says of it, for the session. Default: its server may have it.
   * @throws McpSseError to refuse it; a promise may reject for the same.
   */
  deliver?(arrival: Arrival<S>, passage: Passage | undefined): Promise<void> | void;
  /** Answers the POST of a message that was taken. It must not throw. */
  accept(request: AdmittedRequest, message: JsonRpcMessage): void;
}
