import { setMaxListeners } from "node:events";
import type { ClientKit, ConnectOptions, FaultClient, Listener } from "../sdk-clients.js";
import { onDispose } from "../clean-up.js";
import type { Json } from "../raw-sse.js";
import { initialized } from "../raw-sse.js";
import { initializeFor } from "../streamable.js";
import { signal } from "../waiting.js";

type Message = Record<string, Json>;

interface Call {
  readonly settle: (answer: Message | Error) => void;
  readonly onprogress: ((progress: number) => void) | undefined;
}

/**
 * A client that does over Streamable HTTP what the specification says, wherever it is cut off: it comes
 * back to each stream behind the last event that it has whole, as often as it takes, and sends a
 * message again of which nothing has left. What comes twice on a stream, or skips back, is an error.
 */
class SpecClient implements FaultClient {
  readonly errors: Error[] = [];
  readonly closed: Promise<void>;
  readonly #url: string;
  readonly #listener: Listener;
  readonly #headers: Record<string, string>;
  readonly #calls = new Map<number, Call>();
  readonly #lastOf = new Map<string, number>();
  readonly #stopped = new AbortController();
  #id = 0;

  constructor(url: string, { headers, listener }: ConnectOptions) {
    this.#url = url;
    this.#listener = listener;
    this.#headers = { ...headers };
    const { promise, resolve } = signal();
    setMaxListeners(0, this.#stopped.signal);
    this.closed = promise;
    this.#stopped.signal.addEventListener("abort", () => resolve());
    onDispose(() => this.close());
  }

  async open(): Promise<void> {
    const { params } = initializeFor("2025-11-25", { capabilities: { sampling: {} } }) as Message;
    await this.#request("initialize", params as object);
    this.#headers["mcp-protocol-version"] = "2025-11-25";
    await this.#post(initialized);
    void this.#follow(undefined, () => false).catch(this.#note);
  }

  async call(tool: string, args: object, onprogress?: (progress: number) => void): Promise<string> {
    const params = { name: tool, arguments: args };
    const { result } = await this.#request("tools/call", params, onprogress);
    return result.content[0].text as string;
  }

  async ping(): Promise<void> {
    await this.#request("ping", {});
  }

  close(): Promise<void> {
    this.#stopped.abort();
    return Promise.resolve();
  }

  #request(
    method: string,
    params: object,
    onprogress?: (progress: number) => void,
  ): Promise<Message> {
    const id = ++this.#id;
    return new Promise((resolve, reject) => {
      const settle = (answer: Message | Error): void => {
        this.#calls.delete(id);
        if (answer instanceof Error) reject(answer);
        else resolve(answer);
      };
      this.#calls.set(id, { settle, onprogress });
      const named = { ...params, _meta: { progressToken: id } };
      this.#post({ jsonrpc: "2.0", id, method, params: named }, id).catch(settle);
    });
  }

  /** Sends a message; a call's answer comes on its response, or on those that continue it. */
  async #post(message: object, id?: number): Promise<void> {
    const response = await this.#send("POST", JSON.stringify(message));
    if (!response.ok) throw new Error(`POST: ${response.status} ${await response.text()}`);
    const session = response.headers.get("mcp-session-id");
    if (session !== null) this.#headers["mcp-session-id"] = session;
    if (id === undefined) return;
    if (response.headers.get("content-type") === "application/json") {
      this.#receive((await response.json()) as Message);
      return;
    }
    await this.#follow(response, () => !this.#calls.has(id));
  }

  /** Reads a stream to its end, over one response after the other. @param first default: a GET. */
  async #follow(first: Response | undefined, isDone: () => boolean): Promise<void> {
    let response = first;
    let last: string | undefined;
    while (!this.#stopped.signal.aborted) {
      if (response === undefined) {
        response = await this.#send("GET", undefined, last);
        if (response.status !== 200) throw new Error(`GET: ${response.status}`);
      }
      last = (await this.#read(response)) ?? last;
      if (isDone()) return;
      if (first !== undefined && last === undefined) throw new Error("cut off before it had an id");
      response = undefined;
    }
  }

  /** Sends a request until a server has it. */
  async #send(method: "GET" | "POST", body?: string, last?: string): Promise<Response> {
    const headers = {
      ...this.#headers,
      accept: method === "GET" ? "text/event-stream" : "application/json, text/event-stream",
      ...(body !== undefined && { "content-type": "application/json" }),
      ...(last !== undefined && { "last-event-id": last }),
    };
    for (;;) {
      try {
        const { signal: stop } = this.#stopped;
        return await fetch(this.#url, { method, headers, body: body ?? null, signal: stop });
      } catch (error) {
        if (this.#stopped.signal.aborted) throw error;
      }
    }
  }

  /** Reads what comes of a stream; half an event is none. @returns the id of the last one. */
  async #read({ body }: Response): Promise<string | undefined> {
    const text = new TextDecoder();
    let last: string | undefined;
    let unread = "";
    try {
      for await (const chunk of body!) {
        const blocks = (unread + text.decode(chunk, { stream: true })).split("\n\n");
        unread = blocks.pop()!;
        for (const block of blocks) last = this.#take(block) ?? last;
      }
    } catch {
      // Cut off; what there was of it counts.
    }
    return last;
  }

  #take(block: string): string | undefined {
    const id = /^id: (.*)$/m.exec(block)?.[1];
    const data = /^data: (.*)$/m.exec(block)?.[1] ?? "";
    if (id !== undefined) this.#count(id, data !== "");
    if (data !== "") this.#receive(JSON.parse(data) as Message);
    return id;
  }

  /** Each event of a stream has a number behind that of the one before. */
  #count(id: string, isMessage: boolean): void {
    const [, stream, number] = /^(.*)\.(\d+)$/.exec(id)!;
    const before = this.#lastOf.get(stream!) ?? 0;
    const isOurs = stream!.startsWith(`${this.#headers["mcp-session-id"]}.`);
    const isNew = isMessage ? Number(number) > before : Number(number) >= before;
    if (!isOurs || !isNew) this.#note(new Error(`event ${id} after ${before}`));
    this.#lastOf.set(stream!, Number(number));
  }

  #receive({ id, method, params, ...rest }: Message): void {
    if (method === undefined) this.#calls.get(id as number)?.settle({ id, ...rest });
    else if (method === "notifications/message") this.#listener.onNotification(params.data);
    else if (method === "notifications/progress")
      this.#calls.get(params.progressToken as number)?.onprogress?.(params.progress);
    else if (method === "sampling/createMessage") this.#answer(id, params);
  }

  #answer(id: Json, params: Json): void {
    const text = this.#listener.onSampling(params.messages[0].content.text as string);
    const result = { model: "spec", role: "assistant", content: { type: "text", text } };
    this.#post({ jsonrpc: "2.0", id, result }).catch(this.#note);
  }

  readonly #note = (error: unknown): void => {
    if (!this.#stopped.signal.aborted) this.errors.push(error as Error);
  };
}

export const specClient: ClientKit = {
  name: "a client that follows the specification",
  connect: async (url, options) => {
    const client = new SpecClient(url, options);
    await client.open();
    return client;
  },
};
