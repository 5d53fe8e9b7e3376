import express from "express";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { asCaller } from "../kit/conversation.js";
import { listen } from "../kit/listen.js";
import { createModernServer, ENVELOPE, Held, modernCall, postModern } from "../kit/modern.js";
import { send } from "../kit/raw-http.js";
import type { RawAnswer } from "../kit/raw-http.js";
import { initialize, toolCall } from "../kit/raw-sse.js";
import { begin, postMessage, serveMcp, textOf } from "../kit/streamable.js";
import type { StreamableConversation } from "../kit/streamable.js";
import { createToolServer, createToolServerV2 } from "../kit/tools.js";

cleanUpAfterEach();

const echo = toolCall(7, "echo", { text: "hello" });

/** A hostile request, and the status and JSON-RPC code that it must get; a GET has none. */
type Row = readonly [
  string,
  (client: StreamableConversation) => Promise<RawAnswer>,
  number,
  number | undefined,
];

/** A POST, GET or DELETE of a client whose session's id is another. */
const inSession =
  (id: string | readonly string[], method = "POST") =>
  ({ url, headers }: StreamableConversation): Promise<RawAnswer> =>
    send(url, {
      method,
      headers: { ...headers, "content-type": "application/json", "mcp-session-id": id },
      ...(method === "POST" && { body: JSON.stringify(echo) }),
    });

const ids: readonly Row[] = [
  ["that is a path", inSession("../../sessions"), 404, -32001],
  ["that every object has a member of", inSession("__proto__"), 404, -32001],
  ["that has 8 KiB", inSession("a".repeat(8192)), 404, -32001],
  ["that is no ASCII", inSession("\u00e9\u00ff"), 404, -32001],
  ["that is empty", inSession(""), 400, -32600],
  ["that is twice there", inSession(["a", "b"]), 404, -32001],
  ["that is unknown, on a DELETE", inSession("unknown", "DELETE"), 404, -32001],
  ["that is unknown, on a GET", inSession("unknown", "GET"), 404, undefined],
];

const resumeAt =
  (position: (sessionId: string) => string) =>
  async (client: StreamableConversation): Promise<RawAnswer> =>
    send(client.url, {
      headers: { ...client.headers, "last-event-id": position(client.sessionId) },
    });

const positions: readonly Row[] = [
  ["another session's", resumeAt(() => "3f333df6-90a4-4fda-8dd3-9485d27cee36.0.1"), 400, undefined],
  ["a stream's that never was", resumeAt((id) => `${id}.99.1`), 400, undefined],
  ["an event's that never was", resumeAt((id) => `${id}.0.99`), 400, undefined],
  ["one of HTTP+SSE", resumeAt((id) => `${id}:1`), 400, undefined],
  ["none at all", resumeAt(() => "none"), 400, undefined],
  [
    "one with numbers beyond all bounds",
    resumeAt((id) => `${id}.0.${"9".repeat(400)}`),
    400,
    undefined,
  ],
];

const accepting = (accept: string) => (client: StreamableConversation) =>
  client.post(echo, { accept });

const messages: readonly Row[] = [
  ["a batch", (client) => client.post([echo, toolCall(8, "echo", { text: "b" })]), 400, -32600],
  ["an empty batch", (client) => client.post([]), 400, -32600],
  [
    "a batch of two eras",
    (client) => client.post([echo, modernCall(8, "echo", { text: "b" })]),
    400,
    -32600,
  ],
  [
    "initialize that says of itself that it needs none",
    (client) => client.post({ ...initialize, params: { ...initialize.params, _meta: ENVELOPE } }),
    400,
    -32020,
  ],
  [
    "headers of both eras with a body of a session",
    ({ url, headers }) =>
      postModern(url, echo, { "mcp-session-id": headers["mcp-session-id"]!, ...asCaller() }),
    400,
    -32602,
  ],
  [
    "an unknown revision",
    (client) => client.post(echo, { "mcp-protocol-version": "2027-01-01" }),
    400,
    -32000,
  ],
  [
    "a revision that is no date",
    (client) => client.post(echo, { "mcp-protocol-version": "latest" }),
    400,
    -32000,
  ],
  ["an Accept that takes neither type", accepting("text/html"), 406, -32000],
  [
    "an Accept that refuses both types",
    accepting("application/json;q=0, text/event-stream;q=0"),
    406,
    -32000,
  ],
  ["an Accept of nothing but separators", accepting(",;,"), 406, -32000],
  ["no JSON", (client) => client.post("{"), 400, -32700],
  [
    "another type of body",
    (client) => client.post(echo, { "content-type": "text/plain" }),
    415,
    -32600,
  ],
  [
    "a DELETE without a session",
    ({ url }) => send(url, { method: "DELETE", headers: asCaller() }),
    400,
    -32600,
  ],
  ["another user's DELETE", (client) => client.delete(asCaller({ sub: "bob" })), 404, -32001],
  ["another method", ({ url, headers }) => send(url, { method: "PUT", headers }), 405, undefined],
];

