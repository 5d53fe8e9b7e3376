import { request } from "node:http";
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from "node:http";
import { onDispose } from "./clean-up.js";
import { noteCredentials, observeAnswer } from "./leak-watch.js";

/** Whatever a test expects to find in an answer; it fails if that is not there. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Json = any;

/** One event as it came over the wire. */
export interface RawEvent {
  event: string;
  data: string;
  id?: string;
}

/** An event stream read byte for byte, so that tests see what no client library shows. */
export class RawStream {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Everything received so far. */
  bytes = "";
  /** Resolves when the server has ended the stream or the connection is gone. */
  readonly ended: Promise<void>;
  readonly #request: ClientRequest;
  readonly #response: IncomingMessage;
  readonly #waiting: (() => void)[] = [];
  /** Blocks that have come whole and that nobody has taken. */
  readonly #unread: string[] = [];
  /** Requests whose answers somebody waits for. */
  readonly #awaited = new Set<unknown>();
  /** How far `bytes` have been split into blocks. */
  #split = 0;
  #isOver = false;

  constructor(clientRequest: ClientRequest, response: IncomingMessage) {
    this.#request = clientRequest;
    this.#response = response;
    this.status = response.statusCode ?? 0;
    this.headers = response.headers;
    observeAnswer(response.headers, () => this.bytes);
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => {
      this.bytes += chunk;
      // Looking for the end of a long event at each of its pieces would take longer than they do.
      if (chunk.includes("\n")) this.#splitBlocks();
      this.#wake();
    });
    this.ended = new Promise((resolve) => {
      response.on("error", () => undefined);
      response.on("close", () => {
        this.#isOver = true;
        this.#wake();
        resolve();
      });
    });
  }

  /** The next complete block of the stream that is no event: a comment. */
  async nextComment(): Promise<string> {
    for (;;) {
      const block = await this.#nextBlock();
      if (block.startsWith(":")) return block;
    }
  }

  /** The next event; comments are passed over. */
  async nextEvent(): Promise<RawEvent> {
    for (;;) {
      const block = await this.#nextBlock();
      if (!block.startsWith(":")) return parseEvent(block);
    }
  }

  /**
   * The next message of the MCP server. The transport's own pings are passed over: when one comes
   * depends on how busy the machine is.
   */
  async nextMessage(): Promise<Record<string, Json>> {
    for (;;) {
      const message = await this.nextMessageOrPing();
      if (!isTransportPing(message)) return message;
    }
  }

  /** The next message, whether it is the MCP server's or a ping of the transport. */
  async nextMessageOrPing(): Promise<Record<string, Json>> {
    const { event, data } = await this.nextEvent();
    if (event !== "message") throw new Error(`expected a message, got ${event}`);
    return JSON.parse(data) as Record<string, Json>;
  }

  /**
   * The id of the next ping of the transport that begins with a prefix. Its other pings are passed
   * over, as in {@link nextMessage}; a message of the MCP server is not.
   */
  async nextPing(prefix: string): Promise<string> {
    for (;;) {
      const message = await this.nextMessageOrPing();
      if (!isTransportPing(message)) {
        throw new Error(`expected a ping ${prefix}, got ${JSON.stringify(message)}`);
      }
      const id = message["id"] as string;
      if (id.startsWith(prefix)) return id;
    }
  }

  /**
   * The answer to a request, whatever else comes before it: messages stay to be read, comments and
   * pings are passed over as in {@link nextMessage}. An answer for which nobody waits is an error.
   */
  async answerTo(id: unknown): Promise<Record<string, Json>> {
    this.#awaited.add(id);
    try {
      for (;;) {
        const index = this.#unread.findIndex((block) => this.#isAnswer(block, id));
        if (index !== -1) {
          const before = this.#unread.splice(0, index + 1);
          const answer = messageIn(before.pop()!)!;
          this.#unread.unshift(...before.filter(isRead));
          return answer;
        }
        await this.#more();
      }
    } finally {
      this.#awaited.delete(id);
    }
  }

  /** Stops and resumes reading from the socket: a slow reader. */
  pause(): void {
    this.#response.pause();
  }

  resume(): void {
    this.#response.resume();
  }

  close(): void {
    this.#request.destroy();
  }

  async #nextBlock(): Promise<string> {
    for (;;) {
      const block = this.#unread.shift();
      if (block !== undefined) return block;
      await this.#more();
    }
  }

  /** Whether a block is the answer to a request. @throws Error when it answers what nobody asked. */
  #isAnswer(block: string, id: unknown): boolean {
    const message = block.includes('"id":') ? messageIn(block) : undefined;
    if (message === undefined || message["method"] !== undefined) return false;
    if (this.#awaited.has(message["id"])) return message["id"] === id;
    throw new Error(`expected the answer to ${JSON.stringify(id)}: ${block}`);
  }

  /** Resolves when something more has come. @throws Error when the stream is over. */
  async #more(): Promise<void> {
    if (this.#isOver) throw new Error(`the stream has ended after: ${this.bytes}`);
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #splitBlocks(): void {
    for (;;) {
      const end = this.bytes.indexOf("\n\n", this.#split);
      if (end === -1) return;
      this.#unread.push(this.bytes.slice(this.#split, end));
      this.#split = end + 2;
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** Whether a message is one with which the transport itself asks its client something. */
function isTransportPing({ id, method }: Record<string, Json>): boolean {
  return method === "ping" && typeof id === "string" && id.startsWith("express-mcp-sse-");
}

/** The message that a block carries, if it does. */
function messageIn(block: string): Record<string, Json> | undefined {
  const { event, data } = parseEvent(block);
  if (event !== "message" || data === "") return undefined;
  return JSON.parse(data) as Record<string, Json>;
}

/** Whether a block is more than a comment or a ping of the transport. */
function isRead(block: string): boolean {
  const isPing = block.includes('"method":"ping"') && isTransportPing(messageIn(block) ?? {});
  return !block.startsWith(":") && !isPing;
}

function parseEvent(block: string): RawEvent {
  const event: RawEvent = { event: "message", data: "" };
  const data: string[] = [];
  for (const line of block.split("\n")) {
    const [, field, value] = /^(\w+): ?(.*)$/s.exec(line) ?? [];
    if (field === "event") event.event = value ?? "";
    if (field === "id") event.id = value ?? "";
    if (field === "data") data.push(value ?? "");
  }
  return { ...event, data: data.join("\n") };
}

/**
 * Opens a stream, or shows the refusal: then `status` is not 200 and `bytes` hold the body after `ended`.
 *
 * @param path sent as it is, instead of the URL's path.
 */
export function openStream(
  url: string,
  headers: Record<string, string | string[]> = {},
  path?: string,
): Promise<RawStream> {
  noteCredentials(path ?? url, headers);
  return new Promise((resolve, reject) => {
    const clientRequest = request(url, {
      ...(path !== undefined && { path }),
      headers: { accept: "text/event-stream", ...headers },
      agent: false,
    });
    clientRequest.on("response", (response) => resolve(new RawStream(clientRequest, response)));
    clientRequest.on("error", reject);
    clientRequest.end();
    onDispose(() => clientRequest.destroy());
  });
}

/** Posts a body; objects are sent as JSON. */
export async function post(
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; headers: Headers; text: string; json: Json }> {
  noteCredentials(url, headers);
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  const text = await response.text();
  observeAnswer(response.headers, () => text);
  const isJson = response.headers.get("content-type")?.startsWith("application/json") === true;
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: isJson ? JSON.parse(text) : undefined,
  };
}

/** A session opened by hand: its stream and the URL to post to. */
export async function openSession(
  sseUrl: string,
  headers: Record<string, string | string[]> = {},
): Promise<{ stream: RawStream; endpoint: string; postUrl: string }> {
  const stream = await openStream(sseUrl, headers);
  if (stream.status !== 200) {
    await stream.ended;
    throw new Error(`GET answered ${stream.status}: ${stream.bytes}`);
  }
  const { event, data } = await stream.nextEvent();
  if (event !== "endpoint") throw new Error(`expected the endpoint event, got ${event}`);
  return { stream, endpoint: data, postUrl: new URL(data, sseUrl).href };
}

/** Messages of a client's life, as they are posted. */
export const initialize = {
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: {
    protocolVersion: "2024-11-05",
    capabilities: {},
    clientInfo: { name: "raw", version: "1" },
  },
} as const;
export const initialized = { jsonrpc: "2.0", method: "notifications/initialized" } as const;

export function toolCall(id: number, name: string, args: Record<string, unknown> = {}): object {
  return { jsonrpc: "2.0", id, method: "tools/call", params: { name, arguments: args } };
}
