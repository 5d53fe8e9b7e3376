import type { ServerResponse } from "node:http";
import type { Parts } from "./view.js";

/** Every so often something is sent, so that proxies keep the connection, in milliseconds. */
const KEEP_ALIVE_MS = 15_000;

/** A reader that takes nothing for so long has gone, in milliseconds. */
const STALL_MS = 30_000;

/** How long what is left may take to leave when a stream has ended, in milliseconds. */
const LAST_BYTES_MS = 10_000;

/** Keeps caches, compression and buffering proxies (nginx) out of the way. */
const STREAM_HEADERS = {
  "Content-Type": "text/event-stream",
  "Cache-Control": "no-store, no-transform",
  "X-Accel-Buffering": "no",
};

/** A response that is written to in pieces; `compression()` holds them back until it is told to flush. */
type PiecewiseResponse = ServerResponse & { flush?: () => void };

/** Opens an event stream, which ends with its client. */
function openStream(res: ServerResponse): void {
  res.writeHead(200, STREAM_HEADERS);
  res.flushHeaders();
  res.on("error", () => undefined);
}

/** Says why there is no stream, in the one way in which a page can hear it. */
export function refuseStream(res: ServerResponse, reason: string): void {
  openStream(res);
  res.end(eventText("refused", reason));
}

/**
 * One page that is open: it is sent what has changed since it was last sent something.
 *
 * A reader that is slow misses what was in between, and nothing waits for it, since the next time it is sent how
 * things stand then.
 */
export class Viewer {
  readonly #res: PiecewiseResponse;
  readonly #shown = new Map<string, string>();
  #sentAt = performance.now();
  #isFull = false;

  constructor(res: ServerResponse) {
    this.#res = res;
    openStream(res);
    res.on("drain", () => (this.#isFull = false));
  }

  /** @returns whether there is still somebody. */
  show(parts: Parts): boolean {
    if (this.#res.destroyed) return false;
    const silentMs = performance.now() - this.#sentAt;
    if (this.#isFull) {
      if (silentMs > STALL_MS) this.#res.destroy();
      return silentMs <= STALL_MS;
    }
    const changed = [...parts].filter(([id, text]) => this.#shown.get(id) !== text);
    for (const [id, text] of changed) this.#shown.set(id, text);
    if (changed.length > 0) this.#write(eventText("parts", Object.fromEntries(changed)));
    else if (silentMs > KEEP_ALIVE_MS) this.#write(": keep-alive\n\n");
    return true;
  }

  /** Ends it in a way in which the page asks for another, and does not call that a loss. */
  askAgain(): void {
    this.#write(eventText("again", null));
    this.end();
  }

  end(): void {
    this.#res.end();
    const cut = setTimeout(() => this.#res.destroy(), LAST_BYTES_MS).unref();
    this.#res.once("close", () => clearTimeout(cut));
  }

  #write(text: string): void {
    this.#sentAt = performance.now();
    this.#isFull = !this.#res.write(text);
    this.#res.flush?.();
  }
}

/** JSON has no raw line breaks, so nothing in it ends the event. */
function eventText(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
