import type { IncomingMessage, ServerResponse } from "node:http";
import { setImmediate as turn } from "node:timers/promises";
import { queryText } from "./query.js";
import type { Query } from "./query.js";
import type { Look, Parts } from "./view.js";
import { refuseStream, Viewer } from "./viewer.js";

/** How often pages hear what has changed, in milliseconds. */
const EVERY_MS = 2_000;

/** Looking may take this part of the time: with many sessions, or slow nodes, it is done less often. */
const SHARE = 10;

/**
 * How long a page may listen before it has to ask again, in milliseconds.
 *
 * Security decision: the guard is asked when a stream is opened, and who is no operator any more must not go on
 * watching. The browser asks again by itself.
 */
const LONGEST_MS = 300_000;

export interface LiveInit {
  /** How many pages may listen. */
  readonly maxPages: number;
  /** Looks how things stand. */
  readonly look: () => Promise<Look>;
  /** What a page shows of it, as markup by the ids of its parts. */
  readonly render: (look: Look, query: Query) => Parts;
}

interface Reader {
  readonly viewer: Viewer;
  readonly query: Query;
  readonly until: number;
}

/** All pages that are open. While there are none, nobody looks at anything. */
export class Live {
  readonly #init: LiveInit;
  readonly #readers = new Map<ServerResponse, Reader>();
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;
  #isClosed = false;

  constructor(init: LiveInit) {
    this.#init = init;
  }

  open(req: IncomingMessage, res: ServerResponse, query: Query): void {
    const { maxPages } = this.#init;
    if (this.#isClosed || this.#readers.size >= maxPages) {
      const full = `${maxPages} of these pages are open, and more are not kept up to date. Close one.`;
      refuseStream(res, this.#isClosed ? "The server is being closed." : full);
      return;
    }
    const until = performance.now() + LONGEST_MS;
    this.#readers.set(res, { viewer: new Viewer(res), query, until });
    res.once("close", () => this.#readers.delete(res));
    req.resume();
    void this.#show();
  }

  /** Ends all streams, and refuses others. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const { viewer } of this.#readers.values()) viewer.end();
    this.#readers.clear();
  }

  /** Shows everybody how things stand, and does so again after a while. Never rejects. */
  async #show(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    clearTimeout(this.#timer);
    const startedAt = performance.now();
    try {
      await this.#showAll(await this.#init.look());
    } catch {
      // The engine of the cluster is away. The next look may find it.
    }
    this.#isLooking = false;
    if (this.#readers.size === 0 || this.#isClosed) return;
    const tookMs = performance.now() - startedAt;
    this.#timer = setTimeout(() => void this.#show(), Math.max(EVERY_MS, tookMs * SHARE)).unref();
  }

  /** What several look for is rendered once; between what is rendered, other requests get their turn. */
  async #showAll(look: Look): Promise<void> {
    const rendered = new Map<string, Parts>();
    for (const [res, reader] of this.#readers) {
      const key = queryText(reader.query);
      let parts = rendered.get(key);
      if (parts === undefined) {
        if (rendered.size > 0) await turn();
        parts = this.#init.render(look, reader.query);
        rendered.set(key, parts);
      }
      this.#showTo(res, reader, parts);
    }
  }

  #showTo(res: ServerResponse, { viewer, until }: Reader, parts: Parts): void {
    // It may have gone, or all may have ended, while others were rendered.
    if (!this.#readers.has(res)) return;
    const isThere = viewer.show(parts);
    if (isThere && performance.now() < until) return;
    if (isThere) viewer.askAgain();
    this.#readers.delete(res);
  }
}
