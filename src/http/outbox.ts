import { McpSseError, retryAfter } from "../shared/errors.js";
import type { CallWatch } from "../session/call-watch.js";
import type { ByteHolder } from "../session/write-result.js";
import { fromJson } from "../session/message-json.js";
import type { MessageJson } from "../session/message-json.js";
import type { JsonRpcId, JsonRpcMessage } from "../shared/json-rpc.js";

/** Whoever has an outbox, and perhaps somebody who watches its calls. */
export interface WatchedCaller {
  readonly callWatch: Pick<CallWatch, "over"> | undefined;
}

/** A message on its way to the client, as it is sent each time, and what decides when. */
export interface OutboxEntry extends MessageJson {
  /** Position in the conversation, from 1; 0 where nothing is kept. */
  readonly seq: number;
  readonly metadata: MessageMetadata;
}

/** One that is kept. */
interface KeptEntry extends OutboxEntry {
  /** When it was sent from here, in milliseconds since the epoch. */
  readonly at: number;
}

/** From here on, in bytes of memory, what is kept is much to write again. */
const MUCH = 128 * 1_024;

/** What matters of a message while it is on its way. */
export interface MessageMetadata {
  readonly kind: "request" | "notification" | "progress" | "answer";
  /** Of a request; of an answer, where somebody watches the calls. */
  readonly requestId?: JsonRpcId | undefined;
  /** What the call names its progress: of a progress notification, and of the answer to such a call. */
  readonly progressToken?: unknown;
}

/** A message that is kept, for another node. */
export interface KeptMessage extends MessageMetadata {
  readonly json: string;
}

/** What an outbox has kept, for another node. JSON. */
export interface KeptOutbox {
  /** See the members of {@link Outbox} of these names. */
  readonly keptSeq: number;
  readonly forgottenSeq: number;
  readonly acknowledgedSeq: number;
  /** Oldest first. */
  readonly messages: readonly KeptMessage[];
}

/**
 * How far apart the positions of two lives of a session are: an outbox whose predecessor has died begins
 * anew behind all that that one can have given out. What an id of an event has room for is enough for 200,000.
 */
export const LIFE_LENGTH = 2 ** 32;

/** An outbox of a session that has moved so often, of which nothing was kept. */
export function emptyOutbox(moves: number): KeptOutbox {
  return { keptSeq: moves * LIFE_LENGTH, forgottenSeq: 0, acknowledgedSeq: 0, messages: [] };
}

/**
 * What was sent to the client and is not known to have arrived, in order, within a bound.
 *
 * Messages leave it by being acknowledged, or, when they were written and the bound is reached, at
 * the old end: most likely those have arrived. So what is kept is always the newest part of the
 * conversation, without gaps.
 */
export class Outbox {
  readonly #maxBytes: number;
  readonly #holder: ByteHolder | undefined;
  readonly #caller: WatchedCaller | undefined;
  readonly #entries: KeptEntry[] = [];
  #bytes = 0;
  #lastSeq = 0;
  #forgottenSeq = 0;
  #acknowledgedSeq = 0;
  #restsUntil = 0;

  /**
   * @param maxBytes how much memory the messages that are kept may take.
   * @param holder is told how much it is.
   * @param before that of the node before, to go on with. Default: nothing was sent yet.
   * @param caller whose calls are over when their answers leave it. Default: nobody's.
   */
  constructor(maxBytes: number, holder?: ByteHolder, before?: KeptOutbox, caller?: WatchedCaller) {
    this.#maxBytes = maxBytes;
    this.#holder = holder;
    this.#caller = caller;
    if (before === undefined) return;
    this.#lastSeq = before.keptSeq;
    this.#forgottenSeq = before.forgottenSeq;
    this.#acknowledgedSeq = before.acknowledgedSeq;
    for (const { json, ...metadata } of before.messages) this.append(fromJson(json), metadata);
  }

  /** What is kept, for another node. */
  get kept(): KeptOutbox {
    return {
      keptSeq: this.keptSeq,
      forgottenSeq: this.#forgottenSeq,
      acknowledgedSeq: this.#acknowledgedSeq,
      messages: this.#entries.map(toKept),
    };
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
    return this.#lastSeq - this.#entries.length;
  }

  /** What the messages that are kept take in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether something waits to be acknowledged. */
  get isWaiting(): boolean {
    return this.#entries.length > 0;
  }

  /** When the oldest message behind `seq` was sent that is kept; `undefined` if there is none. */
  sentAfter(seq: number): number | undefined {
    return this.#entries[Math.max(0, seq - this.keptSeq)]?.at;
  }

  /** Whether more is kept than the bound allows. The newest message always may be, whatever its size. */
  get isOverfull(): boolean {
    return this.#bytes > this.#maxBytes && this.#entries.length > 1;
  }

