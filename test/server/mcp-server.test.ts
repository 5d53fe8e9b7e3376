import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { MCPServer } from "../../src/index.js";
import type { SseServerOptions } from "../../src/index.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { startMcpServer } from "../kit/serve.js";
import { initialize, openSession, openStream, post, toolCall } from "../kit/raw-sse.js";
import { SECRET, secretToken } from "../kit/tokens.js";
import { addToolsV1, Stage } from "../kit/feature-servers.js";
import { clientV1, clientV2 } from "../kit/feature-clients.js";

cleanUpAfterEach();

const clients = [clientV1, clientV2];
const PROGRAM = ["--import", "tsx", require.resolve("../kit/stdio-server.ts")];

async function start(
  stage = new Stage(),
  options: SseServerOptions<false> = {},
): Promise<MCPServer> {
  return await startMcpServer({
    setup: (mcp) => addToolsV1(mcp, stage),
    transport: { type: "sse", options: { port: 0, logger: false, ...options } },
  });
}

describe("MCPServer over SSE", () => {
  it.each(clients)(
    "AUTH-10, SESSION-1: $name calls tools; setup ran once, with its principal",
    async (client) => {
      const stage = new Stage();
      const server = await startMcpServer({
        name: "documented",
        version: "1.2.3",
        setup: (mcp, session) => {
          addToolsV1(mcp, stage);
          stage.tell("setup", [session.principal.id, session.state]);
        },
        transport: {
          type: "sse",
          options: {
            port: 0,
            auth: { type: "jwt", options: { secret: SECRET, algorithms: ["HS256"] } },
          },
        },
      });
      for (const sub of ["ada", "bob"]) {
        const mcp = await client.connect(server.url!, {
          headers: { authorization: `Bearer ${secretToken({ sub })}` },
        });
        expect(mcp.serverVersion).toBe("1.2.3");
        expect(JSON.parse(await mcp.call("whoami"))).toMatchObject({ principal: { id: sub } });
        expect(await mcp.call("echo", { text: "again" })).toBe("again");
      }
      expect([await stage.heard("setup", 1), await stage.heard("setup", 2)]).toEqual([
        ["ada", "opening"],
        ["bob", "opening"],
      ]);
      expect(stage.count("setup")).toBe(2);
      expect(server.sessions!.list().map(({ principal }) => principal?.id)).toEqual(["ada", "bob"]);
      expect((await openStream(server.url!)).status).toBe(401);
      expect(stage.count("setup")).toBe(2);
    },
  );

  it("SESSION-2: a setup that throws or rejects answers that client only", async () => {
    let count = 0;
    const server = await startMcpServer({
      setup: async (mcp) => {
        if (++count === 1) throw new Error("database password");
        addToolsV1(mcp, new Stage());
      },
      transport: { type: "sse", options: { port: 0 } },
    });
    const refused = await openStream(server.url!);
    await refused.ended;
    expect(refused.status).toBe(500);
    expect(refused.bytes).toContain("server_error");
    expect(refused.bytes).not.toContain("password");
    const mcp = await clientV1.connect(server.url!);
    expect(await mcp.call("echo", { text: "served" })).toBe("served");
  });

  it("AUTH-14: /health answers without a credential; everything else is 404, JSON", async () => {
    const { url } = await start();
    const origin = new URL(url!).origin;
    const health = await fetch(`${origin}/health`);
    expect([health.status, await health.json()]).toEqual([200, { ok: true }]);
    expect(health.headers.get("x-powered-by")).toBeNull();
    for (const path of ["/", "/.well-known/oauth-protected-resource", "/sse/other"]) {
      const answer = await fetch(`${origin}${path}`);
      expect([answer.status, (await answer.json()).error]).toEqual([404, "not_found"]);
    }
  });

  it("AUTH-14: the health check can be moved, and left out", async () => {
    const moved = new URL((await start(undefined, { health: "/up" })).url!).origin;
    expect((await fetch(`${moved}/up`)).status).toBe(200);
    expect((await fetch(`${moved}/health`)).status).toBe(404);
    const odd = new URL((await start(undefined, { health: "/up(*)!+" })).url!).origin;
    expect((await fetch(`${odd}/up(*)!+`)).status).toBe(200);
    const none = new URL((await start(undefined, { health: false })).url!).origin;
    expect((await fetch(`${none}/health`)).status).toBe(404);
  });

  it("STREAM-2: url follows endpoint and publicUrl, and is there only while it listens", async () => {
    const server = new MCPServer({
      transport: { type: "sse", options: { port: 0, endpoint: "/events" } },
    });
    expect(server.url).toBeUndefined();
    await server.start();
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/events$/);
    await server.stop();
    expect(server.url).toBeUndefined();
    const publicUrl = "https://api.example.com/mcp/";
    expect((await start(undefined, { publicUrl })).url).toBe("https://api.example.com/mcp/sse");
  });

  it("SESSION-4: start() twice rejects; a taken port is named", async () => {
    const server = await start();
    await expect(server.start()).rejects.toThrow(/already/);
    const { port } = new URL(server.url!);
    await expect(start(undefined, { port: Number(port) })).rejects.toThrow(new RegExp(port));
  });

  it("SESSION-4: after a port that was taken, start() can be tried again", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const server = new MCPServer({ transport: { type: "sse", options: { port } } });
    await expect(server.start()).rejects.toThrow(/taken/);
    await new Promise((resolve) => other.close(resolve));
    await server.start();
    onDispose(() => server.stop());
    expect((await fetch(new URL("/health", server.url))).status).toBe(200);
  });
});

