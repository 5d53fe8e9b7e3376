import { randomUUID } from "node:crypto";
import type { JsonRpcMessage } from "../shared/json-rpc.js";
import { HandshakeRecord } from "./handshake-record.js";
import { fromMemoText, toMemoText } from "./memo.js";
import { RequestIds } from "./request-ids.js";
import type { SessionInit } from "./session-init.js";

/**
 * What makes one conversation of a session that has one server after the other: what it takes along, and
 * what keeps the servers apart.
 */
export class Journey {
  /** What its client has said of the session as a whole; `undefined` where nobody is to go on with it elsewhere. */
  record: HandshakeRecord | undefined;
  /** Whether its server is not as far yet as the one before. */
  isReturning: boolean;
  /** Asked of each message of the server, while that is so. @returns whether it is not for the client. */
  swallow: ((message: JsonRpcMessage) => boolean) | undefined;
  #onChange: (() => void) | undefined;
  #memo: string | undefined;
  readonly #requestIds: RequestIds | undefined;

  /** @param init of a session that was elsewhere. Default: it was not. */
  constructor(init: Pick<SessionInit<unknown>, "moved"> = {}, isReturning = false) {
    const { moved } = init;
    this.isReturning = isReturning;
    if (isReturning) this.#requestIds = new RequestIds(randomUUID());
    if (moved === undefined) return;
    this.record = new HandshakeRecord(moved.handshake);
    this.#memo = toMemoText(moved.memo);
  }

  get memo(): unknown {
    return fromMemoText(this.#memo);
  }

  /** @throws TypeError */
  set memo(value: unknown) {
    this.#memo = toMemoText(value);
    this.noteChange();
  }

  /** See `Session.remember`. */
  remember(changed: () => void): void {
    this.record ??= new HandshakeRecord();
    this.#onChange = changed;
  }

  /** Another node has to know something new. */
  noteChange(): void {
    this.#onChange?.();
  }

  /** A message of the client was taken. @returns what the server is to read of it, if that is anything. */
  toServer(message: JsonRpcMessage): JsonRpcMessage | undefined {
    if (!this.isReturning && this.record?.noteReceived(message) === true) this.noteChange();
    return this.#requestIds === undefined ? message : this.#requestIds.toServer(message);
  }

  /** A message of the server. @returns what the client is to read of it, if that is anything. */
  toClient(message: JsonRpcMessage): JsonRpcMessage | undefined {
    if (this.swallow?.(message) === true) return undefined;
    if (this.record?.noteSent(message) === true) this.noteChange();
    return this.#requestIds?.toClient(message) ?? message;
  }
}