  /** Whether a message has left at the old end that is not known to have arrived. */
  get hasGap(): boolean {
    return this.#forgottenSeq > this.#acknowledgedSeq;
  }

  /** The messages that are kept, oldest first. */
  get entries(): readonly OutboxEntry[] {
    return this.#entries;
  }

  /**
   * Notes that all that is kept is going to be written again. If that is much, it is not done
   * twice within `restMs` milliseconds: it is work, and a client could ask for nothing else.
   *
   * @throws McpSseError when it has been done just now.
   */
  noteRewriting(restMs: number): void {
    if (this.#bytes <= MUCH) return;
    const now = performance.now();
    if (now < this.#restsUntil) {
      throw new McpSseError("too_many_bytes", "All of this was sent just now: come back later.", {
        headers: retryAfter(restMs / 1_000),
      });
    }
    this.#restsUntil = now + restMs;
  }

  /** @param message that it is of. Default: nobody watches its call. */
  append(
    { json, bytes, weight }: MessageJson,
    known: MessageMetadata,
    message?: JsonRpcMessage,
  ): OutboxEntry {
    const isWatched = known.kind === "answer" && this.#caller?.callWatch !== undefined;
    const metadata = isWatched ? withCall(known, message) : known;
    const entry = { seq: ++this.#lastSeq, at: Date.now(), json, bytes, weight, metadata };
    this.#entries.push(entry);
    this.#add(weight);
    return entry;
  }

  /** The client has everything up to `seq`. A position that was never reached counts for nothing. */
  acknowledge(seq: number): void {
    if (seq > this.#lastSeq) return;
    this.#acknowledgedSeq = Math.max(this.#acknowledgedSeq, seq);
    this.#dropUpTo(seq);
  }

  /** The client has answered a request: it has that, and everything before it. */
  settle(requestId: JsonRpcId): void {
    const request = this.#entries.find(
      ({ metadata }) => metadata.kind === "request" && metadata.requestId === requestId,
    );
    if (request !== undefined) this.acknowledge(request.seq);
  }

  /** The client has the first of the answers that are kept, and everything before it. */
  settleFirstAnswer(): void {
    const answer = this.#entries.find(({ metadata }) => metadata.kind === "answer");
    if (answer !== undefined) this.acknowledge(answer.seq);
  }

  /** Forgets the oldest messages, none behind `writtenSeq` and never the newest, until the bound is kept. */
  shrink(writtenSeq: number): void {
    let bytes = this.#bytes;
    let seq = this.keptSeq;
    for (const entry of this.#entries) {
      if (bytes <= this.#maxBytes || entry.seq > writtenSeq || entry.seq === this.#lastSeq) break;
      bytes -= entry.weight;
      seq = entry.seq;
    }
    this.forget(seq);
  }

  /** Keeps nothing up to `seq` any more, although the client is not known to have it. */
  forget(seq: number): void {
    if (seq <= this.keptSeq) return;
    this.#dropUpTo(seq);
    this.#forgottenSeq = seq;
  }

  /** Keeps nothing any more: nobody will come for it. */
  clear(): void {
    this.#dropUpTo(this.#lastSeq);
  }

  #dropUpTo(seq: number): void {
    const count = seq - this.keptSeq;
    if (count <= 0) return;
    let weight = 0;
    const dropped = this.#entries.splice(0, count);
    for (const entry of dropped) weight += entry.weight;
    this.#add(-weight);
    const watch = this.#caller?.callWatch;
    if (watch === undefined) return;
    for (const { metadata } of dropped) {
      const { kind, requestId } = metadata;
      if (kind === "answer" && requestId !== undefined) watch.over(requestId);
    }
  }

  #add(bytes: number): void {
    this.#bytes += bytes;
    this.#holder?.hold(bytes);
  }
}

/** Member by member: there is one for each call, and a spread costs thirty times as much. */
function withCall(
  { kind, progressToken }: MessageMetadata,
  message: JsonRpcMessage | undefined,
): MessageMetadata {
  const requestId = message !== undefined && "id" in message ? message.id : undefined;
  return { kind, requestId, progressToken };
}

/** A request is none any more where its server does not follow: its client is told not to work on it. */
function toKept({ json, metadata }: OutboxEntry): KeptMessage {
  if (metadata.kind !== "request") return { json, ...metadata };
  const { requestId } = metadata;
  const method = "notifications/cancelled";
  const withdrawal = { jsonrpc: "2.0", method, params: { requestId, reason: NODE_LEFT } };
  return { json: JSON.stringify(withdrawal), kind: "notification" };
}

const NODE_LEFT = "The server that asked has gone.";
