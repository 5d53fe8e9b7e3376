import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client as ClientV2 } from "@modelcontextprotocol/client";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import express from "express";
import type { Express } from "express";
import { createMcpRouter, createSseRouter, MCPServer } from "express-mcp-sse";
import type { McpRouter, McpServerLike } from "express-mcp-sse";
import { connectTestClient, createTestIssuer } from "express-mcp-sse/testing";
import type { ConnectableClient, TestTarget } from "express-mcp-sse/testing";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { printed, recordingLogger, secret } from "../kit/leak-watch.js";
import { createToolServer, createToolServerV2, registerTools } from "../kit/tools.js";

cleanUpAfterEach();

const KEY = randomBytes(24).toString("hex");
const AUTH = { type: "apikey", options: { keys: [KEY] } } as const;
const CREDENTIAL = { apiKey: KEY };

beforeEach(() => secret(KEY));

function createRouter(createServer: () => McpServerLike = createToolServer): McpRouter {
  const router = createMcpRouter({ auth: AUTH, logger: recordingLogger(), createServer });
  onDispose(() => router.close({ timeoutMs: 0 }));
  return router;
}

function createApp(router = createRouter()): Express {
  return express().use("/mcp", router);
}

function createMcpServer(type: "sse" | "http-stream", port = 0): MCPServer {
  const options = { auth: AUTH, logger: recordingLogger(), port } as const;
  const server = new MCPServer({ setup: registerTools, transport: { type, options } });
  onDispose(() => server.stop({ timeoutMs: 0 }));
  return server;
}

/** The answer of a tool by which callers are told apart from nothing. */
async function echo(client: ClientV1 | ClientV2, text = "hello"): Promise<unknown> {
  const { content } = await client.callTool({ name: "echo", arguments: { text } });
  return (content as { text: string }[])[0]!.text;
}

const targets: readonly (readonly [string, () => TestTarget])[] = [
  ["an Express app", () => createApp()],
  ["a router", () => createRouter()],
  ["a listener that answers ahead of an app", () => createAhead()],
  ["a server of node:http", () => createServer(createApp())],
  ["an MCPServer of Streamable HTTP", () => createMcpServer("http-stream")],
  ["an MCPServer of HTTP+SSE", () => createMcpServer("sse")],
];

function createAhead(): TestTarget {
  const router = createRouter();
  return router.ahead(createApp(router));
}

test.each(targets)("TESTING-1: a client calls a tool of %s", async (_name, create) => {
  const target = create();
  await using client = await connectTestClient(target, CREDENTIAL);
  expect(client).toBeInstanceOf(ClientV1);
  expect(await echo(client)).toBe("hello");
});

test("TESTING-1: a client comes by the transport, and to the path, that it is told", async () => {
  const router = createRouter();
  const app = express().use("/api", router);
  for (const [transport, path, wire] of [
    ["sse", "/api/sse", "sse"],
    ["streamable-http", "/api", "streamable"],
  ] as const) {
    await using client = await connectTestClient(app, { ...CREDENTIAL, transport, path });
    expect(await echo(client)).toBe("hello");
    expect(router.sessions.list().at(-1)?.transport).toBe(wire);
  }
});

test("TESTING-1: a client of its own choice goes on to HTTP+SSE where there is nothing else", async () => {
  const router = createSseRouter({
    auth: AUTH,
    logger: recordingLogger(),
    createServer: () => createToolServer(),
  });
  onDispose(() => router.close({ timeoutMs: 0 }));
  const own: readonly ConnectableClient[] = [
    new ClientV1({ name: "mine", version: "1" }),
    new ClientV2({ name: "mine", version: "2" }),
  ];
  for (const client of own) {
    await using connected = await connectTestClient(router, { ...CREDENTIAL, client });
    expect(connected).toBe(client);
    expect(await echo(connected as unknown as ClientV1)).toBe("hello");
    expect(router.sessions.list().map(({ client: info }) => info?.name)).toEqual(["mine"]);
  }
});

test("TESTING-1: a client of SDK v2 is connected by its own transport, and has its own type", async () => {
  const client = new ClientV2(
    { name: "mine", version: "2" },
    { versionNegotiation: { mode: { pin: "2026-07-28" } } },
  );
  const router = createRouter(createToolServerV2);
  await using connected = await connectTestClient(createApp(router), { ...CREDENTIAL, client });
  const version: string | undefined = connected.getNegotiatedProtocolVersion();
  expect(version).toBe("2026-07-28");
});

describe("the end of a client", () => {
  test.each(["sse", "streamable-http"] as const)(
    "TESTING-2: ends its session over %s, and frees the port",
    async (transport) => {
      const router = createRouter();
      const client = await connectTestClient(router, { ...CREDENTIAL, transport });
      expect(router.sessions.size).toBe(1);
      await Promise.all([client.close(), client.close()]);
      expect(router.sessions.size).toBe(0);
      await expect(echo(client)).rejects.toThrow("Not connected");
    },
  );

  test("TESTING-2: lets the other clients of the same target go on", async () => {
    const app = createApp();
    const server = createServer(app);
    const [first, second] = await Promise.all([
      connectTestClient(server, CREDENTIAL),
      connectTestClient(server, { ...CREDENTIAL, transport: "sse" }),
    ]);
    await first.close();
    expect(await echo(second)).toBe("hello");
    await second.close();
    expect(server.listening).toBe(false);
  });

  test("TESTING-2: lets a target be connected to again, also at once", async () => {
    const server = createMcpServer("http-stream");
    const first = await connectTestClient(server, CREDENTIAL);
    const [, second] = await Promise.all([first.close(), connectTestClient(server, CREDENTIAL)]);
    expect(await echo(second)).toBe("hello");
    await second.close();
    expect(server.url).toBeUndefined();
  });

  test("TESTING-2: leaves what was listening before as it was", async () => {
    const server = createServer(createApp()).listen(0, "127.0.0.1");
    onDispose(() => void server.close());
    await once(server, "listening");
    const started = createMcpServer("sse");
    await started.start();
    for (const target of [server, started]) {
      const client = await connectTestClient(target, CREDENTIAL);
      await client.close();
    }
    expect(server.listening).toBe(true);
    expect(started.url).toBeDefined();
  });

  test("TESTING-2: survives that the server has gone before", async () => {
    const router = createRouter();
    const client = await connectTestClient(router, CREDENTIAL);
    await router.close({ timeoutMs: 0 });
    await client.close();
    await client.close();
  });
});

