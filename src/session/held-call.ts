import type { JsonRpcId, JsonRpcMessage, JsonRpcRequest } from "../shared/json-rpc.js";
import { expectedBytes } from "./answer-size.js";
import type { AnswerSize } from "./answer-size.js";
import type { ByteLimit } from "./byte-limits.js";
import type { WatchedCall } from "./watched-call.js";

/** What a call takes its bytes from: the account of its owner. */
export interface CallAccount {
  readonly answers: { of(message: JsonRpcMessage): AnswerSize };
  /** What may be held for the owner. */
  readonly maxBytes: number;
  /** Whether there is a bound in all. */
  readonly isBounded: boolean;
  /** Holds what cannot be refused; or, with a negative number, lets it go. */
  add(bytes: number): void;
  /** Holds as much if there is room. @returns the limit that leaves none. */
  take(bytes: number): ByteLimit | undefined;
  /** The same as soon as there is room. @returns how to stop waiting. */
  wait(
    bytes: number,
    timeoutMs: number,
    hasRoom: (limit: ByteLimit | undefined) => void,
  ): (() => void) | undefined;
}

/** What a call weighs beside its message, in bytes: what the SDK and we keep of it. */
const CALL_BYTES = 2_048;

/**
 * How long a call that nobody wants answered any more counts at most, in milliseconds. Until its
 * message is collected, somebody still works on it, unless there was no collection.
 */
const ABANDONED_MS = 120_000;

/** The bytes of one call: its message, and its answer before that is there. */
export class HeldCall {
  id: JsonRpcId;
  /** Another one with the same id, which must not be. */
  next: HeldCall | undefined;
  /** Set while somebody wants to know what becomes of calls. */
  watched: WatchedCall | undefined;
  readonly #account: CallAccount;
  readonly #size: AnswerSize;
  readonly #messageBytes: number;
  #message: JsonRpcRequest | undefined;
  #held = 0;

  /** @param weight of the message, in bytes. */
  constructor(message: JsonRpcRequest, weight: number, account: CallAccount) {
    this.id = message.id;
    this.#message = message;
    this.#account = account;
    this.#size = account.answers.of(message);
    this.#messageBytes = weight + CALL_BYTES;
  }

  /** Holds message and answer if there is room. @returns the limit that leaves none. */
  take(): ByteLimit | undefined {
    const bytes = this.#needed;
    const full = this.#account.take(bytes);
    if (full === undefined) this.#start(bytes);
    return full;
  }

  /** The same as soon as there is room; see {@link CallAccount.wait}. */
  wait(
    timeoutMs: number,
    hasRoom: (limit: ByteLimit | undefined) => void,
  ): (() => void) | undefined {
    const bytes = this.#needed;
    return this.#account.wait(bytes, timeoutMs, (full) => {
      if (full === undefined) this.#start(bytes);
      hasRoom(full);
    });
  }

  /** Holds it whether there is room or not. */
  takeAnyway(): void {
    const bytes = this.#needed;
    this.#account.add(bytes);
    this.#start(bytes);
  }

  /** The server gets another message in its place, with an id of its own. */
  carry(message: JsonRpcRequest): void {
    this.id = message.id;
    if (this.#held > 0) this.#message = message;
  }

  /** It was answered, by so many bytes, which somebody else holds. */
  answered(bytes: number): void {
    // In memory it is there twice: as what the server made, and as what is sent.
    if (this.#held > 0) this.#size.note(2 * bytes);
    this.letGo();
  }

  /** It was not taken in the end. */
  letGo(): void {
    if (this.#held === 0) return;
    this.#size.inFlight--;
    this.#account.add(-this.#held);
    this.#held = 0;
    this.#message = undefined;
  }

  /**
   * Nobody waits for its answer any more. But the server may go on working on it, and does not
   * say when it has done so: the message counts until it was collected.
   */
  abandon(): void {
    const message = this.#message;
    const held = this.#held;
    this.letGo();
    if (held === 0 || message === undefined || !this.#account.isBounded) return;
    holdUntilCollected(message, this.#account, this.#messageBytes);
  }

  get #needed(): number {
    return this.#messageBytes + expectedBytes(this.#size, this.#account.maxBytes);
  }

  #start(bytes: number): void {
    this.#held = bytes;
    this.#size.inFlight++;
  }
}

/** What is to be done when a message was collected. */
const collected = new FinalizationRegistry<() => void>((letGo) => letGo());

function holdUntilCollected(message: object, account: CallAccount, bytes: number): void {
  account.add(bytes);
  let isHeld = true;
  const letGo = (): void => {
    clearTimeout(timer);
    if (isHeld) account.add(-bytes);
    isHeld = false;
  };
  const timer = setTimeout(letGo, ABANDONED_MS).unref();
  collected.register(message, letGo);
}
