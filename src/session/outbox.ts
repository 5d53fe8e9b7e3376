import type { JsonRpcId, JsonRpcMessage } from "../wire/message-body.js";

/** A message on its way to the client. */
export interface OutboxEntry {
  /** Position in the conversation, from 1. */
  readonly seq: number;
  readonly message: JsonRpcMessage;
  /** The message as text. It has no line breaks. */
  readonly json: string;
  readonly bytes: number;
}

/**
 * What was sent to the client and is not known to have arrived, in order, within a bound.
 *
 * Messages leave it by being acknowledged, or, when they were written and the bound is reached, at
 * the old end: most likely those have arrived.
 */
export class Outbox {
  readonly #maxBytes: number;
  readonly #entries = new Map<number, OutboxEntry>();
  #bytes = 0;
  #lastSeq = 0;
  #forgottenSeq = 0;

  /** @param maxBytes how many bytes of messages are kept. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Position of the newest message; 0 before the first. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Position of the newest message that left at the old end without being acknowledged; 0 if none did. */
  get forgottenSeq(): number {
    return this.#forgottenSeq;
  }

  /** Position behind which everything is kept. */
  get keptSeq(): number {
    const [oldest] = this.#entries.keys();
    return oldest === undefined ? this.#lastSeq : oldest - 1;
  }

  /** Bytes of the messages that are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether something waits to be acknowledged. */
  get isWaiting(): boolean {
    return this.#entries.size > 0;
  }

  /** Whether more is kept than the bound allows. */
  get isOverfull(): boolean {
    return this.#bytes > this.#maxBytes;
  }

  /** The messages that are kept, oldest first. */
  get entries(): readonly OutboxEntry[] {
    return [...this.#entries.values()];
  }

  append(message: JsonRpcMessage, json: string): OutboxEntry {
    const entry = { seq: ++this.#lastSeq, message, json, bytes: Buffer.byteLength(json) };
    this.#entries.set(entry.seq, entry);
    this.#bytes += entry.bytes;
    return entry;
  }

  /** The client has everything up to `seq`. A position that was never reached counts for nothing. */
  acknowledge(seq: number): void {
    if (seq > this.#lastSeq) return;
    for (const entry of this.#entries.values()) {
      if (entry.seq > seq) return;
      this.#drop(entry);
    }
  }

  /** The client has answered a request: it has that, and everything before it. */
  settle(requestId: JsonRpcId): void {
    for (const { seq, message } of this.#entries.values()) {
      if ("method" in message && "id" in message && message.id === requestId) {
        this.acknowledge(seq);
        return;
      }
    }
  }

  /** Forgets the oldest messages, none behind `writtenSeq`, until the bound is kept. */
  shrink(writtenSeq: number): void {
    for (const entry of this.#entries.values()) {
      if (!this.isOverfull || entry.seq > writtenSeq) return;
      this.#drop(entry);
      this.#forgottenSeq = entry.seq;
    }
  }

  #drop(entry: OutboxEntry): void {
    this.#entries.delete(entry.seq);
    this.#bytes -= entry.bytes;
  }
}
