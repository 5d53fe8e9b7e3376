import { inspect } from "node:util";
import {
  createMcpRouter,
  createSseRouter,
  MCPServer,
  SSEServerTransport,
  StreamableHTTPServerTransport,
} from "../../src/index.js";
import { asCaller, converse, SESSION_ID } from "../kit/conversation.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { createToolServer, HeldTool } from "../kit/tools.js";
import { describeEveryMount, JWT_AUTH, serveRouter } from "../kit/serve.js";
import { listen } from "../kit/listen.js";
import { initialize, openSession, openStream, post, toolCall } from "../kit/raw-sse.js";

cleanUpAfterEach();

/** Both forms in which somebody may print something. */
const printed = (value: unknown): string =>
  JSON.stringify(value) + inspect(value, { depth: 20, breakLength: Infinity });

describeEveryMount((serve) => {
  it("SHOWN-1: shows of each session whose it is, with which client, and how it is used", async () => {
    const before = Date.now();
    const { sseUrl, sessions } = await serve();
    const claims = { iss: "https://auth.example", client_id: "app", scope: "a b", email: "a@b.c" };
    const { sessionId } = await converse(sseUrl, asCaller(claims));
    const shown: unknown = JSON.parse(JSON.stringify(sessions.list()));
    expect(shown).toEqual([
      {
        id: sessionId,
        principal: {
          ...{ id: "alice", method: "jwt", issuer: "https://auth.example", clientId: "app" },
          scopes: ["a", "b"],
        },
        ...{ transport: "sse", era: "2024", state: "open", hasBegun: true },
        openedAt: expect.any(Number) as number,
        activeAt: expect.any(Number) as number,
        inFlight: 0,
        waitingBytes: expect.any(Number) as number,
        client: { name: "raw", version: "1" },
        address: expect.stringMatching(/127\.0\.0\.1$/) as string,
      },
    ]);
    const [{ openedAt, activeAt } = { openedAt: 0, activeAt: 0 }] = shown as {
      openedAt: number;
      activeAt: number;
    }[];
    expect(openedAt).toBeGreaterThanOrEqual(before);
    expect(activeAt).toBeGreaterThanOrEqual(openedAt);
    expect(JSON.parse(JSON.stringify(sessions))).toEqual({ size: 1, sessions: shown });
    const text = inspect(sessions);
    expect(text).toMatch(/^SessionRegistry \{\s*size: 1/);
    expect(text).toContain("id: 'alice'");
    expect(text).toContain("name: 'raw'");
    expect(printed(sessions)).not.toMatch(/a@b\.c|rawHeaders|Bearer|#|Symbol/);
  });

  it("SHOWN-1: counts the calls that have no answer yet", async () => {
    const held = new HeldTool();
    const { sseUrl, sessions } = await serveRouter({ createServer: () => held.createServer() });
    const { postUrl, headers } = await converse(sseUrl);
    await post(postUrl, toolCall(2, "held", {}), headers);
    await held.started;
    expect(JSON.parse(JSON.stringify(sessions.list()))).toMatchObject([{ inFlight: 1 }]);
    held.release();
  });
});

it("SHOWN-1: shows the address that a trusted proxy names, and no credential of the URL", async () => {
  const key = "a-key-that-is-in-the-url-0123";
  const { sseUrl, sessions } = await serveRouter({
    auth: { type: "apikey", options: { keys: [{ id: "ci", key }], queryParam: "api_key" } },
    configure: (app) => void app.set("trust proxy", "loopback"),
  });
  await openSession(`${sseUrl}?api_key=${key}`, { "x-forwarded-for": "192.0.2.7" });
  expect(JSON.parse(JSON.stringify(sessions.list()))).toMatchObject([
    { address: "192.0.2.7", principal: { id: "ci", method: "apikey", scopes: [] } },
  ]);
  expect(printed(sessions.list())).not.toContain(key);
});

it.each([
  [
    { name: "x".repeat(5000), version: "y".repeat(5000) },
    { name: "x".repeat(100), version: "y".repeat(100) },
  ],
  [{ name: "only-a-name" }, { name: "only-a-name" }],
  [{ name: 7, version: {} }, undefined],
  ["text", undefined],
  [null, undefined],
])(
  "SHOWN-2: keeps a bounded part of what a client says of itself: %#",
  async (clientInfo, kept) => {
    const { sseUrl, sessions } = await serveRouter();
    const headers = asCaller();
    const { postUrl } = await openSession(sseUrl, headers);
    expect(sessions.list()[0]?.client).toBeUndefined();
    const params = { ...initialize.params, clientInfo };
    await post(postUrl, { ...initialize, params }, headers);
    expect(sessions.list()[0]?.client).toEqual(kept);
  },
);

it("SHOWN-3: shows of a router, a server and a transport what an operator asks for", async () => {
  const router = createSseRouter({ auth: JWT_AUTH, createServer: createToolServer });
  expect(JSON.parse(JSON.stringify({ router }))).toEqual({
    router: { endpoint: "/sse", messageEndpoint: "/messages", auth: ["jwt"], sessions: 0 },
  });
  expect(inspect(router)).toMatch(/^SseRouter \{\s*endpoint: '\/sse'/);

  const mcp = createMcpRouter({ auth: JWT_AUTH, createServer: createToolServer, sse: false });
  expect(mcp).toHaveProperty("toJSON");
  expect(JSON.parse(JSON.stringify(mcp))).toEqual({ endpoint: "/sse", auth: ["jwt"], sessions: 0 });
  expect(inspect(mcp)).toMatch(/^McpRouter \{\s*endpoint: '\/sse', auth/);

  const server = new MCPServer({
    ...{ name: "shown", version: "1.2.3", setup: () => undefined },
    transport: { type: "sse", options: { port: 0, auth: JWT_AUTH, logger: false } },
  });
  expect(JSON.parse(JSON.stringify(server))).toEqual({
    ...{ name: "shown", version: "1.2.3", transport: "sse", sessions: 0 },
  });
  await server.start();
  onDispose(() => server.stop({ timeoutMs: 0 }));
  expect(JSON.parse(JSON.stringify(server))).toMatchObject({ url: server.url });
  expect(inspect(server)).toMatch(/^MCPServer \{/);
  expect(printed([router, server])).not.toContain(JWT_AUTH.options.secret);

  const { url } = await listen((_req, res) => {
    const transport = new SSEServerTransport("/messages", res);
    expect(JSON.parse(JSON.stringify(transport))).toMatchObject({
      id: transport.sessionId,
      state: "opening",
    });
    expect(inspect(transport)).toMatch(/^SSEServerTransport \{/);
    void transport.start();
  });
  await openStream(url);

  const streamable = new StreamableHTTPServerTransport();
  expect(JSON.parse(JSON.stringify(streamable))).toMatchObject({ id: "", state: "opening" });
  expect(inspect(streamable)).toMatch(/^StreamableHTTPServerTransport \{/);
});

describe("the log of a router", () => {
  it("SHOWN-4: says whose a session is, with which client, and from where", async () => {
    const { sseUrl, sessions, lines } = await serveRouter();
    const headers = asCaller({ client_id: "app" });
    const { postUrl } = await openSession(sseUrl, headers);
    const clientInfo = { name: 'evil", client "x', version: "1\u202e\n" };
    const params = { ...initialize.params, clientInfo };
    await post(postUrl, { ...initialize, params }, headers);
    const closed = new Promise((resolve) => sessions.on("closed", resolve));
    sessions.list()[0]?.close();
    await closed;
    const from = '"alice" \\(jwt\\) through "app"';
    const name = 'client "evil\\\\", client \\\\"x 1\\\\u\\{202e\\}"';
    expect(lines.filter((line) => line.startsWith("debug: session"))).toEqual([
      expect.stringMatching(`^debug: session ${SESSION_ID} opened: of ${from}, from "127.0.0.1"$`),
      expect.stringMatching(
        `^debug: session ${SESSION_ID} closed: [a-z-]+: of ${from}, ${name}, from "127.0.0.1"$`,
      ),
    ]);
  });

  it("SHOWN-5: warns of a limit that disconnects somebody, and informs of one that refuses", async () => {
    const { sseUrl, lines } = await serveRouter({
      sessions: { maxSessionsPerPrincipal: 1, maxInFlight: 1 },
      throttle: { maxFailures: 1 },
    });
    const first = await converse(sseUrl);
    await converse(sseUrl);
    const limits = () => lines.filter((line) => line.includes("limit "));
    expect(limits()).toEqual([
      `warn: limit maxSessionsPerPrincipal reached: ended: session ${first.sessionId}: ` +
        'of "alice" (jwt), client "raw 1", from "127.0.0.1"',
    ]);
    const bad = { authorization: "Bearer nothing-good" };
    await openStream(sseUrl, bad);
    await openStream(sseUrl, bad);
    expect(limits()[1]).toBe('info: limit throttle reached: refused: a request from "127.0.0.1"');
  });
});
