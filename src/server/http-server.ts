import { createServer } from "node:http";
import type { RequestListener, Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { LAST_BYTES_MS } from "../session/close-reason.js";
import type { HttpTimes } from "./server-options.js";

/** What an {@link HttpListener} serves, and how much it reads. */
export interface HttpListenerInit {
  readonly app: RequestListener;
  readonly maxHeaderBytes: number;
  readonly times: HttpTimes;
  /** Hears of each request whose header is larger. */
  readonly onHeaderTooLarge: () => void;
}

/** How often connections that have become idle are looked for while the server stops, in milliseconds. */
const SWEEP_MS = 20;

/** An HTTP server that frees its port as soon as everybody has been served. */
export class HttpListener {
  readonly server: Server;
  readonly #sockets = new Set<Socket>();

  constructor({ app, maxHeaderBytes, times, onHeaderTooLarge }: HttpListenerInit) {
    this.server = createServer({ maxHeaderSize: maxHeaderBytes, ...times }, app);
    this.server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
      if (error.code === "HPE_HEADER_OVERFLOW") onHeaderTooLarge();
      refuseBadRequest(error, socket);
    });
    this.server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
  }

  /** Where the server listens; `undefined` while it does not. */
  get address(): AddressInfo | undefined {
    return (this.server.address() as AddressInfo | null) ?? undefined;
  }

  /** @throws Error that names the port when it cannot be had. */
  async listen(port: number, host: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.server.once("error", (cause) => reject(cannotListen(host, port, cause)));
      this.server.listen(port, host, resolve);
    });
  }

  /** Takes no more connections, and resolves when the last is gone. */
  async close(): Promise<void> {
    const server = this.server;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    const cut = setTimeout(() => server.closeAllConnections(), LAST_BYTES_MS);
    const sweep = setInterval(() => this.#closeIdle(), SWEEP_MS);
    this.#closeIdle();
    await closed;
    clearTimeout(cut);
    clearInterval(sweep);
  }

  #closeIdle(): void {
    this.server.closeIdleConnections();
    // Clients open spare connections; one that never sent a byte is not idle in Node's eyes.
    for (const socket of this.#sockets) if (socket.bytesRead === 0) socket.destroy();
  }
}

/** Statuses for requests that are none that HTTP knows; as Node itself answers them. */
const STATUS_OF_PARSE_ERROR: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: "431 Request Header Fields Too Large",
  HPE_CHUNK_EXTENSIONS_OVERFLOW: "413 Payload Too Large",
  ERR_HTTP_REQUEST_TIMEOUT: "408 Request Timeout",
};

/** Answers bytes that are no request, unless an answer to an earlier one is being written. */
function refuseBadRequest({ code = "" }: NodeJS.ErrnoException, socket: Duplex): void {
  const { _httpMessage: answer } = socket as { _httpMessage?: { headersSent: boolean } | null };
  if (socket.writable && answer?.headersSent !== true) {
    const status = STATUS_OF_PARSE_ERROR[code] ?? "400 Bad Request";
    socket.write(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`);
  }
  socket.destroy();
}

function cannotListen(host: string, port: number, cause: Error): Error {
  const { code } = cause as NodeJS.ErrnoException;
  const why = code === "EADDRINUSE" ? "is taken by another program" : "cannot be opened";
  return new Error(`Port ${port} on ${host} ${why}. Choose another in transport.options.port.`, {
    cause,
  });
}
