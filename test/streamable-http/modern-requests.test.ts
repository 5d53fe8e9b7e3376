import { once } from "node:events";
import { connect } from "node:net";
import express from "express";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { freezeTimers, turnClock } from "../kit/clock.js";
import { asCaller } from "../kit/conversation.js";
import { listen } from "../kit/listen.js";
import {
  createModernServer,
  ENVELOPE,
  Held,
  headersOf,
  modernCall,
  modernRequest,
  postModern,
  REVISION,
} from "../kit/modern.js";
import { RawConnection } from "../kit/raw-http.js";
import { initialize, toolCall } from "../kit/raw-sse.js";
import { Facts } from "../kit/session-facts.js";
import { begin, postForStream, postMessage, serveMcp, textOf } from "../kit/streamable.js";
import type { ServeMcpOptions } from "../kit/streamable.js";
import { createToolServer } from "../kit/tools.js";
import { turn, until } from "../kit/waiting.js";

cleanUpAfterEach();

const serve = (options: ServeMcpOptions = {}) =>
  serveMcp({ createServer: () => createModernServer(), ...options });

const echo = modernCall(1, "echo", { text: "hello" });

it("MODERN-1: nobody is answered without a credential, whatever the request says", async () => {
  const { mcpUrl } = await serve();
  const refused = await postModern(mcpUrl, echo, {});
  expect(refused.status).toBe(401);
  expect(refused.headers["www-authenticate"]).toMatch(/^Bearer /);
});

it("MODERN-1: a session's id is passed over, and none is given", async () => {
  const { mcpUrl } = await serve();
  const { sessionId } = await begin(mcpUrl);
  const answer = await postModern(mcpUrl, echo, {
    ...asCaller({ sub: "bob" }),
    "mcp-session-id": sessionId,
  });
  expect([answer.status, textOf(answer.json)]).toEqual([200, "hello"]);
  expect(answer.headers["mcp-session-id"]).toBeUndefined();
});

it("MODERN-1: two users who call with one id at a time hear their own answers", async () => {
  const { mcpUrl } = await serve();
  const names = ["alice", "bob", "alice", "bob"];
  const answers = await Promise.all(
    names.map((sub) => postModern(mcpUrl, modernCall(1, "whoami"), asCaller({ sub }))),
  );
  const ids = answers.map(({ json }) => (JSON.parse(textOf(json)) as { id: string }).id);
  expect(ids).toEqual(names);
});

it("MODERN-1: tools do not see a credential that is a secret", async () => {
  const keys = { type: "apikey", options: { keys: ["a-key-that-is-long-enough-0123456789"] } };
  const { mcpUrl } = await serve({ auth: keys as never });
  const answer = await postModern(mcpUrl, modernCall(1, "headers"), {
    "x-api-key": "a-key-that-is-long-enough-0123456789",
  });
  const seen = JSON.parse(textOf(answer.json)) as string[];
  expect([seen.includes("mcp-method"), seen.includes("x-api-key")]).toEqual([true, false]);
});

const bad: [string, object, Record<string, string>, number, number][] = [
  ["header and body of two revisions", echo, { "mcp-protocol-version": "2027-01-01" }, 400, -32020],
  ["a header of 2025", echo, { "mcp-protocol-version": "2025-11-25" }, 400, -32020],
  ["a method that is not the header's", echo, { "mcp-method": "tools/list" }, 400, -32020],
  ["a name that is not the header's", echo, { "mcp-name": "whoami" }, 400, -32020],
  ["initialize", initialize, { "mcp-method": "initialize" }, 400, -32020],
  ["no _meta", toolCall(1, "echo", { text: "a" }), {}, 400, -32602],
  [
    "an incomplete envelope",
    {
      ...toolCall(1, "echo"),
      params: { _meta: { "io.modelcontextprotocol/protocolVersion": REVISION } },
    },
    {},
    400,
    -32602,
  ],
  [
    "a revision that is unknown",
    modernRequestOf("2027-01-01"),
    { "mcp-protocol-version": "2027-01-01" },
    400,
    -32022,
  ],
  [
    "a revision that never was",
    modernRequestOf("1900-01-01"),
    { "mcp-protocol-version": "1900-01-01" },
    400,
    -32022,
  ],
  ["a method that is unknown", modernRequest(1, "no/such"), {}, 404, -32601],
  ["a batch of two eras", [echo, initialize], {}, 400, -32600],
  ["an answer to nobody", { jsonrpc: "2.0", id: 1, result: {} }, {}, 400, -32600],
];

function modernRequestOf(version: string): object {
  const meta = { ...ENVELOPE, "io.modelcontextprotocol/protocolVersion": version };
  return { jsonrpc: "2.0", id: 1, method: "tools/list", params: { _meta: meta } };
}