describe("stop()", () => {
  it("SESSION-4: lets a call in flight finish, takes no new session meanwhile, and frees the port", async () => {
    const stage = new Stage();
    const server = await start(stage);
    const url = server.url!;
    const mcp = await clientV1.connect(url);
    const call = mcp.call("held", { name: "last call" });
    await stage.heard("last call started");
    const stopped = server.stop();
    const refused = await openStream(url);
    await refused.ended;
    expect([refused.status, refused.headers["retry-after"]]).toEqual([503, "5"]);
    stage.tell("last call released");
    expect(await call).toBe("last call");
    await stopped;
    await expect(fetch(url)).rejects.toThrow();
  });

  it("SESSION-4: waits no longer than timeoutMs, and aborts what is left", async () => {
    const stage = new Stage();
    const server = await start(stage);
    const { stream, postUrl } = await openSession(server.url!);
    await post(postUrl, initialize);
    await stream.nextMessage();
    await post(postUrl, toolCall(2, "hang"));
    await stage.heard("hang started");
    await server.stop({ timeoutMs: 1 });
    await stage.heard("hang aborted");
    await stream.ended;
    expect(server.sessions!.size).toBe(0);
  });

  it("SESSION-4: is safe twice, at once, before start() and while it starts", async () => {
    const server = new MCPServer({ transport: { type: "sse", options: { port: 0 } } });
    await server.stop();
    await server.start();
    await Promise.all([server.stop(), server.stop()]);
    await server.stop();
    const starting = server.start();
    await server.stop();
    await starting.catch(() => undefined);
    expect(server.url).toBeUndefined();
  });

  it("SESSION-4: calls at once all wait for the port, and a start waits for them", async () => {
    const server = await start();
    const port = Number(new URL(server.url!).port);
    await Promise.all([server.stop(), server.stop({ timeoutMs: 0 })]);
    const other = new MCPServer({ transport: { type: "sse", options: { port } } });
    await other.start();
    const stopping = other.stop();
    await other.start();
    await stopping;
    expect(other.url).toBe(`http://127.0.0.1:${port}/sse`);
    await other.stop();
  });

  it("SESSION-4: the server can be started again after it", async () => {
    const server = await start();
    await server.stop();
    await server.start();
    const mcp = await clientV2.connect(server.url!);
    expect(await mcp.call("echo", { text: "again" })).toBe("again");
  });

  it("SESSION-4: cuts a client that does not read", async () => {
    const server = await start();
    const { stream, postUrl } = await openSession(server.url!);
    stream.pause();
    const text = "x".repeat(3_000_000);
    for (let id = 1; id < 8; id++) {
      await post(postUrl, { ...toolCall(id, "echo", { text }), id });
    }
    await server.stop({ timeoutMs: 1 });
    expect(server.url).toBeUndefined();
  });

  it.each(["without a client", "with a client"])(
    "SESSION-4: the process ends by itself after it, %s",
    async (how) => {
      const child = spawn(process.execPath, [...PROGRAM, "sse"], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      onDispose(() => child.kill("SIGKILL"));
      const exited = once(child, "exit");
      const [url] = (await once(createInterface(child.stdout), "line")) as [string];
      const session = how === "with a client" ? await openSession(url) : undefined;
      child.kill("SIGTERM");
      expect(await exited).toEqual([0, null]);
      await session?.stream.ended;
    },
  );
});

describe("MCPServer over stdio", () => {
  const connect = async () => {
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: [...PROGRAM, "stdio"],
      stderr: "pipe",
    });
    const client = new Client({ name: "parent", version: "1" });
    await client.connect(transport);
    onDispose(() => client.close());
    return { client, stderr: text(transport.stderr as never) };
  };
  const textOf = (result: unknown) => (result as { content: { text: string }[] }).content[0]!.text;

  it("SESSION-1: its parent calls tools; the session is open and nobody's", async () => {
    const { client } = await connect();
    expect(client.getServerVersion()).toEqual({ name: "program", version: "3.2.1" });
    const echo = await client.callTool({ name: "echo", arguments: { text: "hello" } });
    expect(textOf(echo)).toBe("hello");
    const session = await client.callTool({ name: "session", arguments: {} });
    expect(JSON.parse(textOf(session))).toEqual({ state: "open", isNobodys: true });
    const seen = await client.callTool({ name: "whoami", arguments: {} });
    expect(JSON.parse(textOf(seen))).toMatchObject({ principal: null, token: null });
  });

  it("SESSION-3: session.close() ends the program by itself; its signal and setup's onclose hear of it", async () => {
    const { client, stderr } = await connect();
    const closed = new Promise<void>((resolve) => (client.onclose = resolve));
    expect(textOf(await client.callTool({ name: "stop", arguments: {} }))).toBe("stopping");
    await closed;
    const lines = (await stderr).split("\n");
    expect(lines).toContain("aborted");
    expect(lines).toContain("setup's onclose");
  });
});
