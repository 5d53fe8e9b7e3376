/** Ours as a server of its own. */
import { URL } from "node:url";
import { notifyAll, setUp } from "./echo-tool.mjs";
import { endAll, ourAuth } from "./our-auth.mjs";

export async function start({ secrets, options: { auth, product, type = "sse", ...rest } }) {
  const { MCPServer, fromPassport } = await import(product);
  const server = new MCPServer({
    name: "echo",
    version: "1.0.0",
    setup: setUp,
    transport: {
      type,
      options: { port: 0, auth: ourAuth(auth, secrets, fromPassport), ...rest },
    },
  });
  await server.start();
  const port = Number(new URL(server.url).port);
  return { port, notifyAll, clear: () => endAll(server.sessions) };
}
