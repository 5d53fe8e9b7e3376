import { createServer } from "node:http";
import type { RequestListener, Server } from "node:http";
import type { AddressInfo } from "node:net";

/** Undoes what a test did, last first; call `disposeAll` in `afterEach`. */
const disposers: (() => unknown)[] = [];

export function onDispose(dispose: () => unknown): void {
  disposers.push(dispose);
}

export async function disposeAll(): Promise<void> {
  for (const dispose of disposers.splice(0).reverse()) await dispose();
}

/** A real server on a free port of the loopback interface, gone after the test. */
export async function listen(
  app: RequestListener,
  options: { maxHeaderSize?: number } = {},
): Promise<{ url: string; port: number; server: Server }> {
  const server = createServer(options, app);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
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
