import { createServer, request } from "node:http";
import type { RequestListener, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createMcpHandler } from "@modelcontextprotocol/server";
import express from "express";
import { createMcpRouter } from "../../src/index.js";
import type { McpRouter } from "../../src/index.js";
import { createServerV1 } from "./fixture/server-v1.js";
import { createServerV2 } from "./fixture/server-v2.js";

/** Something that the suite is pointed at. */
export interface Endpoint {
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** What the proxy sends for clients that know no key. */
const KEY = "conformance-key-0123456789abcdef";

/** A router with the suite's servers, open or for callers with a key. */
export async function serveFixture(sdk: "v1" | "v2", isOpen: boolean): Promise<Endpoint> {
  const router: McpRouter = createMcpRouter({
    auth: isOpen ? false : { type: "apikey", options: { keys: [KEY] } },
    // This program loads the SDK as ES modules, and the sources load it as CommonJS.
    streamable: { modern: createMcpHandler },
    createServer: () => (sdk === "v1" ? createServerV1() : createServerV2(router.notify)),
  });
  const app = express();
  app.use("/mcp", router);
  const { port, close } = await serve(app);
  const proxy = isOpen ? undefined : await serve(addingKey(port));
  return {
    url: `http://127.0.0.1:${proxy?.port ?? port}/mcp`,
    close: async () => {
      await router.close({ timeoutMs: 0 });
      await proxy?.close();
      await close();
    },
  };
}

/** Passes everything on as it came, with a key: the suite knows no credentials. */
function addingKey(port: number): RequestListener {
  return (req, res) => {
    const { method, url: path } = req;
    const headers = { ...req.headers, "x-api-key": KEY };
    const onward = request({ host: "127.0.0.1", port, method, path, headers }, (answer) => {
      res.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(res);
    });
    onward.on("error", () => res.destroy());
    res.on("close", () => onward.destroy());
    req.pipe(onward);
  };
}

/** Serves on loopback, at a port that is free. */
export async function serve(
  listener: RequestListener,
): Promise<{ readonly port: number; readonly close: () => Promise<void> }> {
  const server: Server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
