import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { RequestListener, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { onDispose } from "./clean-up.js";

/** A real server on a free port of the loopback interface, gone after the test. */
export async function listen(
  app: RequestListener,
  options: { maxHeaderSize?: number } = {},
): Promise<{ url: string; port: number; server: Server }> {
  const server = createServer(options, app);
  await once(server.listen(0, "127.0.0.1"), "listening");
  onDispose(() => close(server));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, server };
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/**
 * A free port that stays free while its server is away: it lies below the range from which the
 * system gives ports to whoever asks for any.
 */
export async function lastingPort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 30_000);
    const probe = createServer();
    try {
      await once(probe.listen(port, "127.0.0.1"), "listening");
      await once(probe.close(), "close");
      return port;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    }
  }
}
