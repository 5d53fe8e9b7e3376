import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { MCPServer } from "../../src/index.js";
import type { SseOptions } from "../../src/index.js";
import { asCaller, converse } from "../kit/conversation.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { createToolServer, HeldTool, registerTools } from "../kit/tools.js";
import { describeEveryMount, JWT_AUTH, serveRouter, startMcpServer } from "../kit/serve.js";
import type { Served } from "../kit/serve.js";

import { lastingPort } from "../kit/listen.js";
import { send } from "../kit/raw-http.js";
import { openSession, openStream, post, toolCall } from "../kit/raw-sse.js";

cleanUpAfterEach();

const JSON_TYPE = { "content-type": "application/json" };

/** A router, or an `MCPServer`, with a tool that answers when it is let go. */
const HELD: [string, (tool: HeldTool, resume?: false) => Promise<Served>][] = [
  [
    "a router",
    (tool, resume) =>
      serveRouter({
        createServer: () => tool.createServer(),
        ...(resume === false && { resume }),
      }),
  ],
  [
    "MCPServer",
    async (tool, resume) => {
      const server = await startServer({
        setup: tool.register,
        ...(resume === false && { resume }),
      });
      return { ...server, lines: [] };
    },
  ],
];

async function startServer({
  port = 0,
  setup = registerTools,
  resume = {},
}: {
  port?: number;
  setup?: typeof registerTools;
  resume?: NonNullable<SseOptions["resume"]>;
} = {}): Promise<Omit<Served, "lines"> & { server: MCPServer }> {
  const options = { auth: JWT_AUTH, port, resume };
  const server = await startMcpServer({ setup, transport: { type: "sse", options } });
  const { origin, port: bound } = new URL(server.url!);
  return {
    server,
    origin,
    port: Number(bound),
    base: "",
    sseUrl: server.url!,
    messagesUrl: `${origin}/messages`,
    sessions: server.sessions!,
    close: (options) => server.stop(options),
  };
}

describe.each(HELD)("%s that is closed", (name, serve) => {
  it("SESSION-4: lets a call in flight finish, and its answer arrives before the stream ends", async () => {
    const tool = new HeldTool();
    const { sseUrl, close } = await serve(tool);
    const conversation = await converse(sseUrl);
    const answer = conversation.call("held");
    await tool.started;
    const closed = close();
    tool.release();
    expect(await answer).toBe("released");
    await Promise.all([closed, conversation.stream.ended]);
  });

  it("SESSION-4: does not wait for a call longer than timeoutMs", async () => {
    const tool = new HeldTool();
    const { sseUrl, sessions, close } = await serve(tool);
    const conversation = await converse(sseUrl);
    await post(conversation.postUrl, toolCall(9, "held"), conversation.headers);
    await tool.started;
    await Promise.all([close({ timeoutMs: 20 }), conversation.stream.ended]);
    expect(sessions.size).toBe(0);
    tool.release();
  });

  it("SESSION-4: takes no new sessions and no new calls meanwhile: 503", async () => {
    const tool = new HeldTool();
    const { sseUrl, close } = await serve(tool);
    const conversation = await converse(sseUrl);
    const answer = conversation.call("held");
    await tool.started;
    const closed = close();
    const get = await send(sseUrl, { headers: asCaller() });
    expect([get.status, get.json.error]).toEqual([503, "shutting_down"]);
    expect(get.headers["retry-after"]).toMatch(/^[1-9]\d*$/);
    const call = await post(conversation.postUrl, toolCall(9, "held"), conversation.headers);
    expect([call.status, call.json.error.data.code]).toEqual([503, "shutting_down"]);
    // What a call in flight may still need goes through.
    const note = { jsonrpc: "2.0", method: "notifications/initialized" };
    expect((await post(conversation.postUrl, note, conversation.headers)).status).toBe(202);
    expect((await send(sseUrl)).status).toBe(401);
    tool.release();
    expect(await answer).toBe("released");
    await closed;
  });

  it("SESSION-4: does not wait for a call that was cancelled, or whose client has left", async () => {
    for (const leave of [true, false]) {
      const tool = new HeldTool();
      // With resumption a client that has left may come back, and is waited for.
      const { sseUrl, sessions, close } = await serve(tool, false);
      const { stream, postUrl, headers } = await converse(sseUrl);
      await post(postUrl, toolCall(9, "held"), headers);
      await tool.started;
      if (leave) {
        const gone = new Promise((resolve) => sessions.on("closed", resolve));
        stream.close();
        await gone;
      } else {
        const params = { requestId: 9 };
        await post(postUrl, { jsonrpc: "2.0", method: "notifications/cancelled", params }, headers);
      }
      // Longer than a test may take: if it waited, this would fail.
      await close({ timeoutMs: 60_000 });
      tool.release();
    }
  });

  it("SESSION-4: can be closed twice, before anything happened and when all is over", async () => {
    const { sseUrl, close } = await serve(new HeldTool());
    const { stream } = await converse(sseUrl);
    await close();
    await stream.ended;
    await close();
    await close({ timeoutMs: 0 });
    if (name === "a router") {
      const { status } = await openStream(sseUrl, asCaller());
      expect(status).toBe(503);
    }
  });

  it.each([-1, Number.NaN, Infinity, "10", null])(
    "SESSION-4: refuses timeoutMs %p",
    async (timeoutMs) => {
      const { close } = await serve(new HeldTool());
      await expect(close({ timeoutMs: timeoutMs as number })).rejects.toThrow(TypeError);
    },
  );
});

