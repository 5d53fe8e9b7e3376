import type { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { McpSseError } from "../../src/index.js";
import type { ErrorCode, McpServerLike, SessionInfo } from "../../src/index.js";
import { asCaller, converse } from "../kit/conversation.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { freezeTimers, turnClock } from "../kit/clock.js";
import { createToolServer } from "../kit/tools.js";
import { describeEveryMount, describeEveryRouter, serveRouter } from "../kit/serve.js";
import type { Serve, ServeRouterOptions } from "../kit/serve.js";
import type { Conversation } from "../kit/conversation.js";
import { send } from "../kit/raw-http.js";
import { openStream } from "../kit/raw-sse.js";
import { signal } from "../kit/waiting.js";

cleanUpAfterEach();

type CreateServer = NonNullable<ServeRouterOptions["createServer"]>;

/** A server that tells when it is closed. */
function watchedServer(): { server: McpServer; closed: Promise<void> } {
  const server = createToolServer();
  const { promise, resolve } = signal();
  const close = server.close.bind(server);
  server.close = async () => {
    await close();
    resolve();
  };
  return { server, closed: promise };
}

const bob = (): { authorization: string } => asCaller({ sub: "bob" });

/** Serves bob with `createServer`, and alice, who is connected already, as ever. */
async function serveBob(
  serve: Serve<ServeRouterOptions>,
  createServer: CreateServer,
  options: ServeRouterOptions = {},
): Promise<Awaited<ReturnType<Serve>> & { alice: Conversation }> {
  const served = await serve({
    ...options,
    createServer: (session) =>
      session.principal.id === "bob" ? createServer(session) : createToolServer(),
  });
  return Object.assign(served, { alice: await converse(served.sseUrl) });
}

describeEveryRouter((serve) => {
  const FAILURES: [string, CreateServer][] = [
    [
      "throws",
      () => {
        throw new Error("a detail of the database");
      },
    ],
    [
      "throws nothing",
      () => {
        // eslint-disable-next-line @typescript-eslint/only-throw-error -- strangers do
        throw undefined;
      },
    ],
    ["rejects", () => Promise.reject(new Error("a detail of the database"))],
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- strangers do
    ["rejects with nothing", () => Promise.reject()],
    ["returns nothing", () => undefined as never],
    ["returns null", () => null as never],
    ["returns text", () => "server" as never],
    ["returns something without close()", () => ({ connect: () => undefined }) as never],
    ["returns a function", () => (() => undefined) as never],
    [
      "returns a server that cannot be connected",
      () => ({
        connect: () => Promise.reject(new Error("a detail of the database")),
        close: () => Promise.resolve(),
      }),
    ],
    [
      "returns a server that throws when it is connected, and when it is closed",
      () => ({
        connect: () => {
          throw new Error("a detail of the database");
        },
        close: () => {
          throw new Error("a detail of the database");
        },
      }),
    ],
    [
      "returns something that takes no transport",
      () => ({ connect: () => Promise.resolve(), close: () => Promise.resolve() }),
    ],
  ];

  it.each(FAILURES)(
    "SESSION-2: a createServer that %s gets its client 500, and nobody else anything",
    async (_name, createServer) => {
      const { sseUrl, sessions, alice, lines } = await serveBob(serve, createServer);
      const answer = await send(sseUrl, { headers: bob() });
      expect(answer.status).toBe(500);
      expect(answer.json).toEqual({ error: "server_error", error_description: expect.any(String) });
      expect(answer.text).not.toContain("database");
      expect(sessions.size).toBe(1);
      expect(lines.filter((line) => line.startsWith("error: refused GET: 500"))).toHaveLength(1);
      expect(await alice.call("echo", { text: "alive" })).toBe("alive");
    },
  );

  it("SESSION-2: a createServer that never returns gets its client 503 with Retry-After", async () => {
    freezeTimers();
    const { sseUrl, sessions, alice } = await serveBob(
      serve,
      () => new Promise<never>(() => undefined),
      { sessions: { openTimeoutMs: 20 } },
    );
    const answer = await turnClock(20, send(sseUrl, { headers: bob() }));
    expect([answer.status, answer.json.error]).toEqual([503, "server_unavailable"]);
    expect(answer.headers["retry-after"]).toMatch(/^[1-9]\d*$/);
    expect(sessions.size).toBe(1);
    expect(await alice.call("echo", { text: "alive" })).toBe("alive");
  });

  it("SESSION-2: a server whose connect() never returns gets its client 503, and is closed", async () => {
    freezeTimers();
    const { server, closed } = watchedServer();
    const { sseUrl, sessions, alice } = await serveBob(
      serve,
      () => Object.assign(server, { connect: () => new Promise<never>(() => undefined) }),
      { sessions: { openTimeoutMs: 20 } },
    );
    const answer = await turnClock(20, send(sseUrl, { headers: bob() }));
    expect([answer.status, answer.json.error]).toEqual([503, "server_unavailable"]);
    await closed;
    expect(sessions.size).toBe(1);
    expect(await alice.call("echo", { text: "alive" })).toBe("alive");
  });

  it("SESSION-2: a server that comes too late is closed again", async () => {
    freezeTimers();
    const late = signal<McpServerLike>();
    const { sseUrl } = await serveBob(serve, () => late.promise, {
      sessions: { openTimeoutMs: 20 },
    });
    expect((await turnClock(20, send(sseUrl, { headers: bob() }))).status).toBe(503);
    const { server, closed } = watchedServer();
    late.resolve(server);
    await closed;
  });

  it("SESSION-1, SESSION-2: another session's server that comes too late stays open", async () => {
    freezeTimers();
    const server = createToolServer();
    const late = signal<McpServerLike>();
    const asked: string[] = [];
    const { sseUrl } = await serve({
      sessions: { openTimeoutMs: 20 },
      createServer: ({ principal }) => {
        asked.push(principal.id);
        return principal.id === "bob" ? late.promise : server;
      },
    });
    const alice = await converse(sseUrl);
    expect((await turnClock(20, send(sseUrl, { headers: bob() }))).status).toBe(503);
    late.resolve(server);
    await late.promise;
    expect(await alice.call("echo", { text: "alive" })).toBe("alive");
    expect(asked).toEqual(["alice", "bob"]);
  });

  it("SESSION-1: the same server twice is 500, and the first session goes on", async () => {
    const server = createToolServer();
    const { sseUrl, sessions } = await serve({ createServer: () => server });
    const alice = await converse(sseUrl);
    for (let attempt = 0; attempt < 2; attempt++) {
      const answer = await send(sseUrl, { headers: bob() });
      expect([answer.status, answer.json.error]).toEqual([500, "server_error"]);
    }
    expect(sessions.size).toBe(1);
    expect(await alice.call("echo", { text: "alive" })).toBe("alive");
    alice.stream.close();
  });

  it("SESSION-1: nor may two routers share a server, or a session have one that was closed", async () => {
    const server = createToolServer();
    const first = await serve({ createServer: () => server });
    const second = await serve({ createServer: () => server });
    const alice = await converse(first.sseUrl);
    expect((await send(second.sseUrl, { headers: bob() })).status).toBe(500);
    first.sessions.close(alice.sessionId);
    await alice.stream.ended;
    expect((await send(first.sseUrl, { headers: asCaller() })).status).toBe(500);
  });

  it.each([
    ["", false],
    [" and does not come back in time", { graceMs: 20 }],
  ] as const)(
    "SESSION-1, SESSION-3: when the client leaves%s, its server is closed and its session is gone",
    async (_why, resume) => {
      const { server, closed } = watchedServer();
      const aborted = signal();
      const { sseUrl, sessions } = await serve({
        resume,
        createServer: (session) => {
          session.signal.addEventListener("abort", () => aborted.resolve());
          return server;
        },
      });
      const { stream } = await converse(sseUrl);
      expect(sessions.size).toBe(1);
      stream.close();
      await Promise.all([closed, aborted.promise]);
      expect(sessions.size).toBe(0);
    },
  );

  it("SESSION-1: a client that leaves while its server is made leaves nothing behind", async () => {
    const asked = signal<SessionInfo>();
    const made = signal<McpServerLike>();
    const { sseUrl, sessions, alice, lines } = await serveBob(serve, (session) => {
      asked.resolve(session);
      return made.promise;
    });
    const leaving = openStream(sseUrl, bob());
    leaving.catch(() => undefined);
    const session = await asked.promise;
    const gone = signal();
    session.signal.addEventListener("abort", () => gone.resolve());
    expect(sessions.size).toBe(2);
    // The only way to leave before there is an answer is to cut the connection.
    (session.request as { socket: { destroy(): void } }).socket.destroy();
    await gone.promise;
    expect(sessions.size).toBe(1);
    const { server, closed } = watchedServer();
    made.resolve(server);
    await closed;
    expect(sessions.size).toBe(1);
    expect(await alice.call("echo", { text: "alive" })).toBe("alive");
    // Nobody was refused anything.
    expect(lines.filter((line) => line.includes("refused"))).toEqual([]);
  });

  it("SESSION-1: a session can be closed while its server is made", async () => {
    const { server, closed } = watchedServer();
    const { sseUrl, sessions } = await serve({
      createServer: (session) => {
        session.close();
        return server;
      },
    });
    const answer = await send(sseUrl, { headers: asCaller() });
    await closed;
    expect(answer.status).toBe(503);
    expect(sessions.size).toBe(0);
  });

  it("SESSION-3: onclose is called once, however the session ends", async () => {
    const ends: Record<string, (conversation: Conversation, server: McpServer) => unknown> = {
      client: ({ stream }) => stream.close(),
      server: (_conversation, server) => server.close(),
      registry: ({ sessionId }) => served.sessions.close(sessionId),
      router: () => served.close({ timeoutMs: 0 }),
    };
    const servers: McpServer[] = [];
    const calls: number[] = [];
    const closed: Promise<void>[] = [];
    const served = await serve({
      resume: false,
      createServer: () => {
        const { server, closed: whenClosed } = watchedServer();
        const index = servers.push(server) - 1;
        calls.push(0);
        closed.push(whenClosed);
        server.server.onclose = () => calls[index]!++;
        return server;
      },
    });
    for (const [index, end] of Object.values(ends).entries()) {
      const conversation = await converse(served.sseUrl);
      await end(conversation, servers[index]!);
      await Promise.all([closed[index], conversation.stream.ended]);
    }
    expect(calls).toEqual([1, 1, 1, 1]);
    expect(served.sessions.size).toBe(0);
  });
});

describeEveryMount((serve) => {
  it("SESSION-1: opened and closed are announced, and a listener that throws changes nothing", async () => {
    const { sseUrl, sessions, lines } = await serve({ resume: false });
    const events: string[] = [];
    const closed = signal();
    sessions.on("opened", ({ id, principal }) => events.push(`opened ${id} ${principal?.id}`));
    sessions.on("opened", () => {
      throw new Error("a listener's own");
    });
    sessions.on("closed", ({ id }, reason) => {
      events.push(`closed ${id} ${reason}`);
      closed.resolve();
    });
    const { stream, sessionId } = await converse(sseUrl);
    stream.close();
    await closed.promise;
    expect(events).toEqual([
      `opened ${sessionId} alice`,
      `closed ${sessionId} client-disconnected`,
    ]);
    expect(lines).toContain("error: a listener of router.sessions threw");
  });

  it("SESSION-1: of 50 clients that come and go, nothing stays", async () => {
    const { sseUrl, sessions } = await serve();
    const left = signal();
    let closed = 0;
    sessions.on("closed", () => {
      if (++closed === 50) left.resolve();
    });
    const all = await Promise.all(Array.from({ length: 50 }, () => openStream(sseUrl, asCaller())));
    for (const stream of all) stream.close();
    await left.promise;
    expect(sessions.size).toBe(0);
  });
});

it("SESSION-2: what createServer throws is for the log, not for the client", async () => {
  const { sseUrl, lines } = await serveRouter({
    createServer: () => {
      throw new Error("the database is away");
    },
  });
  await send(sseUrl, { headers: asCaller() });
  expect(lines).toEqual([
    "error: refused GET: 500 server_error: The MCP server could not be created. (Error: the database is away)",
  ]);
});

it.each<[string, () => McpSseError]>([
  ["a value", () => errorWith({ "X-Why": "a\nb" })],
  ["a name", () => errorWith({ "X Why": "text" })],
  ["a header without a value", () => errorWith({ "X-Why": undefined })],
  ["a code", () => new McpSseError("unheard_of" as ErrorCode, "Not now.")],
])(
  "SESSION-2: an error of createServer with %s that cannot be sent is a 500",
  async (_what, make) => {
    let isBroken = true;
    const { sseUrl, lines, sessions } = await serveRouter({
      createServer: () => {
        if (isBroken) throw make();
        return createToolServer();
      },
    });
    const { status, json } = await send(sseUrl, { headers: asCaller() });
    expect([status, json.error]).toEqual([500, "server_error"]);
    expect(lines.at(-1)).toMatch(/^error: could not send the error of GET: 500 server_error: /);
    expect(sessions.size).toBe(0);
    isBroken = false;
    expect(await (await converse(sseUrl)).call("echo", { text: "served on" })).toBe("served on");
  },
);

/** As an application without types may make it. */
function errorWith(headers: object): McpSseError {
  return new McpSseError("server_full", "Not now.", { headers: headers as Record<string, string> });
}
