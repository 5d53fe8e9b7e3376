import { Agent, request } from "node:http";
import type { ClientRequest, IncomingMessage } from "node:http";

const poster = new Agent({ keepAlive: true, maxSockets: 64 });

/** A client as small as one can be: it answers pings, and comes back by itself when it is cut. */
export class SoakClient {
  readonly #url: string;
  readonly #key: string;
  readonly #answers = new Map<number, () => void>();
  #stream: ClientRequest | undefined;
  #endpoint: string | undefined;
  #lastEventId: string | undefined;
  #usesLastEventId: boolean;
  #nextId = 1;
  #hasLeft = false;
  #onendpoint: (() => void) | undefined;

  /** @param usesLastEventId whether it names its last event when it comes back; else it is probed. */
  constructor(url: string, key: string, usesLastEventId: boolean) {
    this.#url = url;
    this.#key = key;
    this.#usesLastEventId = usesLastEventId;
  }

  async open(): Promise<void> {
    const ready = new Promise<void>((resolve) => (this.#onendpoint = resolve));
    this.#connect(false);
    await ready;
    await this.#call("initialize", {
      protocolVersion: "2025-06-18",
      capabilities: {},
      clientInfo: { name: "soak", version: "1" },
    });
    await this.#post({ jsonrpc: "2.0", method: "notifications/initialized" });
  }

  async echo(bytes: number): Promise<void> {
    await this.#call("tools/call", { name: "echo", arguments: { text: "x".repeat(bytes) } });
  }

  /** Cuts its own stream, and comes back. */
  drop(): void {
    this.#stream?.destroy();
  }

  /** Goes for good. */
  leave(): void {
    this.#hasLeft = true;
    this.#stream?.destroy();
  }

  #connect(isReturn: boolean): void {
    if (this.#hasLeft) return;
    const headers: Record<string, string> = { "x-api-key": this.#key };
    if (isReturn) headers["mcp-protocol-version"] = "2025-06-18";
    if (isReturn && this.#usesLastEventId && this.#lastEventId !== undefined) {
      headers["last-event-id"] = this.#lastEventId;
    }
    let isOver = false;
    const again = (): void => {
      if (isOver) return;
      isOver = true;
      setTimeout(() => this.#connect(true), 50);
    };
    const stream = request(this.#url, { headers, agent: false });
    stream.on("response", (response) => this.#read(response, again));
    stream.on("error", again);
    stream.end();
    this.#stream = stream;
  }

  #read(response: IncomingMessage, again: () => void): void {
    let text = "";
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => {
      text += chunk;
      const blocks = text.split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) this.#take(block);
    });
    response.on("error", () => undefined);
    response.on("close", again);
  }

  #take(block: string): void {
    const fields = new Map(
      block.split("\n").map((line) => line.split(/: (.*)/s) as [string, string]),
    );
    this.#lastEventId = fields.get("id") ?? this.#lastEventId;
    const data = fields.get("data");
    if (data === undefined) return;
    if (fields.get("event") === "endpoint") {
      this.#endpoint = new URL(data, this.#url).href;
      this.#onendpoint?.();
      return;
    }
    const message = JSON.parse(data) as { id?: number; method?: string };
    if (message.method === "ping") {
      void this.#post({ jsonrpc: "2.0", id: message.id, result: {} });
    } else if (message.id !== undefined) {
      this.#answers.get(message.id)?.();
      this.#answers.delete(message.id);
    }
  }

  async #call(method: string, params: object): Promise<void> {
    const id = this.#nextId++;
    const answered = new Promise<void>((resolve) => this.#answers.set(id, resolve));
    await this.#post({ jsonrpc: "2.0", id, method, params });
    await answered;
  }

  #post(message: object): Promise<void> {
    const body = JSON.stringify(message);
    const headers = {
      "x-api-key": this.#key,
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
    };
    return new Promise((resolve, reject) => {
      const sent = request(
        this.#endpoint ?? "",
        { method: "POST", headers, agent: poster },
        (response) => {
          response.resume();
          response.on("end", () => {
            const { statusCode = 0 } = response;
            if (statusCode === 202 || this.#hasLeft) resolve();
            else reject(new Error(`POST ${JSON.stringify(message).slice(0, 60)}: ${statusCode}`));
          });
        },
      );
      sent.on("error", reject);
      sent.end(body);
    });
  }
}
