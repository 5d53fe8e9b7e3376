import { createServer } from "node:http";
import type { RequestListener, Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** Larger than Node's 16 KiB, so that an oversized token is refused with an answer that says so. */
const MAX_HEADER_BYTES = 128 * 1024;

/** How long the last bytes may take to reach slow readers before their sockets are cut, in milliseconds. */
const LAST_BYTES_MS = 2_000;

/** How often connections that have become idle are looked for while the server stops, in milliseconds. */
const SWEEP_MS = 20;

/** An HTTP server that frees its port as soon as everybody has been served. */
export class HttpListener {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(app: RequestListener) {
    this.#server = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, app);
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
  }

  /** Where the server listens; `undefined` while it does not. */
  get address(): AddressInfo | undefined {
    return (this.#server.address() as AddressInfo | null) ?? undefined;
  }

  /** @throws Error that names the port when it cannot be had. */
  async listen(port: number, host: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", (cause) => reject(cannotListen(host, port, cause)));
      this.#server.listen(port, host, resolve);
    });
  }

  /** Takes no more connections, and resolves when the last is gone. */
  async close(): Promise<void> {
    const server = this.#server;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    const cut = setTimeout(() => server.closeAllConnections(), LAST_BYTES_MS);
    const sweep = setInterval(() => this.#closeIdle(), SWEEP_MS);
    this.#closeIdle();
    await closed;
    clearTimeout(cut);
    clearInterval(sweep);
  }

  #closeIdle(): void {
    this.#server.closeIdleConnections();
    // Clients open spare connections; one that never sent a byte is not idle in Node's eyes.
    for (const socket of this.#sockets) if (socket.bytesRead === 0) socket.destroy();
  }
}

function cannotListen(host: string, port: number, cause: Error): Error {
  const { code } = cause as NodeJS.ErrnoException;
  const why = code === "EADDRINUSE" ? "is taken by another program" : "cannot be opened";
  return new Error(`Port ${port} on ${host} ${why}. Choose another in transport.options.port.`, {
    cause,
  });
}