it.each(bad)(
  "MODERN-5: %s is refused, and others go on",
  async (_name, message, more, status, code) => {
    let made = 0;
    const { mcpUrl } = await serve({
      createServer: () => {
        made++;
        return createModernServer();
      },
    });
    await postModern(mcpUrl, echo);
    made = 0;
    const refused = await postModern(mcpUrl, message, { ...asCaller(), ...more });
    expect([refused.status, refused.json.error.code]).toEqual([status, code]);
    if (code === -32022) expect(refused.json.error.data.supported).toEqual([REVISION]);
    // Nothing of the application's is run for what the headers alone refuse.
    if (code === -32020 || code === -32022 || code === -32602) expect(made).toBe(0);
    expect(textOf((await postModern(mcpUrl, echo)).json)).toBe("hello");
  },
);

it("MODERN-5: a body of 2026-07-28 without its header is refused by the code for that", async () => {
  const { mcpUrl, router } = await serve();
  for (const name of ["mcp-protocol-version", "mcp-method"]) {
    const headers: Record<string, string> = { ...headersOf(echo), ...asCaller() };
    Reflect.deleteProperty(headers, name);
    const refused = await postMessage(mcpUrl, echo, headers);
    expect([refused.status, refused.json.error.code, refused.json.id]).toEqual([400, -32020, 1]);
  }
  const session = await begin(mcpUrl);
  const inSession = await session.post(echo);
  expect([inSession.status, inSession.json.error.code]).toEqual([400, -32020]);
  expect(await session.call("echo", { text: "goes on" })).toBe("goes on");
  expect(router.sessions.size).toBe(1);
});

it("MODERN-3: with servers of v1 the refusal is none of this revision's", async () => {
  const { mcpUrl } = await serve({ createServer: () => createToolServer() });
  const later = { ...asCaller(), "mcp-protocol-version": "2027-01-01" };
  const refusals = [
    await postModern(mcpUrl, echo),
    await postModern(mcpUrl, modernRequest(1, "server/discover")),
    await postModern(mcpUrl, modernRequestOf("2027-01-01"), later),
    await postMessage(mcpUrl, echo, asCaller()),
  ];
  for (const { status, json } of refusals) expect([status, json.error.code]).toEqual([400, -32000]);
});

it("MODERN-6: a tool asks for scopes before it runs, as in sessions", async () => {
  const { mcpUrl } = await serve();
  const refused = await postModern(mcpUrl, modernCall(1, "admin"), asCaller({ scope: "read" }));
  expect(refused.status).toBe(403);
  expect(refused.headers["www-authenticate"]).toContain('error="insufficient_scope"');
  expect(refused.headers["www-authenticate"]).toContain('scope="read admin"');
  const done = await postModern(mcpUrl, modernCall(1, "admin"), asCaller({ scope: "admin" }));
  expect(textOf(done.json)).toBe("done");
});

