import { EventReader } from "./event-reader.mjs";
import { problemOf } from "./session.mjs";

const REVISIONS = { 2025: "2025-11-25", 2026: "2026-07-28" };

const ACCEPT = "accept: application/json, text/event-stream\r\n";

const PREFIX = "io.modelcontextprotocol";

/** What each request of 2026-07-28 says of its client. */
const ENVELOPE = {
  [`${PREFIX}/protocolVersion`]: REVISIONS[2026],
  [`${PREFIX}/clientCapabilities`]: {},
  [`${PREFIX}/clientInfo`]: { name: "bench", version: "1.0.0" },
};

/**
 * How far apart the ids of two clients are. Clients of their own all count from 1; but mcp-framework
 * gives an answer to whoever has a call of that id, so that none of its answers would be right.
 */
const ID_STEP = 100_000;

let clients = 0;

/** One MCP client of Streamable HTTP, which listens to no stream; with 2026 each call stands for itself. */
export class StreamableSession {
  #pool;
  #host;
  #credential;
  #isModern;
  #named = "";
  #lastId = ++clients * ID_STEP;
  #isClosed = false;

  /**
   * @param era 2025 or 2026.
   * @param pool for its POSTs.
   * @param credential header lines that go with each request.
   */
  constructor(era, port, pool, credential) {
    this.#isModern = era === 2026;
    this.#pool = pool;
    this.#credential = credential;
    this.#host = `host: 127.0.0.1:${port}\r\ncontent-type: application/json\r\n${ACCEPT}`;
  }

  /** Begins the conversation; where there is none, calls once. */
  async open() {
    if (this.#isModern) {
      const problem = await new Promise((resolve) => this.call("opened", 1, resolve));
      if (problem !== undefined) throw new Error(problem);
      return;
    }
    const { head, message } = await this.#request("initialize", {
      protocolVersion: REVISIONS[2025],
      capabilities: {},
      clientInfo: { name: "bench", version: "1.0.0" },
    });
    const id = /\r\nmcp-session-id: *([^\r\n]+)/i.exec(head)?.[1];
    if (message?.result?.serverInfo === undefined || id === undefined) {
      throw new Error("initialize has no result, or no session");
    }
    this.#named = `mcp-session-id: ${id}\r\nmcp-protocol-version: ${REVISIONS[2025]}\r\n`;
    await this.#notify("notifications/initialized");
  }

  /** Calls the tool, and checks what it answers. @param onDone called with what was wrong. */
  call(text, times, onDone) {
    if (this.#isClosed) {
      onDone("the client has left");
      return;
    }
    const args = times === 1 ? { text } : { text, times };
    const params = { name: "echo", arguments: args };
    const id = ++this.#lastId;
    const message = this.#isModern
      ? { id, method: "tools/call", params: { ...params, _meta: ENVELOPE } }
      : { id, method: "tools/call", params };
    this.#post(message, this.#credential, (status, head, body) => {
      if (status === 200) onDone(problemOf(answerIn(head, body, id), text, times));
      else onDone(`POST was answered ${status}: ${body.slice(0, 200)}`);
    });
  }

  /** Its POSTs go through this pool from now on. */
  postThrough(pool) {
    this.#pool = pool;
  }

  /** Calls without the credential. @returns the status. */
  postAsStranger() {
    const params = { name: "echo", arguments: { text: "x" }, _meta: ENVELOPE };
    const message = { id: ++this.#lastId, method: "tools/call", params };
    return new Promise((resolve) => this.#post(message, "", resolve));
  }

  close() {
    this.#isClosed = true;
  }

  #request(method, params) {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#post({ id, method, params }, this.#credential, (status, head, body) => {
        if (status === 200) resolve({ head, message: answerIn(head, body, id) });
        else reject(new Error(`${method} was answered ${status}: ${body.slice(0, 200)}`));
      });
    });
  }

  #notify(method) {
    return new Promise((resolve, reject) => {
      this.#post({ method }, this.#credential, (status) => {
        if (status === 202) resolve();
        else reject(new Error(`${method} was answered ${status}`));
      });
    });
  }

  #post(message, credential, onAnswer) {
    // Only ASCII is sent, so that its length in characters is its length in bytes.
    const body = JSON.stringify({ jsonrpc: "2.0", ...message });
    const own = this.#isModern ? modernHeaders(message) : this.#named;
    const head = `POST /mcp HTTP/1.1\r\n${this.#host}${own}${credential}`;
    this.#pool.post(`${head}content-length: ${body.length}\r\n\r\n${body}`, onAnswer);
  }
}

function modernHeaders({ method, params }) {
  return (
    `mcp-protocol-version: ${REVISIONS[2026]}\r\n` +
    `mcp-method: ${method}\r\nmcp-name: ${params.name}\r\n`
  );
}

/** The answer in a response, which is JSON, or events of which one is the answer. */
function answerIn(head, body, id) {
  if (!/\r\ncontent-type: *text\/event-stream/i.test(head)) return only(JSON.parse(body), id);
  let answer;
  const events = new EventReader((_type, data) => {
    if (data !== "") answer ??= only(JSON.parse(data), id);
  });
  events.take(body.replaceAll("\r\n", "\n"));
  return answer;
}

/** Some servers answer one message by a list of one. */
function only(parsed, id) {
  const [message = parsed] = Array.isArray(parsed) ? parsed : [];
  return message.id === id ? message : undefined;
}
