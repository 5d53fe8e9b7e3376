import compression from "compression";
import express from "express";
import { serveNodes } from "../../kit/cluster/memory-nodes.js";
import { startMcpServer } from "../../kit/serve.js";
import { registerTools } from "../../kit/tools.js";
import { PAGE } from "./case.js";
import type { Case } from "./case.js";
import { location } from "./front.js";
import { behind } from "./proxies.js";
import { AUTH, CREDENTIAL, handWired, handWritten, ours } from "./upstreams.js";

/** What the broken ones look like when they are right. */
export const HEALTHY: readonly Case[] = [
  { name: "a router of ours behind nginx", serve: behind("") },
  { name: "all wires of ours behind nginx", serve: behind("", "/mcp") },
  {
    name: "MCPServer",
    serve: async () => {
      const server = await startMcpServer({
        setup: registerTools,
        transport: { type: "sse", options: { port: 0, auth: AUTH } },
      });
      return { url: server.url!, credential: CREDENTIAL };
    },
  },
  {
    name: "a router that knows the page",
    serve: async () => {
      const { mcpUrl, credential } = await ours({ cors: { allowOrigins: [PAGE] } });
      return { url: mcpUrl, credential, origin: PAGE };
    },
  },
  {
    name: "an nginx that takes a prefix away and says so",
    serve: async (front) => {
      const { url, credential } = await ours({
        configure: (app) => app.set("trust proxy", "loopback"),
      });
      const told = "proxy_set_header X-Forwarded-Prefix /app;";
      return { url: `${await front.site(location("/app/", `${url}/`, told))}/app/mcp`, credential };
    },
  },
  {
    name: "an nginx that gives each request to another node of a cluster",
    serve: async (front) => {
      const nodes = await serveNodes({ auth: AUTH });
      const servers = nodes.map(({ port }) => `server 127.0.0.1:${port};`).join(" ");
      const upstream = `upstream together { ${servers} }`;
      const site = await front.site(location("/", "http://together"), upstream);
      return { url: `${site}/sse`, credential: CREDENTIAL };
    },
  },
  {
    name: "a server of HTTP+SSE that was wired by hand",
    serve: async () => ({ url: `${(await handWired()).url}/sse` }),
  },
  {
    name: "a server of Streamable HTTP that was wired by hand",
    serve: async () => ({ url: `${(await handWired()).url}/mcp` }),
  },
  {
    name: "a server that was written by hand",
    serve: async () => ({ url: `${(await handWritten()).url}/sse` }),
  },
  {
    name: "a middleware before a router that compresses all that may be compressed",
    serve: async () => {
      const { sseUrl, credential } = await ours({ configure: (app) => app.use(compression()) });
      return { url: sseUrl, credential };
    },
  },
  {
    name: "express.json() with room for messages before a router",
    serve: async () => {
      const { sseUrl, credential } = await ours({
        configure: (app) => app.use(express.json({ limit: "4mb" })),
      });
      return { url: sseUrl, credential };
    },
  },
];
