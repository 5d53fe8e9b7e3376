import express from "express";
import { createMcpRouter } from "../../src/express/mcp-router.js";
import { createSseRouter, SSEServerTransport } from "../../src/index.js";
import type { McpServerLike, SseRouter } from "../../src/index.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { startMcpServer } from "../kit/serve.js";
import { listen } from "../kit/listen.js";
import { SECRET, secretToken } from "../kit/tokens.js";
import { addFeaturesV1, Stage } from "../kit/feature-servers.js";
import { pairs, serverV1 } from "../kit/feature-clients.js";
import type { ServerKit, TestClient } from "../kit/feature-clients.js";

cleanUpAfterEach();

/** A place where SDK servers can be reached. */
interface Place {
  url: string;
  headers: Record<string, string>;
  /** Default: HTTP+SSE. */
  streamable?: boolean;
}

/** A client that has left is not waited for; nothing here drops a stream. */
const BRIEFLY = { graceMs: 20 };

const mounts: Record<string, (server: ServerKit, stage: Stage) => Promise<Place>> = {
  "a router with tokens": async (server, stage) => {
    const router = createSseRouter({
      auth: { type: "jwt", options: { secret: SECRET, algorithms: ["HS256"] } },
      createServer: () => server.create(stage),
      resume: BRIEFLY,
    });
    const { url } = await listenTo(router);
    return { url: `${url}/mcp/sse`, headers: { authorization: `Bearer ${secretToken()}` } };
  },
  "Streamable HTTP": async (server, stage) => {
    const router = createMcpRouter({
      auth: { type: "jwt", options: { secret: SECRET, algorithms: ["HS256"] } },
      createServer: () => server.create(stage),
      streamable: { streamlessIdleMs: 2_500 },
    });
    const { url } = await listenTo(router);
    const headers = { authorization: `Bearer ${secretToken()}` };
    return { url: `${url}/mcp`, headers, streamable: true };
  },
  MCPServer: async (_server, stage) => {
    const server = await startMcpServer({
      version: serverV1.version,
      setup: (mcp) => {
        mcp.server.registerCapabilities({ logging: {} });
        addFeaturesV1(mcp, stage);
      },
      transport: { type: "sse", options: { port: 0, resume: BRIEFLY } },
    });
    return { url: server.url!, headers: {} };
  },
  "the transport on plain node:http": async (server, stage) => {
    const transports = new Map<string, SSEServerTransport>();
    const { url } = await listen((req, res) => {
      const { pathname, searchParams } = new URL(req.url!, "http://path.invalid");
      if (req.method === "GET" && pathname === "/sse") {
        const transport = new SSEServerTransport("/messages", res);
        transports.set(transport.sessionId, transport);
        void server.create(stage).connect(transport);
      } else {
        void transports.get(searchParams.get("sessionId")!)!.handlePostMessage(req, res);
      }
    });
    return { url: `${url}/sse`, headers: {} };
  },
};

async function listenTo(router: SseRouter): Promise<{ url: string }> {
  const app = express();
  app.use("/mcp", router);
  onDispose(() => router.close({ timeoutMs: 0 }));
  return await listen(app);
}

const cases = pairs
  .flatMap(({ client, server }) => Object.keys(mounts).map((mount) => ({ client, server, mount })))
  // MCPServer makes its servers itself, and those are of SDK v1.
  .filter(({ server, mount }) => mount !== "MCPServer" || server === serverV1);

