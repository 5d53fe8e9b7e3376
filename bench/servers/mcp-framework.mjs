import { JWTAuthProvider, MCPServer, MCPTool } from "mcp-framework";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { findFreePort } from "./listen.mjs";

// It takes schemas of its own copy of zod only, which is another major than everybody else's.
const require = createRequire(fileURLToPath(import.meta.resolve("mcp-framework")));
const zodFolder = dirname(require.resolve("zod/package.json"));
const { z } = await import(pathToFileURL(join(zodFolder, "index.js")));

class EchoTool extends MCPTool {
  name = "echo";
  description = "Says it again";
  schema = z.object({
    text: z.string().describe("What to say"),
    times: z.number().int().optional().describe("How often"),
  });

  async execute({ text, times = 1 }) {
    return [{ type: "text", text: text.repeat(times) }];
  }
}

/** Endpoints that ask who calls; by default some let everybody in. */
const ENDPOINTS = {
  sse: { sse: true, messages: true },
  "http-stream": { initialize: true, messages: true },
};

export async function start({ secrets, options: { type = "sse" } }) {
  const port = await findFreePort();
  const provider = new JWTAuthProvider({ secret: secrets.secret, algorithms: ["HS256"] });
  const server = new MCPServer({
    name: "echo",
    version: "1.0.0",
    // It loads every tool that it finds below this folder; here it shall find none.
    basePath: tmpdir(),
    transport: {
      type,
      options: { port },
      auth: { provider, endpoints: ENDPOINTS[type] },
    },
  });
  server.addTool(EchoTool);
  // Its start() returns when the server stops.
  void server.start();
  return { port };
}
