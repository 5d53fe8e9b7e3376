/** What the two programs share: a server of its own process, and clients that read as they like. */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { argv } from "node:process";
import { setTimeout as later } from "node:timers/promises";
import { initialize, initialized, toolCall } from "../../../kit/raw-sse.js";

export type FromServer =
  | { readonly kind: "port"; readonly port: number }
  | { readonly kind: "memory"; readonly mebibytes: number }
  | { readonly kind: "warning"; readonly line: string }
  | { readonly kind: "limited"; readonly what: string }
  | { readonly kind: "closed"; readonly reason: string };

const HEAP_MIB = 512;

/** The server in a process of its own, with a heap of 512 MiB. */
export class Server {
  port = 0;
  readonly warnings: string[] = [];
  /** How often each limit was reached, and by whom. */
  readonly limited: Record<string, number> = {};
  readonly closed: string[] = [];
  readonly #child: ChildProcess;

  constructor() {
    const execArgv = [`--max-old-space-size=${HEAP_MIB}`, "--expose-gc", "--import", "tsx"];
    this.#child = fork(join(dirname(argv[1] ?? ""), "server.ts"), {
      execArgv,
      stdio: ["ignore", 2, "ignore", "ipc"],
    });
    this.#child.on("message", (message: FromServer) => {
      if (message.kind === "port") this.port = message.port;
      if (message.kind === "warning") this.warnings.push(message.line);
      if (message.kind === "closed") this.closed.push(message.reason);
      if (message.kind === "limited") {
        this.limited[message.what] = (this.limited[message.what] ?? 0) + 1;
      }
    });
  }

  async listening(): Promise<void> {
    while (this.port === 0) await once(this.#child, "message");
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Mebibytes in use, after a collection. */
  async memory(): Promise<number> {
    if (!this.isAlive) return Infinity;
    this.#child.send("memory");
    for (;;) {
      const [message] = (await once(this.#child, "message")) as [FromServer];
      if (message.kind === "memory") return message.mebibytes;
    }
  }

  stop(): void {
    this.#child.kill("SIGKILL");
  }
}

/** How many POSTs may be under way, over connections that stay. */
const agent = new Agent({ keepAlive: true });

/** A client on a bare socket that answers the transport's pings, and reads at a given rate. */
export class Client {
  /** The ids of all answers that have come. */
  readonly answered = new Set<number>();
  isEnded = false;
  #path = "";
  #waiting: (() => void)[] = [];

  constructor(
    readonly port: number,
    readonly who: "heavy" | "other",
    /** Bytes a second; may be changed. */
    public rate = Infinity,
  ) {}

  async open(): Promise<this> {
    const socket = connect(this.port, "127.0.0.1").setEncoding("latin1");
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.isEnded = true;
      this.#wake();
    });
    socket.write(`GET /sse HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: ${this.#key}\r\n\r\n`);
    let tail = "";
    socket.on("data", (chunk: string) => {
      this.#read(tail + chunk, tail.length);
      tail = (tail + chunk).slice(-128);
      if (this.rate === Infinity) return;
      socket.pause();
      setTimeout(() => socket.resume(), (chunk.length / this.rate) * 1_000);
    });
    while (this.#path === "") await this.#next();
    for (const message of [initialize, initialized]) await this.post(JSON.stringify(message));
    return this;
  }

  /** Calls a tool. @returns the status of the POST. */
  async call(id: number, name: string, args: Record<string, unknown>): Promise<number> {
    return await this.post(JSON.stringify(toolCall(id, name, args)));
  }

  /** Resolves when an answer is there, or none will come any more. */
  async answerTo(id: number): Promise<void> {
    while (!this.answered.has(id) && !this.isEnded) await this.#next();
  }

  /** Posts a small body. @returns the status; 0 stands for a broken connection. */
  async post(body: string): Promise<number> {
    const headers = { "Content-Type": "application/json", "X-API-Key": this.#key };
    const { port } = this;
    const posting = request({ port, path: this.#path, method: "POST", headers, agent });
    return await new Promise((resolve) => {
      posting.on("error", () => resolve(0));
      posting.on("response", (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      posting.end(body);
    });
  }

  /** The same for a large one, in pieces, over a connection of its own; stops when it is answered. */
  async postLarge(pieces: readonly string[]): Promise<number> {
    const socket = connect(this.port, "127.0.0.1").setEncoding("latin1");
    let status: number | undefined;
    const answered = new Promise<void>((resolve) => {
      socket.on("data", (text: string) => {
        status ??= Number(/^HTTP\/1.1 (\d+)/.exec(text)?.[1]);
        resolve();
      });
      socket.on("error", () => resolve()).on("close", () => resolve());
    });
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    socket.write(
      `POST ${this.#path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: ${this.#key}\r\n` +
        `Content-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`,
    );
    for (const piece of pieces) {
      await Promise.race([later(2), answered]);
      if (status !== undefined || socket.destroyed) break;
      const sent = new Promise((resolve) => socket.write(piece, "latin1", resolve));
      await Promise.race([sent, answered]);
    }
    await answered;
    socket.destroy();
    return status ?? 0;
  }

  get #key(): string {
    return `${this.who}-0123456789abcdef`;
  }

  #read(text: string, known: number): void {
    for (const { 0: found, 1: id, index } of text.matchAll(/"id":(\d+)\}\n/g)) {
      if (index + found.length > known) this.answered.add(Number(id));
    }
    for (const { 0: found, 1: id, index } of text.matchAll(
      /"id":"(express-mcp-sse-ack-[\w-]+)"/g,
    )) {
      if (index + found.length <= known) continue;
      void this.post(JSON.stringify({ jsonrpc: "2.0", id, result: {} }));
    }
    this.#path ||= /data: (\/\S+)\n/.exec(text)?.[1] ?? "";
    this.#wake();
  }

  #next(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** Calls something small, again and again, and notes how long each takes, in milliseconds. */
export async function watch(client: Client, isOver: () => boolean): Promise<number[]> {
  const times: number[] = [];
  for (let id = client.answered.size + 1; !isOver() && !client.isEnded; id++) {
    const start = performance.now();
    const status = await client.call(id, "work", { ms: 0, data: "" });
    if (status === 202) await client.answerTo(id);
    times.push(status === 202 ? performance.now() - start : Infinity);
    await later(20);
  }
  return times.sort((a, b) => a - b);
}

export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Infinity;
}
