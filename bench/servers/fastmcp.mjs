import { FastMCP } from "fastmcp";
import { jwtVerify } from "jose";
import { TextEncoder } from "node:util";
import { z } from "zod";
import { findFreePort } from "./listen.mjs";

export async function start({ secrets }) {
  const { issuer, audience } = secrets;
  const key = new TextEncoder().encode(secrets.secret);
  const port = await findFreePort();
  const server = new FastMCP({
    name: "echo",
    version: "1.0.0",
    // It asks this for the stream only; messages are taken from whoever posts them.
    async authenticate({ headers }) {
      const token = headers.authorization?.slice("Bearer ".length) ?? "";
      try {
        const algorithms = ["HS256"];
        const { payload } = await jwtVerify(token, key, { issuer, audience, algorithms });
        return { id: payload.sub };
      } catch {
        // Its way to refuse; any other error is answered with 500.
        throw new globalThis.Response(null, { status: 401 });
      }
    },
  });
  server.addTool({
    name: "echo",
    description: "Says it again",
    parameters: z.object({ text: z.string(), times: z.number().int().optional() }),
    execute: async ({ text, times = 1 }) => text.repeat(times),
  });
  await server.start({ transportType: "httpStream", httpStream: { port, host: "127.0.0.1" } });
  return { port };
}
