import { request } from "node:http";
import type { IncomingHttpHeaders } from "node:http";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { noteCredentials, observeAnswer } from "./leak-watch.js";
import { onDispose } from "./clean-up.js";
import type { Json } from "./raw-sse.js";

/** An answer with its headers as they were sent. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Names and values, in the order and the case of the wire. */
  readonly rawHeaders: readonly string[];
  readonly text: string;
  /** The body, if it is JSON. */
  readonly json: Json;
}

/** A request that `fetch` would not send: any Host, any path, repeated headers. */
export interface RawRequest {
  readonly method?: string;
  /** Sent as it is, instead of the URL's path. */
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Buffer;
  /** Whether Node adds a Host header. Default: true. */
  readonly setHost?: boolean;
}

/** Sends a request; of an event stream only the head is read. */
export function send(url: string, options: RawRequest = {}): Promise<RawAnswer> {
  const { method = "GET", path, headers = {}, body, setHost = true } = options;
  const { hostname, port, pathname, search } = new URL(url);
  const target = path ?? pathname + search;
  noteCredentials(target, headers);
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: hostname.replace(/[[\]]/g, ""), port, method, path: target, setHost, agent: false },
      (response) => {
        let text = "";
        const finish = (): void => {
          observeAnswer(response.headers, () => text);
          const isJson = response.headers["content-type"]?.startsWith("application/json") === true;
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            rawHeaders: response.rawHeaders,
            text,
            json: isJson && text !== "" ? JSON.parse(text) : undefined,
          });
        };
        if (response.headers["content-type"] === "text/event-stream") {
          finish();
          response.on("error", () => undefined);
          sent.destroy();
          return;
        }
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (text += chunk));
        response.on("end", finish);
        response.on("error", reject);
      },
    );
    sent.on("error", reject);
    for (const [name, value] of Object.entries(headers)) sent.setHeader(name, value);
    sent.end(body);
    onDispose(() => sent.destroy());
  });
}

/** A connection on which a test writes the bytes itself. */
export class RawConnection {
  readonly #socket: Socket;
  /** Everything received so far. */
  received = "";
  readonly #waiting: (() => void)[] = [];
  #isOver = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => {
      this.received += chunk;
      this.#wake();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.#isOver = true;
      this.#wake();
    });
    onDispose(() => socket.destroy());
  }

  static async open(port: number): Promise<RawConnection> {
    const socket = connect(port, "127.0.0.1");
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve).once("error", reject);
    });
    return new RawConnection(socket);
  }

  write(bytes: string | Buffer): void {
    this.#socket.write(bytes);
  }

  /** Reads no further: what comes fills the buffers on its way. */
  pause(): void {
    this.#socket.pause();
  }

  /** Reads on. */
  resume(): void {
    this.#socket.resume();
  }

  /** Says that nothing more will come. */
  finish(): void {
    this.#socket.end();
  }

  /** Resolves when more has been received, or nothing more will be. */
  async more(): Promise<void> {
    if (!this.#isOver) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Resolves when something has been received. */
  async until(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.received)) {
      if (this.#isOver) throw new Error(`the connection ended after: ${this.received}`);
      await this.more();
    }
  }

  /** Ends the connection without a goodbye. */
  destroy(): void {
    this.#socket.destroy();
  }

  /** The next complete answer that has a Content-Length. */
  async nextAnswer(): Promise<{ status: number; head: string; body: string }> {
    for (;;) {
      const end = this.received.indexOf("\r\n\r\n");
      if (end !== -1) {
        const head = this.received.slice(0, end);
        const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0);
        const body = this.received.slice(end + 4, end + 4 + length);
        if (body.length === length) {
          this.received = this.received.slice(end + 4 + length);
          return { status: Number(head.split(" ")[1]), head, body };
        }
      }
      if (this.#isOver) throw new Error(`the connection ended after: ${this.received}`);
      await this.more();
    }
  }

  /** Resolves when the connection has ended. */
  async ended(): Promise<void> {
    while (!this.#isOver) await this.more();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