it("MODERN-7: a client that leaves cancels its call", async () => {
  const held = new Held();
  const { mcpUrl, router } = await serve({ createServer: () => createModernServer(held) });
  const message = modernCall(1, "held");
  const body = JSON.stringify(message);
  const { hostname, port, pathname } = new URL(mcpUrl);
  const socket = connect(Number(port), hostname);
  onDispose(() => socket.destroy());
  await once(socket, "connect");
  const headers = { ...headersOf(message), ...asCaller(), "content-type": "application/json" };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(
    `POST ${pathname} HTTP/1.1\r\nHost: ${hostname}:${port}\r\n${lines.join("")}` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  await held.started.promise;
  socket.destroy();
  await held.aborted.promise;
  held.released.resolve();
  await router.close();
});

it("MODERN-8: calls in flight are counted by their principals", async () => {
  const held = new Held();
  const { mcpUrl, router } = await serve({
    createServer: () => createModernServer(held),
    streamable: { maxCallsPerPrincipal: 2 },
  });
  const facts = new Facts(router.sessions);
  const calls = [1, 2].map((id) => postModern(mcpUrl, modernCall(id, "held")));
  await held.started.promise;
  let refused = await postModern(mcpUrl, echo);
  // The second may still be on its way.
  while (refused.status === 200) refused = await postModern(mcpUrl, echo);
  expect([refused.status, refused.json.error.data.code]).toEqual([429, "too_many_calls"]);
  expect(refused.headers["retry-after"]).toBe("1");
  expect(await facts.reached("maxCallsPerPrincipal")).toMatchObject({ outcome: "refused" });
  expect((await postModern(mcpUrl, echo, asCaller({ sub: "bob" }))).status).toBe(200);
  held.released.resolve();
  for (const { json } of await Promise.all(calls)) expect(textOf(json)).toBe("released");
  expect((await postModern(mcpUrl, echo)).status).toBe(200);
});

it("MODERN-9: 4 MiB of headers are refused by Node, and where they are let in a tool gets its own", async () => {
  const { mcpUrl, router } = await serve();
  const name = (at: number) => `mcp-param-${at}`;
  const many = Object.fromEntries(
    Array.from({ length: 512 }, (_, at) => [name(at), "x".repeat(8 * 1024)]),
  );
  const call = modernCall(1, "region", { region: "north" });
  await expect(postModern(mcpUrl, call, { ...asCaller(), ...many })).resolves.toMatchObject({
    status: 431,
  });
  const wide = await listen(express().use("/mcp", router), { maxHeaderSize: 8 * 1024 * 1024 });
  const url = `${wide.url}/mcp`;
  const right = { ...asCaller(), ...many, "mcp-param-region": "north" };
  expect(textOf((await postModern(url, call, right)).json)).toBe("north");
  const wrong = await postModern(url, call, { ...right, "mcp-param-region": "south" });
  expect([wrong.status, wrong.json.error.code]).toEqual([400, -32020]);
  const left = await postModern(url, call, { ...asCaller(), ...many });
  expect([left.status, left.json.error.code]).toEqual([400, -32020]);
});

it("MODERN-10: a factory that fails is answered as in sessions", async () => {
  const { mcpUrl, lines } = await serve({
    createServer: () => {
      throw new Error("no database");
    },
  });
  const refused = await postModern(mcpUrl, echo);
  expect([refused.status, refused.json.error]).toEqual([500, "server_error"]);
  expect(lines.filter((line) => line.includes("no database"))).toHaveLength(1);
});

it("MODERN-10: a server is made for each request, and one that is used again is an error", async () => {
  const server = createModernServer();
  const { mcpUrl } = await serve({ createServer: () => server });
  expect((await postModern(mcpUrl, echo)).status).toBe(200);
  expect((await postModern(mcpUrl, echo)).status).toBe(500);
});

it("MODERN-2: a notification is answered 202, and a large answer comes whole", async () => {
  const { mcpUrl } = await serve();
  const note = { jsonrpc: "2.0", method: "notifications/custom", params: { _meta: ENVELOPE } };
  const taken = await postModern(mcpUrl, note);
  expect([taken.status, taken.text]).toEqual([202, ""]);
  const text = "\u2028 ü ".repeat(100_000);
  const answer = await postModern(mcpUrl, modernCall(1, "echo", { text }));
  expect(textOf(answer.json)).toBe(text);
  expect(answer.headers["cache-control"]).toBe("no-store");
});

it("MODERN-2: the events of a call are readable for whoever splits lines at any line break", async () => {
  const { mcpUrl } = await serve();
  const message = modernCall(1, "steps");
  const stream = await postForStream(mcpUrl, message, { ...headersOf(message), ...asCaller() });
  await stream.answerTo(1);
  await stream.ended;
  expect(stream.headers).toMatchObject({
    "content-type": "text/event-stream",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
  });
  expect(stream.bytes).not.toContain("id:");
});

/** A POST of a call on a bare socket, without the last byte of its body, that the server has begun to read. */
async function beginCall({ port, arrived }: { port: number; arrived: () => number }) {
  const before = arrived();
  const connection = await RawConnection.open(port);
  const message = modernCall(1, "echo", { text: "late" });
  const body = JSON.stringify(message);
  const headers = {
    host: "127.0.0.1",
    accept: "application/json, text/event-stream",
    "content-type": "application/json",
    "content-length": String(body.length),
    ...headersOf(message),
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  connection.write(`POST /mcp HTTP/1.1\r\n${lines.join("")}\r\n${body.slice(0, -1)}`);
  await until(() => arrived() > before);
  for (let turns = 0; turns < 20; turns++) await turn();
  return { connection, finish: () => connection.write(body.slice(-1)) };
}

it("LIMIT-11: a body may take bodyTimeoutMs, although that is longer than initTimeoutMs, and no more", async () => {
  let count = 0;
  const { port } = await serve({
    auth: false,
    configure: (app) =>
      app.use((_req, _res, next) => {
        count++;
        next();
      }),
    sessions: { initTimeoutMs: 1_000, bodyTimeoutMs: 10_000 },
  });
  freezeTimers();
  const late = await beginCall({ port, arrived: () => count });
  jest.advanceTimersByTime(9_000);
  await turn();
  late.finish();
  const answer = await late.connection.nextAnswer();
  expect([answer.status, answer.body]).toEqual([200, expect.stringContaining("late")]);
  const never = await beginCall({ port, arrived: () => count });
  expect((await turnClock(1_000, never.connection.nextAnswer())).status).toBe(408);
  await never.connection.ended();
});

it("LIMIT-4: a call sets no timer for limits that only conversations have", async () => {
  const held = new Held();
  const { mcpUrl } = await serve({ auth: false, createServer: () => createModernServer(held) });
  freezeTimers();
  const call = postModern(mcpUrl, modernCall(1, "held"), {});
  await held.started.promise;
  expect(jest.getTimerCount()).toBe(0);
  held.released.resolve();
  expect((await call).status).toBe(200);
});
