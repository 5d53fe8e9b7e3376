import { EventEmitter, once } from "node:events";
import { createServer, request } from "node:http";
import type { ClientRequest, IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { onDispose } from "../clean-up.js";
import { KillableStream } from "./killable-stream.js";

/** How a stream's connection can end under a client. */
export type Way =
  /** The connection is closed in the middle of the response. */
  | "destroy"
  /** The peer gets a TCP reset. */
  | "reset"
  /** The response ends as if it were complete. */
  | "end"
  /** The next event is cut in its middle, and the connection closed. */
  | "half event"
  /** The next event is cut behind its id: its data does not come. */
  | "half event, id only"
  /** The next event is cut in its middle, and the response ends as if it were complete. */
  | "half event, then end"
  /** The client's side is closed; the server hears nothing of it and goes on writing. */
  | "half open";

export const WAYS: readonly Way[] = [
  "destroy",
  "reset",
  "end",
  "half event",
  "half event, then end",
  "half open",
];

/** Where events have ids, by which a client comes back, they can be cut behind those, too. */
export const WAYS_WITH_IDS: readonly Way[] = [...WAYS, "half event, id only"];

/** How a request's connection can end before its server has all of it. */
export type RequestCut = "before its bytes" | "within its body";

/** An event on its way to the client. */
export interface PassingEvent {
  /** The bytes, with the empty line at the end. */
  readonly frame: string;
  readonly event: string;
  readonly data: string;
  /** Number of the event on its stream, from 1. */
  readonly number: number;
}

/** A request on its way to the server. */
export interface PassingRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/**
 * A proxy in front of a server that passes on everything byte for byte, and kills event streams
 * when it is told to. One client has one killer, so that it is known whose streams they are.
 */
export class Killer {
  /** Awaited before a request goes to the server. */
  beforeRequest: ((passing: PassingRequest) => Promise<void> | void) | undefined;
  /** Sees each request first; a cut that it returns ends it there and then. */
  onRequest: ((passing: PassingRequest) => RequestCut | undefined) | undefined;
  /** Sees each event first; a way that it returns ends the stream there and then. */
  onEvent: ((passing: PassingEvent, stream: KillableStream) => Way | undefined) | undefined;
  /** Every stream that the client has opened, oldest first. */
  readonly streams: KillableStream[] = [];
  /** Every POST that the server has answered, oldest first. */
  readonly posts: (PassingRequest & { readonly status: number })[] = [];
  /** What happened, one line each: for the message of a test that fails. */
  readonly trace: string[] = [];
  /** How the next stream that a GET opens is to be killed: in place of what follows its first `events`. */
  next: { way: Way; events: number } | undefined;
  /**
   * Whether the first event of a stream that a GET opens, and all that was passed on, has arrived when
   * the stream is killed: without that, clients of the SDKs forget over Streamable HTTP where they were.
   */
  sparesFirst = false;
  /** Milliseconds after which the client is to come back, for a server that does not say it. */
  retryMs: number | undefined;
  /** Streams that were killed so far. */
  kills = 0;
  origin = "";

  readonly #target: string;
  readonly #facts = new EventEmitter().setMaxListeners(0);

  private constructor(target: string) {
    this.#target = target;
  }

  /** @param target origin of the server. */
  static async start(target: string): Promise<Killer> {
    const killer = new Killer(target);
    const server = createServer((req, res) => {
      killer.#pass(req, res).catch((error: unknown) => {
        killer.note(`could not pass ${req.method}: ${String(error)}`);
        res.destroy();
      });
    });
    // Clients keep connections between POSTs; one that ends under a request is no fault of theirs.
    server.keepAliveTimeout = 0;
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    killer.origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    onDispose(async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      for (const stream of killer.streams) stream.forget();
      await closed;
    });
    return killer;
  }

  note(line: string): void {
    const short = line.length > 300 ? `${line.slice(0, 300)} …` : line;
    this.trace.push(`${performance.now().toFixed(1)} ${short}`);
  }

  /** The `count`-th stream of the client, from 1, once the server has answered it with 200. */
  async stream(count: number): Promise<KillableStream> {
    while (this.streams.length < count) await once(this.#facts, "stream");
    return this.streams[count - 1]!;
  }

  /**
   * The newest stream on which the client hears what belongs to no call, once it knows how to come back
   * and as long as it is alive.
   */
  async attached(): Promise<KillableStream> {
    for (;;) {
      const newest = this.streams.findLast(({ isForAll }) => isForAll);
      if (newest?.isAttached === true && !newest.isKilled && !newest.isOver) return newest;
      await once(this.#facts, "change");
    }
  }

  /** Resolves with the first request for which `matches` is true; call it before the request is sent. */
  async passed(matches: (passing: PassingRequest) => boolean): Promise<PassingRequest> {
    for (;;) {
      const [passing] = (await once(this.#facts, "request")) as [PassingRequest];
      if (matches(passing)) return passing;
    }
  }

  async #pass(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { method = "", url = "", headers } = req;
    const body = method === "POST" ? await text(req) : "";
    const passing: PassingRequest = { method, url, headers, body };
    this.note(`<- ${method} ${url} ${method === "GET" ? marksOf(headers) : body}`);
    this.#facts.emit("request", passing);
    await this.beforeRequest?.(passing);
    if (res.destroyed) return;
    const cut = this.onRequest?.(passing);
    if (cut === "before its bytes") {
      this.#cut(passing, cut, res);
      return;
    }
    const sent = request(`${this.#target}${url}`, {
      method,
      // A connection of its own: one that is kept may be closed just when it is used again.
      agent: false,
      setHost: false,
    });
    for (let index = 0; index < req.rawHeaders.length; index += 2) {
      sent.appendHeader(req.rawHeaders[index]!, req.rawHeaders[index + 1]!);
    }
    sent.on("error", (error) => {
      if (!res.destroyed) this.note(`.. ${method} failed: ${String(error)}`);
      res.destroy();
    });
    sent.on("response", (answer) => this.#answer(passing, sent, answer, res));
    if (cut === "within its body") {
      sent.write(body.slice(0, Math.ceil(body.length / 2)), () => {
        sent.destroy();
        this.#cut(passing, cut, res);
      });
      return;
    }
    sent.end(body);
    res.on("close", () => {
      if (method === "POST" && !res.writableFinished) sent.destroy();
    });
  }

  #cut({ method }: PassingRequest, cut: RequestCut, res: ServerResponse): void {
    this.kills++;
    this.note(`!! ${method}: ${cut}`);
    res.destroy();
  }

  #answer(
    passing: PassingRequest,
    sent: ClientRequest,
    answer: IncomingMessage,
    res: ServerResponse,
  ): void {
    const status = answer.statusCode ?? 0;
    const isStream = answer.headers["content-type"] === "text/event-stream";
    this.note(`-> ${passing.method} ${status}`);
    res.writeHead(status, answer.rawHeaders);
    if (passing.method === "POST") this.posts.push({ ...passing, status });
    if (!isStream) {
      answer.on("error", () => res.destroy());
      answer.pipe(res);
      return;
    }
    res.flushHeaders();
    if (this.retryMs !== undefined) res.write(`retry: ${this.retryMs}\n\n`);
    const stream = new KillableStream(this, passing, { sent, answer, res }, () =>
      this.#facts.emit("change"),
    );
    this.streams.push(stream);
    if (this.next !== undefined && passing.method === "GET") {
      stream.killAfter(this.next.events + (this.sparesFirst ? 1 : 0), this.next.way);
      this.next = undefined;
    }
    this.#facts.emit("stream");
  }
}

/** What of a GET's headers tells one client, and one attempt, from another. */
function marksOf(headers: IncomingMessage["headers"]): string {
  return ["last-event-id", "mcp-protocol-version", "x-mcp-instance", "cookie"]
    .filter((name) => headers[name] !== undefined)
    .map((name) => `${name}=${String(headers[name])}`)
    .join(" ");
}
