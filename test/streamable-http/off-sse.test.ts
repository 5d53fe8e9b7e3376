/** What docs/migrating.md says under "Off SSE in three steps", gone through with real clients. */
import express from "express";
import { createMcpRouter, createSseRouter } from "../../src/index.js";
import type { SessionRegistry, SseRouter } from "../../src/index.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { asCaller } from "../kit/conversation.js";
import { clientV1, clientV2 } from "../kit/feature-clients.js";
import type { TestClient } from "../kit/feature-clients.js";
import { listen } from "../kit/listen.js";
import { initialize, openSession, openStream, post } from "../kit/raw-sse.js";
import { JWT_AUTH, startMcpServer } from "../kit/serve.js";
import { createToolServer, registerTools } from "../kit/tools.js";

cleanUpAfterEach();

/** One deployment: where clients of before are, where new ones are sent, and who is there. */
interface Deployment {
  readonly oldUrl: string;
  readonly newUrl: string;
  readonly sessions: SessionRegistry;
}

type Deploy = () => Promise<Deployment>;

const shared = { auth: JWT_AUTH, createServer: () => createToolServer() };

const mounted = async (router: SseRouter): Promise<Deployment> => {
  onDispose(() => router.close({ timeoutMs: 0 }));
  const { url } = await listen(express().use("/mcp", router));
  return { oldUrl: `${url}/mcp/sse`, newUrl: `${url}/mcp`, sessions: router.sessions };
};

const started = async (transport: object): Promise<Deployment> => {
  const server = await startMcpServer({ setup: registerTools, transport: transport as never });
  const { origin } = new URL(server.url!);
  return { oldUrl: `${origin}/sse`, newUrl: `${origin}/mcp`, sessions: server.sessions! };
};

const own = { port: 0, auth: JWT_AUTH, logger: false };

const SERVERS: readonly (readonly [string, Record<"before" | "both" | "after", Deploy>])[] = [
  [
    "a router",
    {
      before: () => mounted(createSseRouter(shared)),
      both: () => mounted(createMcpRouter(shared)),
      after: () => mounted(createMcpRouter({ ...shared, sse: false })),
    },
  ],
  [
    "MCPServer",
    {
      before: () => started({ type: "sse", options: own }),
      both: () => started({ type: "sse", options: { ...own, streamable: true } }),
      after: () =>
        started({ type: "http-stream", options: { ...own, endpoint: ["/mcp", "/sse"] } }),
    },
  ],
];

const headers = asCaller();
const SSE_ONLY = [clientV1, clientV2];

/** A client that tries Streamable HTTP first, and falls back at the same URL. */
const postFirst = (url: string): Promise<TestClient> =>
  clientV1
    .connect(url, { headers, streamable: true })
    .catch(() => clientV1.connect(url, { headers }));

const use = async (client: TestClient): Promise<void> => {
  expect(await client.call("echo", { text: "here" })).toBe("here");
};

describe.each(SERVERS)("off SSE in three steps, with %s", (_name, { before, both, after }) => {
  it("SHOWN-8: deployed, old clients stay where they are, and are counted apart from streams nobody uses", async () => {
    const old = await before();
    await use(await postFirst(old.oldUrl));
    expect(old.sessions.counts()).toEqual({ sse: 1, streamable: 0, unused: 0 });

    const { oldUrl, newUrl, sessions } = await both();
    const begun: string[] = [];
    sessions.on("begun", ({ transport, era, client, hasBegun }) =>
      begun.push(`${transport} ${era} ${client?.name} ${hasBegun}`),
    );
    const unused = await openStream(oldUrl, headers);
    for (const client of SSE_ONLY) await use(await client.connect(oldUrl, { headers }));
    for (const url of [oldUrl, newUrl]) await use(await postFirst(url));
    expect(begun).toEqual([
      "sse 2024 v1 true",
      "sse 2024 v2 true",
      "streamable 2025 v1 true",
      "streamable 2025 v1 true",
    ]);
    expect(sessions.counts()).toEqual({ sse: 2, streamable: 2, unused: 1 });
    unused.close();
  });

  it("SHOWN-8, STREAMABLE-2: switched off, clients of Streamable HTTP go on at both URLs, and others are refused at once", async () => {
    const { oldUrl, newUrl, sessions } = await after();
    for (const url of [oldUrl, newUrl]) await use(await postFirst(url));
    for (const client of SSE_ONLY) {
      await expect(client.connect(oldUrl, { headers })).rejects.toThrow("405");
    }
    expect(sessions.counts()).toEqual({ sse: 0, streamable: 2, unused: 0 });
  });
});

it("SHOWN-8: a listener that ends the session, or throws, harms nobody else", async () => {
  const { oldUrl, newUrl, sessions } = await SERVERS[0]![1].both();
  sessions.on("begun", (session) => {
    if (session.transport === "sse") session.close();
    else throw new Error("of the application");
  });
  const { stream, postUrl } = await openSession(oldUrl, headers);
  await post(postUrl, initialize, headers);
  await stream.ended;
  await use(await clientV1.connect(newUrl, { headers, streamable: true }));
  expect(sessions.counts()).toEqual({ sse: 0, streamable: 1, unused: 0 });
});
