/** The SDK's transport on node:http: no Express, no authentication. */
import { URL } from "node:url";
import { SSEServerTransport } from "@modelcontextprotocol/sdk/server/sse.js";
import { createEchoServer, notifyAll } from "./echo-tool.mjs";
import { listen } from "./listen.mjs";

export async function start() {
  const transports = new Map();
  const port = await listen(async (req, res) => {
    if (req.method === "GET") {
      const transport = new SSEServerTransport("/messages", res);
      transports.set(transport.sessionId, transport);
      res.on("close", () => transports.delete(transport.sessionId));
      await createEchoServer().connect(transport);
      return;
    }
    const id = new URL(req.url, "http://localhost").searchParams.get("sessionId");
    const transport = transports.get(id);
    if (transport === undefined) res.writeHead(404).end();
    else await transport.handlePostMessage(req, res);
  });
  return { port, notifyAll };
}
