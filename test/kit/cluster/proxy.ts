import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";

/** Passes bytes on to a port, or lets them vanish while connections stay open. */
export class SwallowingProxy {
  readonly #sockets = new Set<Socket>();
  readonly #deaf = new Set<Socket>();
  readonly #server;

  private constructor(port: number) {
    this.#server = createServer((socket) => {
      const upstream = connect(port, "127.0.0.1");
      this.#join(socket, upstream);
      this.#join(upstream, socket);
    });
  }

  static async start(port: number): Promise<SwallowingProxy> {
    const proxy = new SwallowingProxy(port);
    await once(proxy.#server.listen(0, "127.0.0.1"), "listening");
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** What comes over the connections that there are is lost from now on; new ones work. */
  swallow(): void {
    for (const socket of this.#sockets) this.#deaf.add(socket);
  }

  async stop(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, "close");
  }

  #join(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on("data", (data) => {
      if (!this.#deaf.has(from)) to.write(data);
    });
    from.on("error", () => undefined);
    from.on("close", () => {
      this.#sockets.delete(from);
      if (!this.#deaf.has(from)) to.destroy();
    });
  }
}
