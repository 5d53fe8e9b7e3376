import type { JsonRpcId, JsonRpcMessage } from "../shared/json-rpc.js";
import { isInitialize } from "../shared/json-rpc.js";
import type { KeptHandshake } from "./kept-handshake.js";

/**
 * How much is kept of what a client says, in characters of JSON, since a client may say anything. A session whose client
 * said more ends with its node.
 */
const MAX_LENGTH = 65_536;

/**
 * Notes what a client says about its session as a whole: what another server would have to be told
 * before it can go on with the conversation.
 */
export class HandshakeRecord {
  #id: JsonRpcId | undefined;
  #params: unknown;
  #protocolVersion: string | undefined;
  #hasBegun = false;
  #isInitialized = false;
  #level: string | undefined;
  readonly #subscriptions = new Set<string>();
  #length = 0;
  #isWhole = true;
  /** Whether `initialize` has no answer. */
  #isWaiting = false;

  /** @param before what was noted at another node. Default: its client has sent nothing. */
  constructor(before?: KeptHandshake) {
    if (before === undefined) return;
    this.#hasBegun = true;
    this.#id = before.id;
    this.#params = before.params;
    this.#protocolVersion = before.protocolVersion;
    this.#isWaiting = before.id !== undefined && before.protocolVersion === undefined;
    this.#isInitialized = before.isInitialized;
    this.#level = before.level;
    this.#length = lengthOf(before.id) + lengthOf(before.params);
    for (const uri of before.subscriptions) this.#subscribe(uri);
  }

  /** `undefined` where the client has sent nothing. */
  get kept(): KeptHandshake | undefined {
    if (!this.#hasBegun) return undefined;
    return {
      id: this.#id,
      params: this.#params,
      protocolVersion: this.#protocolVersion,
      isInitialized: this.#isInitialized,
      level: this.#level,
      subscriptions: [...this.#subscriptions],
    };
  }

  /** Whether all of it is kept. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** Notes a message that was taken. @returns whether there is something new. */
  noteReceived(message: JsonRpcMessage): boolean {
    const isFirst = !this.#hasBegun;
    this.#hasBegun = true;
    if (!("method" in message)) return isFirst;
    if (isInitialize(message)) return this.#begin(message);
    return this.#noteSaid(message.method, message.params) || isFirst;
  }

  /** Notes a message that was sent. @returns whether there is something new. */
  noteSent(message: JsonRpcMessage): boolean {
    if (!this.#isWaiting || "method" in message || message.id !== this.#id) return false;
    this.#isWaiting = false;
    const { result } = message as { result?: { protocolVersion?: unknown } };
    const version = result?.protocolVersion;
    if (typeof version !== "string") return false;
    this.#protocolVersion = version;
    return true;
  }

  #begin(message: JsonRpcMessage): true {
    const { id, params } = message as { id?: JsonRpcId; params?: unknown };
    this.#length -= lengthOf(this.#id) + lengthOf(this.#params);
    // The id, too: a client may choose any.
    const hasRoom = this.#hasRoomFor(id) && this.#hasRoomFor(params);
    this.#id = hasRoom ? id : undefined;
    this.#params = hasRoom ? params : undefined;
    this.#protocolVersion = undefined;
    this.#isWaiting = this.#id !== undefined;
    return true;
  }

  #noteSaid(method: string, params: Readonly<Record<string, unknown>> | undefined): boolean {
    switch (method) {
      case "notifications/initialized":
        this.#isInitialized = true;
        return true;
      case "logging/setLevel":
        return this.#setLevel(params?.["level"]);
      case "resources/subscribe":
        return this.#subscribe(params?.["uri"]);
      case "resources/unsubscribe":
        return this.#unsubscribe(params?.["uri"]);
      default:
        return false;
    }
  }

  #setLevel(level: unknown): boolean {
    // The longest that there is has nine letters.
    if (typeof level !== "string" || level.length > 32 || level === this.#level) return false;
    this.#level = level;
    return true;
  }

  #subscribe(uri: unknown): boolean {
    if (typeof uri !== "string" || this.#subscriptions.has(uri)) return false;
    if (this.#hasRoomFor(uri)) this.#subscriptions.add(uri);
    return true;
  }

  #unsubscribe(uri: unknown): boolean {
    if (typeof uri !== "string" || !this.#subscriptions.delete(uri)) return false;
    this.#length -= lengthOf(uri);
    return true;
  }

  /** Takes room for a value. Where there is none, not all of what was said is kept, from then on. */
  #hasRoomFor(value: unknown): boolean {
    const length = lengthOf(value);
    if (this.#length + length > MAX_LENGTH) this.#isWhole = false;
    else this.#length += length;
    return this.#isWhole;
  }
}

function lengthOf(value: unknown): number {
  return value === undefined ? 0 : JSON.stringify(value).length;
}
