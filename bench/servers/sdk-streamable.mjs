/** Express and the Streamable HTTP transport of an SDK, as its examples wire it: a map of sessions, `express.json()`. */
import { randomUUID } from "node:crypto";
import { NodeStreamableHTTPServerTransport } from "@modelcontextprotocol/node";
import { requireBearerAuth } from "@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import express from "express";
import { createEchoServer } from "./echo-tool.mjs";
import { createEchoServerV2 } from "./echo-tool-v2.mjs";
import { createVerifier } from "./jose-verifier.mjs";
import { listen } from "./listen.mjs";

const MAJORS = {
  1: { Transport: StreamableHTTPServerTransport, createServer: createEchoServer },
  2: { Transport: NodeStreamableHTTPServerTransport, createServer: createEchoServerV2 },
};

export async function start({ secrets, options: { major, key } }) {
  const { Transport, createServer } = MAJORS[major];
  const guards =
    key === undefined ? [] : [requireBearerAuth({ verifier: await createVerifier(key, secrets) })];
  const transports = new Map();
  const open = async () => {
    const transport = new Transport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: (id) => void transports.set(id, transport),
    });
    transport.onclose = () => transports.delete(transport.sessionId);
    await createServer().connect(transport);
    return transport;
  };
  const app = express();
  app.use(express.json());
  app.all("/mcp", ...guards, async (req, res) => {
    const id = req.headers["mcp-session-id"];
    const transport = id === undefined ? await open() : transports.get(id);
    if (transport === undefined) res.status(404).send("There is no such session.");
    else await transport.handleRequest(req, res, req.body);
  });
  const clear = () => Promise.all([...transports.values()].map((transport) => transport.close()));
  return { port: await listen(app), clear };
}