describeEveryMount((serve) => {
  it("SESSION-4: ends the streams of all", async () => {
    const { sseUrl, sessions, close } = await serve();
    const all = await Promise.all(
      Array.from({ length: 10 }, (_unused, index) =>
        openSession(sseUrl, asCaller({ sub: `caller-${index}` })),
      ),
    );
    await close();
    await Promise.all(all.map(({ stream }) => stream.ended));
    expect(sessions.size).toBe(0);
  });
});

it("SESSION-4: a session that is being opened at a close gets 503, and its server is closed", async () => {
  let make: () => void = () => undefined;
  const made = new Promise<void>((resolve) => (make = resolve));
  let asked: () => void = () => undefined;
  const whenAsked = new Promise<void>((resolve) => (asked = resolve));
  const server = createToolServer();
  const closed = new Promise<void>((resolve) => {
    server.close = async () => resolve();
  });
  const { sseUrl, close, sessions } = await serveRouter({
    createServer: async () => {
      asked();
      await made;
      return server;
    },
  });
  const answer = send(sseUrl, { headers: asCaller() });
  await whenAsked;
  await close({ timeoutMs: 0 });
  make();
  expect((await answer).status).toBe(503);
  await closed;
  expect(sessions.size).toBe(0);
});

it("SESSION-4: a router that is closed leaves the app and its server as they are", async () => {
  const { origin, sseUrl, close } = await serveRouter({
    after: (app) => void app.get("/beside", (_req, res) => void res.send("beside")),
  });
  await converse(sseUrl);
  await close();
  expect((await send(`${origin}/beside`)).text).toBe("beside");
});

describe("MCPServer", () => {
  it("SESSION-4: stop() frees the port, and start() serves again", async () => {
    const { server, port, sseUrl } = await startServer({ port: await lastingPort() });
    await converse(sseUrl);
    await server.stop();
    expect(server.url).toBeUndefined();
    await expect(send(sseUrl)).rejects.toThrow(/ECONNREFUSED/);
    // Another program can have it.
    const other = createServer();
    onDispose(() => other.close());
    await new Promise<void>((resolve) => other.listen(port, "127.0.0.1", resolve));
    await new Promise((resolve) => other.close(resolve));
    await server.start();
    const again = await converse(server.url!);
    expect(await again.call("echo", { text: "again" })).toBe("again");
    expect(server.sessions?.size).toBe(1);
  });

  it("SESSION-4: stop() does not wait for connections that say nothing", async () => {
    const { server, port } = await startServer();
    const silent = connect(port, "127.0.0.1");
    onDispose(() => silent.destroy());
    await new Promise((resolve) => silent.once("connect", resolve));
    const gone = new Promise((resolve) => silent.once("close", resolve));
    await server.stop();
    await gone;
  });

  it("SESSION-4: start() rejects on a taken port, names it, and may be called again", async () => {
    const taker = createServer();
    onDispose(() => taker.close());
    await new Promise<void>((resolve) => taker.listen(0, "127.0.0.1", resolve));
    const { port } = taker.address() as AddressInfo;
    const server = new MCPServer({ transport: { type: "sse", options: { port } } });
    onDispose(() => server.stop());
    await expect(server.start()).rejects.toThrow(`Port ${port}`);
    expect(server.url).toBeUndefined();
    await new Promise((resolve) => taker.close(resolve));
    await server.start();
    expect(server.url).toBe(`http://127.0.0.1:${port}/sse`);
  });

  it("SESSION-4: start() twice is an error, and stop() without start() is none", async () => {
    const idle = new MCPServer({ transport: { type: "sse" } });
    await idle.stop();
    const { server } = await startServer();
    await expect(server.start()).rejects.toThrow(/started already/);
    expect((await send(server.url!)).status).toBe(401);
  });

  it.each(["0.0.0.0", "::", "192.0.2.1", "example.com", "localhost.evil.com"])(
    "AUTH-1: on %s it is not made without auth",
    (host) => {
      const make = (options: object) => () =>
        new MCPServer({ transport: { type: "sse", options: { host, ...options } } } as never);
      expect(make({})).toThrow(TypeError);
      expect(make({})).toThrow("transport.options.auth");
      expect(make({ auth: undefined })).toThrow(TypeError);
      expect(make({ auth: null })).toThrow(TypeError);
      expect(make({ auth: [] })).toThrow(TypeError);
      expect(make({ auth: false })).not.toThrow();
    },
  );

  it("AUTH-1: on loopback it is open without auth, for loopback names only", async () => {
    const server = await startMcpServer({
      setup: registerTools,
      transport: { type: "sse", options: { port: 0 } },
    });
    const conversation = await converse(server.url!, {});
    expect(await conversation.call("whoami")).toBe("null");
    const foreign = await send(server.url!, { headers: { ...JSON_TYPE, host: "evil.example" } });
    expect(foreign.status).toBe(403);
  });

  it.each([
    [{ type: "stdio", options: { port: 1 } }, /stdio/],
    [{ type: "stdio", options: { auth: JWT_AUTH } }, /stdio/],
    [{ type: "stdio", auth: JWT_AUTH }, /transport\.auth/],
    [{ type: "http" }, /transport\.type/],
    [{}, /transport\.type/],
    [null, /transport/],
    [{ type: "sse", options: { port: 70_000 } }, /port/],
    [{ type: "sse", options: { port: "8080" } }, /port/],
    [{ type: "sse", options: { prot: 1 } }, /prot/],
    [{ type: "sse", options: { health: "health" } }, /health/],
    [{ type: "sse", options: { auth: { type: "jwt" } } }, /auth/],
  ])("AUTH-1: transport %j is a TypeError", (transport, message) => {
    const make = () => new MCPServer({ transport } as never);
    expect(make).toThrow(TypeError);
    expect(make).toThrow(message);
  });
});