const rows = [
  ...ids.map((row) => ["STREAMABLE-2, STREAMABLE-3: a session's id", ...row] as const),
  ...positions.map((row) => ["STREAMABLE-10: as the last event", ...row] as const),
  ...messages.map((row) => ["MESSAGE-7, MODERN-5, STREAMABLE-6, STREAMABLE-14:", ...row] as const),
];

it.each(rows)(
  "%s %s is refused, and nothing is lost",
  async (_rules, _name, attack, status, code) => {
    const held = new Held();
    const servers: ReturnType<typeof createModernServer>[] = [];
    const { mcpUrl, router } = await serveMcp({
      createServer: () => servers[servers.push(createModernServer(held)) - 1]!,
    });
    // Its streams have no event without data.
    const client = await begin(mcpUrl, asCaller(), "2025-06-18");
    const get = await client.listen();
    const call = client.post(toolCall(2, "held"));
    await held.started.promise;
    const refused = await attack(client);
    expect([refused.status, refused.json.error.code]).toEqual([status, code]);
    // The session, its stream and the call that it has in flight know nothing of it.
    expect(router.sessions.list().map(({ id }) => id)).toEqual([client.sessionId]);
    servers[0]!.sendToolListChanged();
    expect((await get.nextMessage())["method"]).toBe("notifications/tools/list_changed");
    held.released.resolve();
    expect(textOf((await call).json)).toBe("released");
  },
);

it("STREAMABLE-3: ids that are none get the bytes of one that is unknown", async () => {
  const { mcpUrl } = await serveMcp();
  const client = await begin(mcpUrl);
  const bodies = ["unknown", "__proto__", "a".repeat(8192), "../..", "\u00e9"].map(async (id) => {
    const { text } = await inSession(id)(client);
    return text;
  });
  expect(new Set(await Promise.all(bodies)).size).toBe(1);
});

it("STREAMABLE-15: of two DELETEs at a time one ends the session", async () => {
  const { mcpUrl } = await serveMcp();
  const client = await begin(mcpUrl);
  const both = await Promise.all([client.delete(), client.delete()]);
  expect(both.map(({ status }) => status).sort()).toEqual([200, 404]);
});

it("STREAMABLE-15, STREAMABLE-18: a GET that comes while its session ends is refused or ended, and holds nothing", async () => {
  const { mcpUrl, router } = await serveMcp();
  for (let round = 0; round < 8; round++) {
    const client = await begin(mcpUrl);
    const order = [() => client.delete(), () => client.listen()] as const;
    const asked = round % 2 === 0 ? order : [...order].reverse();
    const answers = await Promise.all(asked.map((ask) => ask()));
    const [get] = answers.filter((answer) => "ended" in answer);
    if (get!.status === 200) await get!.ended;
    else expect(get!.status).toBe(404);
    expect(router.sessions.size).toBe(0);
  }
});

it("STREAMABLE-18, STOP-3: nor does one that comes while the router closes", async () => {
  const { mcpUrl, router } = await serveMcp();
  const client = await begin(mcpUrl);
  const [get] = await Promise.all([client.listen(), router.close()]);
  await get.ended;
  expect((await client.listen()).status).toBe(404);
});

it("LIMIT-10, MODERN-9: 4 MiB of Mcp-Param-* are nothing to a session, where the app's server lets them in", async () => {
  const { mcpUrl, router } = await serveMcp();
  const many = Object.fromEntries(
    Array.from({ length: 512 }, (_, at) => [`mcp-param-${at}`, "x".repeat(8 * 1024)]),
  );
  const client = await begin(mcpUrl);
  expect((await client.post(echo, many)).status).toBe(431);
  const wide = await listen(express().use("/mcp", router), { maxHeaderSize: 8 * 1024 * 1024 });
  const answer = await postMessage(`${wide.url}/mcp`, echo, { ...client.headers, ...many });
  expect(textOf(answer.json)).toBe("hello");
  expect(await client.call("echo", { text: "goes on" })).toBe("goes on");
});

it("SESSION-1, MODERN-3: a factory that returns servers of v1 and v2 by turns serves sessions with both", async () => {
  let count = 0;
  const { mcpUrl, router } = await serveMcp({
    createServer: () => (count++ % 2 === 0 ? createToolServer() : createToolServerV2()),
  });
  const clients = [await begin(mcpUrl), await begin(mcpUrl), await begin(mcpUrl)];
  // Requests without a session come between, and are answered by what there is.
  const between = await postModern(mcpUrl, modernCall(1, "echo", { text: "between" }));
  expect(textOf(between.json)).toBe("between");
  const refused = await postModern(mcpUrl, modernCall(1, "echo", { text: "between" }));
  expect([refused.status, refused.json.error.code]).toEqual([400, -32000]);
  for (const [index, client] of clients.entries()) {
    expect(await client.call("echo", { text: `${index}` })).toBe(`${index}`);
  }
  expect(router.sessions.size).toBe(3);
});