test("TESTING-3: an MCPServer is started on a free port, whatever its options say", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  onDispose(() => void taken.close());
  await once(taken, "listening");
  const server = createMcpServer("sse", (taken.address() as AddressInfo).port);
  await using client = await connectTestClient(server, CREDENTIAL);
  expect(await echo(client)).toBe("hello");
  await expect(createMcpServer("sse").start({ port: -1 })).rejects.toThrow(/^port must be/);
});

describe("a client that cannot connect", () => {
  test.each(["sse", "streamable-http", undefined] as const)(
    "TESTING-4: says what the server answered over %s, and never its credential",
    async (transport) => {
      const wrong = secret("not-a-key-of-this-server-0123456789");
      const options = transport === undefined ? {} : { transport };
      const router = createRouter();
      const failing = connectTestClient(router, { ...options, apiKey: wrong });
      const error: unknown = await failing.catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        name: "TestClientError",
        status: 401,
        reason: expect.stringMatching(/^invalid_token: The credential was refused/),
        message: expect.stringMatching(
          /^The test client was refused at \/mcp(\/sse)?: 401 invalid_token: The credential/,
        ),
      });
      expect(printed(error)).not.toContain(wrong);
      await assert.rejects(connectTestClient(router, options), { status: 401 });
    },
  );

  test("TESTING-4: asks for the path where there is none", async () => {
    const failing = connectTestClient(express().use("/api", createRouter()), CREDENTIAL);
    await assert.rejects(failing, { status: 404, message: /another path\? Write it in options/ });
  });

  test("TESTING-4: says that the connection was cut, where nothing was answered", async () => {
    const failing = connectTestClient((_req: unknown, res: ServerResponse) => void res.destroy());
    await assert.rejects(failing, { status: undefined, message: /did not connect at \/mcp: / });
  });

  test("TESTING-4: shows what another server says on one line, without what a terminal obeys", async () => {
    const failing = connectTestClient((_req: unknown, res: ServerResponse) => {
      res.writeHead(500).end(`\u001b[31mbroken\n${"x".repeat(1_000)}`);
    });
    await assert.rejects(failing, ({ reason }: { reason: string }) => {
      expect(reason).toMatch(/^\\u\{1b\}\[31mbroken\\u\{a\}x+$/);
      return reason.length < 350;
    });
  });

  test("TESTING-4: leaves nothing open, and passes on why an app did not start", async () => {
    const issuer = await createTestIssuer();
    onDispose(() => issuer.close());
    issuer.stopAnswering("unavailable");
    const options = { auth: issuer.auth, logger: recordingLogger(), port: 0 } as const;
    const server = new MCPServer({ transport: { type: "sse", options } });
    await expect(connectTestClient(server)).rejects.toThrow(/cannot be started: .*503/);
    expect(server.httpServer).toBeUndefined();
    const refusing = createServer(createApp());
    await assert.rejects(connectTestClient(refusing), { status: 401 });
    expect(refusing.listening).toBe(false);
  });

  test.each([
    ["undefined", undefined],
    ["an object that is no server", { listen: () => undefined }],
  ])("TESTING-4: refuses %s as a target", async (_name, target) => {
    await expect(connectTestClient(target as never)).rejects.toThrow(
      /^A test client connects to an Express app, a router, an MCPServer, or a server/,
    );
  });

  test("TESTING-4: refuses wrong options, an MCPServer on stdio and a server on a socket", async () => {
    const options: readonly (readonly [object, RegExp])[] = [
      [{ token: "t" }, /^options\.token is not an option/],
      [{ transport: "http" }, /^options\.transport is unknown/],
      [{ path: "mcp" }, /^options\.path does not begin with a slash/],
    ];
    for (const [wrong, message] of options) {
      await expect(connectTestClient(createApp(), wrong)).rejects.toThrow(message);
    }
    await expect(connectTestClient(new MCPServer())).rejects.toThrow(/"stdio"/);
    const folder = mkdtempSync(join(tmpdir(), "test-client-"));
    const onSocket = createServer().listen(join(folder, "s"));
    onDispose(() => void onSocket.close(() => rmSync(folder, { recursive: true })));
    await once(onSocket, "listening");
    await expect(connectTestClient(onSocket)).rejects.toThrow(/listens on no TCP port/);
  });
});

test.each(["bearer", "apiKey", "headers"] as const)(
  "TESTING-1: a credential in %s that cannot be sent is said to be one, and is not repeated",
  async (option) => {
    for (const wrong of [`${KEY}\nmore`, `${KEY}\u20ac`, 7]) {
      const value = option === "headers" ? { "X-Key": wrong } : wrong;
      const failing = connectTestClient(createApp(), { [option]: value });
      const error: unknown = await failing.catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(TypeError);
      const { message } = error as Error;
      expect(message).toMatch(new RegExp(`^options.${option}(.X-Key)? cannot be sent in a header`));
      expect(message).not.toContain(KEY);
    }
  },
);
