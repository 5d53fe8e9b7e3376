import { once } from "node:events";
import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import type { MCPServer } from "../../src/index.js";
import type { SseServerOptions } from "../../src/index.js";
import { asCaller, converse } from "../kit/conversation.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { JWT_AUTH, startMcpServer } from "../kit/serve.js";
import { registerTools } from "../kit/tools.js";

import { recordingLogger } from "../kit/leak-watch.js";
import { send } from "../kit/raw-http.js";
import { initialize, openSession, post, toolCall } from "../kit/raw-sse.js";

cleanUpAfterEach();

async function start(options: SseServerOptions = {}): Promise<MCPServer> {
  return await startMcpServer({
    setup: registerTools,
    transport: {
      type: "sse",
      options: { port: 0, logger: recordingLogger(), ...options, auth: JWT_AUTH },
    },
  });
}

/** A connection that has been used once, and that its client keeps. */
async function idleConnection(
  server: MCPServer,
): Promise<{ head: string; closed: Promise<unknown> }> {
  const socket = connect(Number(new URL(server.url!).port), "127.0.0.1");
  onDispose(() => socket.destroy());
  const closed = once(socket, "close");
  socket.write("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const [head] = (await once(socket, "data")) as [Buffer];
  return { head: head.toString(), closed };
}

const hasIPv6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === "::1"),
);

it.each(["127.0.0.1", "0.0.0.0", ...(hasIPv6 ? ["::", "::1"] : [])])(
  "SOURCE-1: a server that listens on %s is served at the URL that it names",
  async (host) => {
    const server = await start({ host });
    const conversation = await converse(server.url!);
    expect(await conversation.call("echo", { text: "one" })).toBe("one");
  },
);

it("SOURCE-1: the address of every interface is no name for this machine", async () => {
  const server = await start({ host: "0.0.0.0" });
  const headers = { ...asCaller(), host: `0.0.0.0:${new URL(server.url!).port}` };
  expect((await send(server.url!, { headers })).json).toMatchObject({ error: "host_not_allowed" });
});

it("HOST-5: idle connections are kept for longer than load balancers keep them", async () => {
  const server = await start();
  expect((await idleConnection(server)).head).toMatch(/^keep-alive: timeout=75\r$/im);
  expect(server.httpServer).toMatchObject({
    keepAliveTimeout: 75_000,
    headersTimeout: 60_000,
    requestTimeout: 300_000,
  });
});

it("HOST-5: an idle connection is closed after the time that was asked for", async () => {
  const server = await start({ http: { keepAliveTimeoutMs: 1 } });
  await (
    await idleConnection(server)
  ).closed;
});

it("HOST-5: the times are those that were asked for, also after another start", async () => {
  const http = { keepAliveTimeoutMs: 620_000, headersTimeoutMs: 5_000, requestTimeoutMs: 10_000 };
  const server = await start({ http });
  const times = { keepAliveTimeout: 620_000, headersTimeout: 5_000, requestTimeout: 10_000 };
  expect(server.httpServer).toMatchObject(times);
  await server.stop();
  expect(server.httpServer).toBeUndefined();
  await server.start();
  expect(server.httpServer).toMatchObject(times);
});

it("HOST-5: times and sizes that are no whole numbers become ones that Node takes", async () => {
  const http = { keepAliveTimeoutMs: 1_000.5, headersTimeoutMs: 0.4, requestTimeoutMs: 1.5 };
  const server = await start({ http, maxHeaderSize: 20_000.5 });
  const times = { keepAliveTimeout: 1_001, headersTimeout: 1, requestTimeout: 2 };
  expect(server.httpServer).toMatchObject(times);
});

it("HOST-5, STOP-6: stop() does not wait for connections that are idle", async () => {
  const server = await start({ http: { keepAliveTimeoutMs: 0 } });
  const connections = await Promise.all([idleConnection(server), idleConnection(server)]);
  // Whoever waits for them waits longer than a test may take.
  await server.stop({ timeoutMs: 600_000 });
  await Promise.all(connections.map(({ closed }) => closed));
});

it("AUTH-10: a tool sees the URL that publicUrl says, whatever Host does", async () => {
  const server = await start({ publicUrl: "https://api.example.com/mcp/" });
  const { port } = server.httpServer!.address() as { port: number };
  const origin = `http://127.0.0.1:${port}`;
  const { stream, endpoint } = await openSession(`${origin}/sse`, asCaller());
  // What a proxy in front of it would make of the path.
  const postUrl = `${origin}${endpoint.replace("/mcp", "")}`;
  await post(postUrl, initialize, asCaller());
  await stream.nextMessage();
  for (const id of [2, 3]) {
    await post(postUrl, toolCall(id, "request"), asCaller());
    const { result } = await stream.nextMessage();
    const seen = JSON.parse(result.content[0].text) as { url: string };
    expect(seen.url).toBe(`https://api.example.com${endpoint}`);
  }
});
