import { createParser } from "eventsource-parser";
import type { Ask, AskInit, Reply } from "./contract.js";
import { messageIn } from "./messages.js";
import type { Message, StreamEvent } from "./messages.js";

/** An event of a stream, and when it came: in milliseconds from asking. */
export interface HeardEvent extends StreamEvent {
  readonly atMs: number;
}

/** How a wait for a sign of life ended. */
export type Sign = "alive" | "ended" | "silent";

/** An event stream that stays open while other things are asked, until it is closed. */
export class OpenStream {
  readonly #begin = performance.now();
  readonly #letGo = new AbortController();
  readonly #events: HeardEvent[] = [];
  readonly #reply: Promise<Reply>;
  #waiting: (() => void)[] = [];
  /** How much of the text was parsed, in characters. */
  #heard = 0;
  #endedMs: number | undefined;

  /** @param init `timeoutMs`: for how long its head is waited for, and for how long it may stay open. */
  constructor(ask: Ask, url: URL, init: Pick<AskInit, "headers" | "timeoutMs"> = {}) {
    const parser = createParser({
      onEvent: ({ event = "message", data }) => {
        this.#events.push({ event, data, atMs: this.#now() });
      },
    });
    const hear = (text: string): boolean => {
      if (this.#letGo.signal.aborted) return true;
      const fresh = text.slice(this.#heard);
      this.#heard = text.length;
      parser.feed(fresh);
      this.#wake();
      return false;
    };
    this.#reply = ask(url, {
      ...init,
      headers: { accept: "text/event-stream", ...init.headers },
      isAuthorized: true,
      until: hear,
      signal: this.#letGo.signal,
    }).then((reply) => {
      this.#endedMs = this.#now();
      this.#wake();
      return reply;
    });
  }

  /** When it ended by itself, in milliseconds from asking; `undefined` while it is open. */
  get endedMs(): number | undefined {
    return this.#endedMs;
  }

  /** The first event that is wanted, of those that came and those that come; `undefined` where none came in time. */
  async event(
    isWanted: (event: HeardEvent) => boolean,
    withinMs = Infinity,
  ): Promise<HeardEvent | undefined> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const found = this.#events.find(isWanted);
      if (found !== undefined || this.#endedMs !== undefined) return found;
      if (!(await this.#more(deadline))) return undefined;
    }
  }

  /** The answer to a request. */
  async answerTo(id: number, withinMs: number): Promise<Message | undefined> {
    const isAnswer = (event: HeardEvent): boolean => {
      const message = messageIn(event.data);
      return message?.["id"] === id && message["method"] === undefined;
    };
    const found = await this.event(isAnswer, withinMs);
    return found && messageIn(found.data);
  }

  /** Whether anything comes, be it a comment, from now on. */
  async sign(withinMs: number): Promise<Sign> {
    const heard = this.#heard;
    await this.#more(performance.now() + withinMs);
    if (this.#heard > heard) return "alive";
    return this.#endedMs === undefined ? "silent" : "ended";
  }

  /** Lets go of it. @returns what came. */
  close(): Promise<Reply> {
    this.#letGo.abort();
    return this.#reply;
  }

  #now(): number {
    return performance.now() - this.#begin;
  }

  /** Resolves when there is more or it is over; with `false` when it is late. */
  #more(deadline: number): Promise<boolean> {
    return new Promise((resolve) => {
      if (this.#endedMs !== undefined) {
        resolve(true);
        return;
      }
      const ms = Math.min(Math.max(0, deadline - performance.now()), 2 ** 31 - 1);
      const timer = setTimeout(() => resolve(false), ms);
      this.#waiting.push(() => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
