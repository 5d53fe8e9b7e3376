import { connect } from "node:net";
import { performance } from "node:perf_hooks";
import { HttpReader } from "./http-reader.mjs";

/** Servers close a connection that was idle for five seconds; one that is older is not trusted. */
const MAX_IDLE_MS = 3_000;

/** Keep-alive connections for POSTs: as many as there are POSTs at a time. */
export class PostPool {
  #port;
  #awake;
  #idle = [];
  #all = new Set();

  /** @param awake is told of everything that comes. */
  constructor(port, awake) {
    this.#port = port;
    this.#awake = awake;
  }

  /** Sends a whole request. @param onAnswer called with status, head and body once it was read to its end. */
  post(request, onAnswer) {
    const connection = this.#findIdle() ?? this.#connect();
    connection.onAnswer = onAnswer;
    connection.socket.write(request, "latin1");
  }

  close() {
    for (const { socket } of this.#all) socket.destroy();
    this.#idle.length = 0;
  }

  #findIdle() {
    const oldest = performance.now() - MAX_IDLE_MS;
    for (;;) {
      const connection = this.#idle.pop();
      if (connection === undefined) return undefined;
      if (connection.usedAt > oldest && !connection.socket.destroyed) return connection;
      connection.socket.destroy();
    }
  }

  #connect() {
    const socket = connect({ port: this.#port, host: "127.0.0.1", noDelay: true });
    const connection = { socket, usedAt: 0, onAnswer: undefined };
    let status = 0;
    let head = "";
    let body = "";
    const reader = new HttpReader({
      onHead: (code, text) => {
        status = code;
        head = text;
        body = "";
      },
      onText: (text) => (body += text),
      onEnd: () => {
        const { onAnswer } = connection;
        connection.onAnswer = undefined;
        connection.usedAt = performance.now();
        this.#idle.push(connection);
        onAnswer(status, head, body);
      },
    });
    socket.setEncoding("latin1");
    socket.on("data", (text) => {
      this.#awake.noteWork();
      reader.take(text);
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.#all.delete(connection);
      // Status 0 is no status: whoever waits for an answer counts it as a wrong one.
      connection.onAnswer?.(0, "", "");
    });
    this.#all.add(connection);
    return connection;
  }
}