describe.each(cases)("$client.name with $server.name over $mount", ({ client, server, mount }) => {
  let stage: Stage;
  let place: Place;
  let mcp: TestClient;

  beforeEach(async () => {
    stage = new Stage();
    place = await mounts[mount]!(server, stage);
    mcp = await connect();
  });

  const connect = () => client.connect(place.url, { ...place, stage });

  it("STREAM-1, MESSAGE-1: initialises, lists tools and calls one", async () => {
    expect(mcp.serverVersion).toBe(server.version);
    expect(await mcp.toolNames()).toContain("echo");
    expect(await mcp.call("echo", { text: "hello" })).toBe("hello");
    await mcp.ping();
  });

  it("STREAM-4: reads resources and prompts", async () => {
    expect(await mcp.readText("test://doc")).toBe("the document");
    expect(await mcp.promptText("greet", { name: "Ada" })).toBe("Hello Ada");
  });

  it("MESSAGE-1: errors of tools, resources and prompts reach the caller, and the session goes on", async () => {
    await expect(mcp.call("fail")).rejects.toThrow("the tool is broken");
    await expect(mcp.call("unknown")).rejects.toThrow(/unknown/);
    await expect(mcp.readText("test://broken")).rejects.toThrow("the resource is broken");
    await expect(mcp.readText("test://missing")).rejects.toThrow(/test:\/\/missing/);
    await expect(mcp.promptText("broken")).rejects.toThrow("the prompt is broken");
    expect(await mcp.call("echo", { text: "still here" })).toBe("still here");
  });

  it("STREAM-4: progress arrives while the call is running", async () => {
    const seen: number[] = [];
    const onprogress = ({ progress }: { progress: number }) => {
      seen.push(progress);
      if (progress === 3) stage.tell("steps seen");
    };
    expect(await mcp.call("steps", {}, { onprogress })).toBe("done");
    expect(seen).toEqual([1, 2, 3]);
  });

  it("MESSAGE-1: the server's own requests are answered: sampling, elicitation, roots", async () => {
    expect(await mcp.call("ask")).toContain("Fine, thanks");
    expect(JSON.parse(await mcp.call("elicit"))).toMatchObject({ content: { colour: "green" } });
    expect(JSON.parse(await mcp.call("roots"))).toEqual([{ uri: "file:///home", name: "home" }]);
  });

  it("STREAM-4: notifications that the server sends by itself arrive", async () => {
    expect(await mcp.call("log")).toBe("logged");
    expect(await stage.heard("log")).toBe("a line");
    await stage.heard("tools changed");
  });

  it("MESSAGE-1: a cancelled call aborts the tool's signal, and the session goes on", async () => {
    const abort = new AbortController();
    const call = mcp.call("hang", {}, { signal: abort.signal });
    await stage.heard("hang started");
    abort.abort(new Error("changed my mind"));
    await expect(call).rejects.toThrow(/changed my mind/);
    await stage.heard("hang aborted");
    expect(await mcp.call("echo", { text: "next" })).toBe("next");
  });

  it("SESSION-3: a client that leaves aborts the tools that run for it", async () => {
    const call = mcp.call("hang");
    await stage.heard("hang started");
    await Promise.all([mcp.close(), expect(call).rejects.toThrow()]);
    await stage.heard("hang aborted");
  });

  it("STREAM-4: a message of 1 MiB passes in both directions, whatever it is made of", async () => {
    const long = 'é"\r\n\u2028😀\0'.repeat(100_000);
    expect(Buffer.byteLength(long)).toBeGreaterThan(1024 * 1024);
    expect(await mcp.call("echo", { text: long })).toBe(long);
  });

  it("MESSAGE-1: concurrent calls each get their own answer, in whatever order they end", async () => {
    const names = Array.from({ length: 20 }, (_, index) => `call ${index}`);
    const calls = names.map((name) => mcp.call("held", { name }));
    await Promise.all(names.map((name) => stage.heard(`${name} started`)));
    for (const name of [...names].reverse()) stage.tell(`${name} released`);
    expect(await Promise.all(calls)).toEqual(names);
  });

  it("AUTH-9: two clients with the same request ids never see each other's answers", async () => {
    const other = await connect();
    const ask = (who: TestClient, name: string) =>
      Array.from({ length: 25 }, (_, index) => who.call("echo", { text: `${name} ${index}` }));
    const [ours, theirs] = await Promise.all([
      Promise.all(ask(mcp, "ours")),
      Promise.all(ask(other, "theirs")),
    ]);
    expect(ours).toEqual(Array.from({ length: 25 }, (_, index) => `ours ${index}`));
    expect(theirs).toEqual(Array.from({ length: 25 }, (_, index) => `theirs ${index}`));
    await other.close();
    expect(await mcp.call("echo", { text: "alone" })).toBe("alone");
  });
});

it("SESSION-1: one SDK server is made for each client, and closed with its session", async () => {
  for (const { client, server } of pairs) {
    const made: McpServerLike[] = [];
    const closed = new Stage();
    const router = createSseRouter({
      ...{ auth: false as const, resume: BRIEFLY },
      createServer: () => {
        const one = server.create(new Stage());
        const close = one.close.bind(one);
        one.close = async () => {
          await close();
          closed.tell("closed");
        };
        made.push(one);
        return one;
      },
    });
    const { url } = await listenTo(router);
    const clients = [
      await client.connect(`${url}/mcp/sse`),
      await client.connect(`${url}/mcp/sse`),
    ];
    expect(new Set(made).size).toBe(2);
    expect(router.sessions.size).toBe(2);
    for (const one of clients) await one.close();
    await closed.heard("closed", 2);
    expect(router.sessions.size).toBe(0);
  }
});
