import { connect } from "node:net";
import { EventReader } from "./event-reader.mjs";
import { HttpReader } from "./http-reader.mjs";

/** One MCP client: its event stream, and what it has asked. */
export class Session {
  /** Called with each notification. */
  onNotification;
  #pool;
  #port;
  #credential;
  #awake;
  #socket;
  #head = "";
  #answers = new Map();
  #lastId = 0;
  #opened;
  /** Whether the stream has ended, or is to. */
  #isClosing = false;

  /**
   * @param pool for its POSTs.
   * @param credential header lines that go with each request.
   * @param awake is told of everything that comes.
   */
  constructor(port, pool, credential, awake) {
    this.#port = port;
    this.#pool = pool;
    this.#credential = credential;
    this.#awake = awake;
  }

  /** Opens the stream and begins the conversation, as every client does. */
  async open() {
    await new Promise((resolve, reject) => {
      this.#opened = { resolve, reject };
      this.#connect();
    });
    const { result } = await this.#request("initialize", {
      protocolVersion: "2024-11-05",
      capabilities: {},
      clientInfo: { name: "bench", version: "1.0.0" },
    });
    if (result?.serverInfo === undefined) throw new Error("initialize has no result");
    await this.#notify("notifications/initialized");
  }

  /**
   * Calls the tool, and checks what it answers.
   *
   * @param onDone called once the POST and the call are both answered, with what was wrong.
   */
  call(text, times, onDone) {
    if (this.#isClosing) {
      onDone("the stream had ended");
      return;
    }
    const id = ++this.#lastId;
    let open = 2;
    let problem;
    const part = (found) => {
      problem ??= found;
      if (--open === 0) onDone(problem);
    };
    this.#answers.set(id, (message) => part(problemOf(message, text, times)));
    const args = times === 1 ? { text } : { text, times };
    this.#post(
      { id, method: "tools/call", params: { name: "echo", arguments: args } },
      (status) => {
        if (status === 202) {
          part();
          return;
        }
        // Nothing follows.
        this.#answers.delete(id);
        onDone(`POST was answered ${status}`);
      },
    );
  }

  /** Its POSTs go through this pool from now on. */
  postThrough(pool) {
    this.#pool = pool;
  }

  /** Posts to this session without the credential. @returns the status. */
  postAsStranger() {
    const head = this.#head.replace(this.#credential, "");
    return new Promise((resolve) => this.#pool.post(`${head}2\r\n\r\n{}`, resolve));
  }

  close() {
    this.#isClosing = true;
    this.#socket?.destroy();
  }

  #connect() {
    const events = new EventReader((type, data) => this.#take(type, data));
    const reader = new HttpReader({
      onHead: (status, head) => {
        if (status !== 200) this.#opened.reject(new Error(`GET was answered ${status}: ${head}`));
      },
      onText: (text) => events.take(text),
      onEnd: () => this.#lost(),
    });
    this.#socket = connect({ port: this.#port, host: "127.0.0.1", noDelay: true });
    this.#socket.setEncoding("latin1");
    this.#socket.on("data", (text) => {
      this.#awake.noteWork();
      reader.take(text);
    });
    this.#socket.on("error", () => undefined);
    this.#socket.on("close", () => this.#lost());
    const host = `host: 127.0.0.1:${this.#port}\r\n`;
    this.#socket.write(
      `GET /sse HTTP/1.1\r\n${host}accept: text/event-stream\r\n${this.#credential}\r\n`,
    );
  }

  /** A stream that ends while it is needed fails everything that waits for it. */
  #lost() {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#opened.reject(new Error("the stream ended"));
    for (const answer of [...this.#answers.values()]) answer(undefined);
  }

  #take(type, data) {
    if (type === "endpoint") {
      this.#head =
        `POST ${data} HTTP/1.1\r\nhost: 127.0.0.1:${this.#port}\r\n` +
        `content-type: application/json\r\n${this.#credential}content-length: `;
      this.#opened.resolve();
      return;
    }
    const message = JSON.parse(data);
    if (message.method === undefined) {
      const answer = this.#answers.get(message.id);
      this.#answers.delete(message.id);
      answer?.(message);
    } else if (message.id === undefined) this.onNotification?.(message);
    else this.#answer(message);
  }

  /** What servers ask of clients like this one is whether they are there. */
  #answer({ id }) {
    this.#post({ id, result: {} }, () => undefined);
  }

  #request(method, params) {
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      this.#answers.set(id, (message = {}) => resolve(message));
      this.#post({ id, method, params }, (status) => {
        if (status !== 202) reject(new Error(`${method} was answered ${status}`));
      });
    });
  }

  #notify(method) {
    return new Promise((resolve, reject) => {
      this.#post({ method }, (status) => {
        if (status === 202) resolve();
        else reject(new Error(`${method} was answered ${status}`));
      });
    });
  }

  #post(message, onStatus) {
    // Only ASCII is sent, so that its length in characters is its length in bytes.
    const body = JSON.stringify({ jsonrpc: "2.0", ...message });
    this.#pool.post(`${this.#head}${body.length}\r\n\r\n${body}`, onStatus);
  }
}

/** What is wrong with an answer of the tool; `undefined` for nothing. */
export function problemOf(message, text, times) {
  const [first] = message?.result?.content ?? [];
  if (first?.text === (times === 1 ? text : text.repeat(times))) return undefined;
  return `wrong answer: ${JSON.stringify(message)?.slice(0, 200)}`;
}
