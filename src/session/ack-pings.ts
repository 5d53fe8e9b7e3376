import { randomUUID } from "node:crypto";
import type { MessageTraits, OutboxEntry } from "./outbox.js";

/** Begins the ids of pings that ask for an acknowledgement; no SDK server uses text for its ids. */
const PREFIX = "express-mcp-sse-ack-";

/**
 * After how long it is asked for again, in milliseconds: a client sends its answer once, and that
 * may be lost. Of a client that is slow the first answers still count, up to as many.
 */
const ASK_AGAIN_MS = 10_000;
const MAX_ASKED = 10;

/** When an acknowledgement is to be asked for, in milliseconds from now. */
export interface AskTime {
  readonly ms: number;
  /** When it is still soon enough, if it is going to be asked for anyway. */
  readonly latestMs: number;
}

/** One ping serves all until then, and what was written in this time may be written twice. */
const ACK_DELAY_MS = 250;

/**
 * The same for answers that follow an acknowledgement, since a busy client need not be asked more
 * often: clients drop an answer that they have had. A notification they would take for another.
 */
const BUSY_ACK_DELAY_MS = 1_000;

export const AT_ONCE: AskTime = { ms: 0, latestMs: 0 };
const SOON: AskTime = { ms: ACK_DELAY_MS, latestMs: ACK_DELAY_MS };
const SOON_OR_LATER: AskTime = { ms: ACK_DELAY_MS, latestMs: BUSY_ACK_DELAY_MS };
const LATER: AskTime = { ms: BUSY_ACK_DELAY_MS, latestMs: BUSY_ACK_DELAY_MS };

/** When the acknowledgement of a message is asked for that was just sent. */
export function timeFor(kind: MessageTraits["kind"]): AskTime {
  // A request must not be repeated once the client works on it.
  if (kind === "request") return AT_ONCE;
  return kind === "answer" ? SOON_OR_LATER : SOON;
}

/** The same for what was sent before the last acknowledgement came. */
export function timeForRest(entries: readonly OutboxEntry[]): AskTime {
  return entries.every(({ traits }) => traits.kind === "answer") ? LATER : SOON;
}

interface Asked {
  readonly id: string;
  /** What the answer will acknowledge. */
  readonly seq: number;
  readonly at: number;
}

/** The pings that ask a client for an acknowledgement, and wait for their answers. */
export class AckPings {
  /** Oldest first. */
  #asked: Asked[] = [];
  #timer: NodeJS.Timeout | undefined;
  /** Of the timer, in milliseconds. */
  #delayMs = 0;

  /**
   * Whether no other ping is needed in `ms` milliseconds: one is going to be asked, or has been
   * and may still be answered.
   */
  isDueIn(ms: number): boolean {
    if (this.#timer !== undefined && this.#delayMs <= ms) return true;
    const last = this.#asked.at(-1);
    return last !== undefined && performance.now() - last.at < ASK_AGAIN_MS;
  }

  /** Calls `ask` in `ms` milliseconds, whenever it was to be called before. */
  schedule(ms: number, ask: () => void): void {
    clearTimeout(this.#timer);
    this.#delayMs = ms;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      ask();
    }, ms).unref();
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
    return ping?.seq;
  }

  /** Waits for none any more, and asks for none. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#asked = [];
  }
}
