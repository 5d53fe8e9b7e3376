import type { Credential } from "../../src/doctor/contract.js";
import { examine } from "../../src/doctor/examine.js";
import type { Report } from "../../src/doctor/report.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { asCaller } from "../kit/conversation.js";
import { createModernServer } from "../kit/modern.js";
import { serveMcpServer, serveRouter, startMcpServer } from "../kit/serve.js";
import { serveMcp } from "../kit/streamable.js";
import { registerTools } from "../kit/tools.js";
import { AUTH, CREDENTIAL, handWired } from "./broken/upstreams.js";

cleanUpAfterEach();

/** A server in which nothing is wrong, and the wires that it speaks. */
type Healthy = readonly [
  name: string,
  speaks: readonly string[],
  serve: () => Promise<{ url: string; credential?: Credential }>,
];

function token(): Credential {
  return { kind: "bearer", value: asCaller().authorization.replace("Bearer ", "") };
}

const SERVERS: readonly Healthy[] = [
  [
    "createMcpRouter with tokens",
    ["stream", "messages", "streamable"],
    async () => ({ url: (await serveMcp()).mcpUrl, credential: token() }),
  ],
  [
    "createMcpRouter with API keys, at its URL for older clients",
    ["stream", "messages", "streamable"],
    async () => ({ url: (await serveMcp({ auth: AUTH })).sseUrl, credential: CREDENTIAL }),
  ],
  [
    "createMcpRouter with servers of SDK v2",
    ["stream", "messages", "streamable", "modern"],
    async () => {
      const { mcpUrl } = await serveMcp({ createServer: () => createModernServer() });
      return { url: mcpUrl, credential: token() };
    },
  ],
  [
    "createSseRouter",
    ["stream", "messages"],
    async () => ({ url: (await serveRouter()).sseUrl, credential: token() }),
  ],
  [
    "createSseRouter, at its mount",
    ["stream", "messages"],
    async () => ({ url: (await serveRouter()).origin, credential: token() }),
  ],
  [
    "MCPServer of type sse",
    ["stream", "messages"],
    async () => ({ url: (await serveMcpServer()).sseUrl, credential: token() }),
  ],
  [
    "MCPServer of type http-stream",
    ["streamable"],
    async () => {
      const options = { port: 0, auth: AUTH };
      const transport = { type: "http-stream", options } as const;
      const server = await startMcpServer({ setup: registerTools, transport });
      return { url: server.url!, credential: CREDENTIAL };
    },
  ],
  [
    "the SDK's transport of HTTP+SSE, wired by hand",
    ["stream", "messages"],
    async () => ({ url: `${(await handWired()).url}/sse` }),
  ],
  [
    "the SDK's transport of Streamable HTTP, wired by hand",
    ["streamable"],
    async () => ({ url: `${(await handWired()).url}/mcp` }),
  ],
  [
    "the same in an app that answers every path with JSON",
    ["streamable"],
    async () => {
      const { url } = await handWired((app) =>
        app.get(/^\/\.well-known\//, (_req, res) => void res.json({ ok: true })),
      );
      return { url: `${url}/mcp` };
    },
  ],
];

/** The wires over which something was said. */
function spokenIn({ steps }: Report): string[] {
  const wires: readonly string[] = ["stream", "messages", "streamable", "modern"];
  return steps
    .filter(({ name, outcome }) => wires.includes(name) && outcome === "fine")
    .map(({ name }) => name);
}

it.each(SERVERS)(
  "CLI-4: %s has no finding, with its credential and for strangers",
  async (_name, speaks, serve) => {
    const { url, credential } = await serve();
    const target = { url: new URL(url), timeoutMs: 60_000, isQuick: true };
    const credentials = credential === undefined ? [] : [credential];
    const report = await examine({ ...target, credentials });
    expect(report.findings).toEqual([]);
    expect(spokenIn(report)).toEqual(speaks);

    const shown = credentials.map(({ value }) => value);
    for (const value of shown) expect(JSON.stringify(report)).not.toContain(value);
    if (credential === undefined) return;
    const strangers = await examine({ ...target, credentials: [] });
    expect(strangers).toMatchObject({ lacksCredential: true, findings: [] });
    expect(spokenIn(strangers)).toEqual([]);
  },
);
