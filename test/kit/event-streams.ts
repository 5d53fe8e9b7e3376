import { once } from "node:events";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { connect } from "node:net";
import type { Socket } from "node:net";
import type { EventStreamOptions } from "../../src/options/stream-options.js";
import { EventStream } from "../../src/http/event-stream.js";
import type { StreamEnd } from "../../src/http/event-stream.js";
import { onDispose } from "./clean-up.js";
import { listen } from "./listen.js";
import { openStream } from "./raw-sse.js";
import type { RawStream } from "./raw-sse.js";
import { signal } from "./waiting.js";

/** The side of a stream that is under test. */
export interface ServerSide {
  stream: EventStream;
  res: ServerResponse;
  /** Why the stream ended, each time that it says so. */
  ends: StreamEnd[];
  /** Resolves with the first of them. */
  ended: Promise<StreamEnd>;
}

export const OPTIONS: EventStreamOptions = { keepAliveMs: 0, maxQueuedBytes: 65_536, stallMs: 0 };

type Middleware = (req: IncomingMessage, res: ServerResponse, next: () => void) => void;

/** A server that opens a stream for each request, behind a middleware if there is one. */
async function serve(
  options: Partial<EventStreamOptions>,
  middleware: Middleware = (_req, _res, next) => next(),
): Promise<{ url: string; port: number; side: Promise<ServerSide> }> {
  const side = signal<ServerSide>();
  const handle: RequestListener = (req, res) =>
    middleware(req, res, () => {
      const stream = new EventStream(res, { ...OPTIONS, ...options });
      const ends: StreamEnd[] = [];
      const first = signal<StreamEnd>();
      const streamEnded = (_stream: EventStream, end: StreamEnd): void => {
        ends.push(end);
        first.resolve(end);
      };
      stream.owner = { streamEnded };
      stream.open();
      side.resolve({ stream, res, ends, ended: first.promise });
    });
  const { url, port } = await listen(handle);
  return { url, port, side: side.promise };
}

/** Opens a stream with a reader that reads. */
export async function openPair(
  options: Partial<EventStreamOptions> = {},
  middleware?: Middleware,
): Promise<ServerSide & { reader: RawStream }> {
  const { url, side } = await serve(options, middleware);
  const reader = await openStream(url);
  return { ...(await side), reader };
}

/** Opens a stream with a reader that reads only when told. */
export async function openSlowPair(
  options: Partial<EventStreamOptions> = {},
): Promise<ServerSide & { reader: SlowReader }> {
  const { port, side } = await serve(options);
  const reader = new SlowReader(port);
  return { ...(await side), reader };
}

/** A client on a bare socket, from which nothing is taken that no test asks for. */
export class SlowReader {
  /** Bytes taken so far, the response's head included. */
  taken = 0;
  readonly socket: Socket;

  constructor(port: number) {
    this.socket = connect(port, "127.0.0.1").pause();
    this.socket.write("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    this.socket.on("error", () => undefined);
    this.socket.on("data", (chunk) => (this.taken += chunk.length));
    this.socket.pause();
    onDispose(() => this.socket.destroy());
  }

  /** Reads at least this many bytes more. */
  async take(bytes: number): Promise<void> {
    const wanted = this.taken + bytes;
    this.socket.resume();
    while (this.taken < wanted) await once(this.socket, "data");
    this.socket.pause();
  }

  /** Reads on, without keeping anything. */
  resume(): void {
    this.socket.resume();
  }
}

/** An event of about this many bytes. */
export function bigFrame(bytes: number, mark = "x"): string {
  return `data: ${mark.padEnd(bytes, "x")}\n\n`;
}
