import { randomUUID } from "node:crypto";
import type { Outbox, OutboxEntry } from "../http/outbox.js";

/** Begins the ids of pings that ask for an acknowledgement; no SDK server uses text for its ids. */
const PREFIX = "express-mcp-sse-ack-";

/**
 * After how long it is asked for again, in milliseconds: a client sends its answer once, and that
 * may be lost. Of a client that is slow the first answers still count, up to as many.
 */
const ASK_AGAIN_MS = 10_000;
const MAX_ASKED = 10;

/** One ping serves all until then, in milliseconds; what was written in this time may be written twice. */
const ACK_DELAY_MS = 250;

/**
 * How many answers, and how many bytes of them, wait for an acknowledgement before one is asked
 * for. Clients drop an answer that they have had, so it is memory that makes them ask, not time. A
 * ping and its pong cost half of a call: with 32, that is a part in sixty.
 */
const MAX_WAITING_ANSWERS = 32;
const MAX_WAITING_BYTES = 64 * 1024;

interface Asked {
  readonly id: string;
  /** What the answer will acknowledge. */
  readonly seq: number;
  readonly at: number;
}

/** What waits for an acknowledgement, oldest first. */
type Waiting = Pick<Outbox, "entries" | "bytes">;

/** Who writes the pings; an object, since there is one for each session. */
export interface PingWriter {
  /** Asks for everything that was written. */
  writePing(): unknown;
}

/**
 * When a client is asked, by a ping, what it has; and the pings that wait for their answers.
 */
export class AckPings {
  readonly #writer: PingWriter;
  /** Oldest first. */
  #asked: Asked[] = [];
  #timer: NodeJS.Timeout | undefined;
  /** Of the timer, in milliseconds. */
  #delayMs = 0;
  /** Whether the client can be expected to answer. */
  #isAnswering = false;
  #hasAnswered = false;

  constructor(writer: PingWriter) {
    this.#writer = writer;
  }

  /** Whether the client can be expected to answer a ping. */
  get isAnswering(): boolean {
    return this.#isAnswering;
  }

  /** Whether the client has answered a ping that asked. */
  get hasAnswered(): boolean {
    return this.#hasAnswered;
  }

  /** The client can be expected to answer from now on. */
  start(): void {
    this.#isAnswering = true;
  }

  /** Asks for a message that was just sent, as soon as its kind needs it. */
  askFor({ seq, metadata: { kind } }: OutboxEntry, waiting: Waiting): void {
    // A request must not be repeated once the client works on it.
    if (kind === "request") this.askAtOnce(seq);
    // A notification the client would take for another.
    else if (kind !== "answer") this.askIn(ACK_DELAY_MS);
    else this.#askForAnswers(waiting);
  }

  /** Asks for what was sent before the last acknowledgement came. */
  askForRest(waiting: Waiting): void {
    const { entries } = waiting;
    const request = entries.findLast(({ metadata }) => metadata.kind === "request");
    if (request !== undefined) this.askAtOnce(request.seq);
    else if (entries.some(({ metadata }) => metadata.kind !== "answer")) this.askIn(ACK_DELAY_MS);
    else if (entries.length > 0) this.#askForAnswers(waiting);
  }

  /**
   * Asks as soon as what is under way has been written, for all up to `seq`. A ping that was asked
   * before tells nothing of it. But a client that is slow gets no more of them than are waited for.
   */
  askAtOnce(seq: number): void {
    const last = this.#latest;
    if (last !== undefined && (last.seq >= seq || this.#asked.length === MAX_ASKED)) return;
    this.#schedule(0);
  }

  /** Asks in `ms` milliseconds, unless a ping may still be answered. */
  askIn(ms: number): void {
    if (this.#latest === undefined) this.#schedule(ms);
  }

  /** @returns the id of a ping whose answer acknowledges everything up to `seq`. */
  ask(seq: number): string {
    const id = `${PREFIX}${randomUUID()}`;
    this.#asked.push({ id, seq, at: performance.now() });
    if (this.#asked.length > MAX_ASKED) this.#asked.shift();
    return id;
  }

  /** Whether an id is one of ours, however old. */
  isOurs(id: unknown): id is string {
    return typeof id === "string" && id.startsWith(PREFIX);
  }

  /** @returns what an answer acknowledges; `undefined` when it was not waited for. */
  take(id: string): number | undefined {
    const index = this.#asked.findIndex((asked) => asked.id === id);
    const [ping] = this.#asked.splice(0, index + 1).slice(-1);
    if (ping !== undefined) this.#hasAnswered = true;
    return ping?.seq;
  }

  /** Waits for none any more, and asks for none. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#asked = [];
  }

  /** They may wait for a silence, once it is known that this client says what it has. */
  #askForAnswers({ entries, bytes }: Waiting): void {
    if (!this.#hasAnswered) this.askIn(ACK_DELAY_MS);
    else if (entries.length >= MAX_WAITING_ANSWERS || bytes >= MAX_WAITING_BYTES) this.askIn(0);
  }

  #schedule(ms: number): void {
    if (!this.#isAnswering) return;
    if (this.#timer !== undefined && this.#delayMs <= ms) return;
    clearTimeout(this.#timer);
    this.#delayMs = ms;
    this.#timer = setTimeout(askNow, ms, this).unref();
  }

  /** The time has come. */
  askNow(): void {
    this.#timer = undefined;
    this.#writer.writePing();
  }

  /** The newest ping that may still be answered. */
  get #latest(): Asked | undefined {
    const last = this.#asked.at(-1);
    return last !== undefined && performance.now() - last.at < ASK_AGAIN_MS ? last : undefined;
  }
}

/** One function for the timers of all sessions. */
function askNow(pings: AckPings): void {
  pings.askNow();
}
