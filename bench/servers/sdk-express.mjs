/** Express and the SDK's transport, wired by hand, behind whatever middleware authenticates. */
import { SSEServerTransport } from "@modelcontextprotocol/sdk/server/sse.js";
import express from "express";
import { createEchoServer } from "./echo-tool.mjs";

/** @param guards middleware that both routes have. */
export function createApp(...guards) {
  const app = express();
  const transports = new Map();
  app.use(express.json());
  app.get("/sse", ...guards, async (_req, res) => {
    const transport = new SSEServerTransport("/messages", res);
    transports.set(transport.sessionId, transport);
    res.on("close", () => transports.delete(transport.sessionId));
    await createEchoServer().connect(transport);
  });
  app.post("/messages", ...guards, async (req, res) => {
    const transport = transports.get(req.query.sessionId);
    if (transport === undefined) res.status(404).send("There is no such session.");
    else await transport.handlePostMessage(req, res, req.body);
  });
  return app;
}
