import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { InitializeRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { McpServer as McpServerV2 } from "@modelcontextprotocol/server";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { asCaller } from "../kit/conversation.js";
import type { Json } from "../kit/raw-sse.js";
import { initialize, toolCall } from "../kit/raw-sse.js";
import { begin, postMessage, serveMcp, textOf } from "../kit/streamable.js";
import { HeldTool } from "../kit/tools.js";
import { until } from "../kit/waiting.js";

cleanUpAfterEach();

const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });

/** A server whose tools speak before they answer, and one that is let go by its argument. */
function createTalkingServer(released: (name: string) => Promise<void>): McpServer {
  const server = new McpServer(
    { name: "talking", version: "1.0.0" },
    { capabilities: { logging: {} } },
  );
  const log = (data: string) => ({
    method: "notifications/message" as const,
    params: { level: "info" as const, data },
  });
  server.registerTool("speak", {}, async ({ sendNotification }) => {
    await sendNotification(log("related"));
    return text("spoken");
  });
  server.registerTool("announce", {}, async () => {
    await server.server.notification(log("unrelated"));
    return text("announced");
  });
  server.registerTool("progress", {}, async ({ sendNotification, requestId, _meta }) => {
    const progressToken = _meta!.progressToken!;
    await sendNotification({
      method: "notifications/progress",
      params: { progressToken, progress: 1 },
    });
    await released("progress");
    return text(`id ${typeof requestId}`);
  });
  server.registerTool("wait", {}, async ({ signal: aborted, requestId }) => {
    await released(String(requestId));
    return text(aborted.aborted ? "aborted" : "waited");
  });
  return server;
}

const talking = () => createTalkingServer(() => Promise.resolve());

describe("the answer to a call", () => {
  it("STREAMABLE-5: is JSON where nothing comes before it", async () => {
    const { mcpUrl } = await serveMcp({ createServer: talking });
    const { status, headers, json } = await (await begin(mcpUrl)).post(toolCall(2, "wait"));
    expect([status, headers["content-type"], headers["cache-control"]]).toEqual([
      200,
      "application/json",
      "no-store",
    ]);
    expect([json.id, textOf(json)]).toEqual([2, "waited"]);
  });

  it("STREAMABLE-5: is the last event of a stream where its server speaks first", async () => {
    const { mcpUrl } = await serveMcp({ createServer: talking });
    const stream = await (await begin(mcpUrl)).stream(toolCall(2, "speak"));
    expect(stream.headers["content-type"]).toBe("text/event-stream");
    await stream.nextEvent();
    expect((await stream.nextMessage())["params"]).toMatchObject({ data: "related" });
    expect(textOf(await stream.nextMessage())).toBe("spoken");
    await stream.ended;
  });

  it("STREAMABLE-5: is one of a stream where it takes longer than a second", async () => {
    const held = new HeldTool();
    const { mcpUrl } = await serveMcp({
      createServer: () => held.createServer(),
      streamable: { sseAfterMs: 50 },
    });
    const stream = await (await begin(mcpUrl)).stream(toolCall(2, "held"));
    expect(stream.headers["content-type"]).toBe("text/event-stream");
    held.release();
    expect(textOf(await stream.answerTo(2))).toBe("released");
    await stream.ended;
  });

  it.each([
    ["application/json", "application/json", "nothing of its kind"],
    ["text/event-stream", "text/event-stream", "both"],
    ["*/*", "application/json", "both"],
    ["text/event-stream, application/json;q=0", "text/event-stream", "both"],
    ["*/*, application/json;q=0", "text/event-stream", "the more specific of two"],
  ])("STREAMABLE-6: is what %s takes", async (accept, type) => {
    const { mcpUrl } = await serveMcp({ createServer: talking });
    const client = await begin(mcpUrl);
    const answer = await client.stream(toolCall(2, "wait"), { accept });
    await answer.ended;
    expect([answer.status, answer.headers["content-type"]]).toEqual([200, type]);
    expect(answer.bytes).toContain("waited");
  });

  it("STREAMABLE-6: is JSON for who takes nothing else, whatever its server says first", async () => {
    const { mcpUrl } = await serveMcp({ createServer: talking, streamable: { sseAfterMs: 0 } });
    const client = await begin(mcpUrl);
    const { headers, json } = await client.post(toolCall(2, "speak"), {
      accept: "application/json",
    });
    expect([headers["content-type"], textOf(json)]).toEqual(["application/json", "spoken"]);
    // What it said waits for a stream of its own.
    const get = await client.listen();
    await get.nextEvent();
    expect((await get.nextMessage())["params"]).toMatchObject({ data: "related" });
  });

  it("STREAMABLE-6: is JSON with streamable.responses, for who takes it, whatever its server says first", async () => {
    const { mcpUrl } = await serveMcp({ createServer: talking, streamable: { responses: "json" } });
    const client = await begin(mcpUrl);
    const { headers, json } = await client.post(toolCall(2, "speak"));
    expect([headers["content-type"], textOf(json)]).toEqual(["application/json", "spoken"]);
    const stream = await client.stream(toolCall(3, "wait"), { accept: "text/event-stream" });
    expect(stream.headers["content-type"]).toBe("text/event-stream");
    await stream.ended;
  });

  it("STREAMABLE-6: is 406 for who takes neither; notifications have no answer to take", async () => {
    const { mcpUrl, router } = await serveMcp();
    const client = await begin(mcpUrl);
    const html = { accept: "text/html" };
    const { status, json } = await client.post(toolCall(2, "whoami"), html);
    expect([status, json.error.data.code]).toEqual([406, "not_acceptable"]);
    const note = { jsonrpc: "2.0", method: "notifications/roots/list_changed" };
    expect((await client.post(note, html)).status).toBe(202);
    expect((await client.listen(undefined, html)).status).toBe(406);
    expect(router.sessions.get(client.sessionId)?.inFlight).toBe(0);
  });

  it("MESSAGE-11: is an error where it cannot be written as JSON", async () => {
    const { mcpUrl } = await serveMcp({
      createServer: () => {
        const server = new McpServer({ name: "big", version: "1" });
        server.registerTool("big", {}, () => ({ ...text("x"), _meta: { n: 1n } }));
        return server;
      },
    });
    const { status, json } = await (await begin(mcpUrl)).post(toolCall(2, "big"));
    expect([status, json.id, json.error.code]).toEqual([200, 2, -32603]);
  });
});

describe("calls that share an id", () => {
  it("STREAMABLE-9: each get their own answer, progress and id", async () => {
    const waiting = new Map<string, () => void>();
    const server = () =>
      createTalkingServer(() => new Promise((go) => waiting.set(String(waiting.size), go)));
    const { mcpUrl } = await serveMcp({ createServer: server });
    const client = await begin(mcpUrl);
    const call = {
      ...toolCall(1, "progress"),
      params: { name: "progress", _meta: { progressToken: 7 } },
    };
    const first = await client.stream(call);
    const second = await client.stream(call);
    for (const stream of [second, first]) {
      await stream.nextEvent();
      expect((await stream.nextMessage())["params"]).toMatchObject({ progressToken: 7 });
    }
    waiting.get("1")!();
    expect(textOf(await second.answerTo(1))).toBe("id string");
    await second.ended;
    expect(first.bytes).not.toContain('"result"');
    waiting.get("0")!();
    expect(textOf(await first.answerTo(1))).toBe("id number");
  });

  it("STREAMABLE-9: two users with a call of one id never hear each other", async () => {
    const waiting: (() => void)[] = [];
    const { mcpUrl } = await serveMcp({
      createServer: ({ principal }) => {
        const server = new McpServer({ name: "secrets", version: "1" });
        server.registerTool("secret", {}, async () => {
          await new Promise<void>((go) => void waiting.push(go));
          return text(`secret of ${principal.id}`);
        });
        return server;
      },
    });
    const users = ["alice", "bob", "carol"];
    const clients = await Promise.all(users.map((sub) => begin(mcpUrl, asCaller({ sub }))));
    const calls = clients.flatMap((client) =>
      [1, 1].map((id) => client.post(toolCall(id, "secret"))),
    );
    await until(() => waiting.length === 6);
    for (const go of waiting.reverse()) go();
    const answers = await Promise.all(calls);
    expect(answers.map(({ json }) => textOf(json))).toEqual(
      users.flatMap((sub) => [`secret of ${sub}`, `secret of ${sub}`]),
    );
  });

  it("STREAMABLE-9, STREAMABLE-12: a cancellation is for the oldest, whose response ends without an answer", async () => {
    const waiting: (() => void)[] = [];
    const server = () => createTalkingServer(() => new Promise((go) => void waiting.push(go)));
    const { mcpUrl, router } = await serveMcp({ createServer: server });
    const client = await begin(mcpUrl);
    const first = client.post(toolCall(1, "wait"));
    await until(() => waiting.length === 1);
    const second = client.post(toolCall(1, "wait"));
    await until(() => waiting.length === 2);
    const cancelled = {
      jsonrpc: "2.0",
      method: "notifications/cancelled",
      params: { requestId: 1 },
    };
    expect((await client.post(cancelled)).status).toBe(202);
    const { status, text: body } = await first;
    expect([status, body]).toEqual([202, ""]);
    for (const go of waiting) go();
    expect(textOf((await second).json)).toBe("waited");
    expect(router.sessions.get(client.sessionId)?.inFlight).toBe(0);
  });
});

it("STREAMABLE-9, STREAMABLE-12: a cancellation finds the later of two calls when the first was answered", async () => {
  const waiting: (() => void)[] = [];
  const server = () => createTalkingServer(() => new Promise((go) => void waiting.push(go)));
  const { mcpUrl, router } = await serveMcp({ createServer: server });
  const client = await begin(mcpUrl);
  const first = client.post(toolCall(1, "wait"));
  await until(() => waiting.length === 1);
  const second = client.post(toolCall(1, "wait"));
  await until(() => waiting.length === 2);
  waiting[0]!();
  expect(textOf((await first).json)).toBe("waited");
  const params = { requestId: 1 };
  await client.post({ jsonrpc: "2.0", method: "notifications/cancelled", params });
  const { status, text: body } = await second;
  expect([status, body]).toEqual([202, ""]);
  expect(router.sessions.get(client.sessionId)?.inFlight).toBe(0);
});

describe("messages that belong to no call", () => {
  it("STREAMABLE-8: go to the stream of a GET", async () => {
    const { mcpUrl } = await serveMcp({ createServer: talking });
    const client = await begin(mcpUrl);
    const get = await client.listen();
    await get.nextEvent();
    expect(await client.call("announce")).toBe("announced");
    expect((await get.nextMessage())["params"]).toMatchObject({ data: "unrelated" });
  });

  it("STREAMABLE-8: without one, go to the newest call, which becomes a stream", async () => {
    const { mcpUrl } = await serveMcp({ createServer: talking });
    const stream = await (await begin(mcpUrl)).stream(toolCall(2, "announce"));
    await stream.nextEvent();
    expect((await stream.nextMessage())["params"]).toMatchObject({ data: "unrelated" });
    expect(textOf(await stream.nextMessage())).toBe("announced");
  });

  it("STREAMABLE-8: without a call either, wait for the next of both", async () => {
    let server: McpServer | undefined;
    const { mcpUrl } = await serveMcp({ createServer: () => (server = talking()) });
    const announce = (data: string) =>
      server!.server.notification({
        method: "notifications/message",
        params: { level: "info", data },
      });
    const first = await begin(mcpUrl);
    await announce("early");
    const stream = await first.stream(toolCall(2, "wait"));
    await stream.nextEvent();
    expect((await stream.nextMessage())["params"]).toMatchObject({ data: "early" });
    expect(textOf(await stream.nextMessage())).toBe("waited");
    await announce("late");
    const get = await first.listen();
    await get.nextEvent();
    expect((await get.nextMessage())["params"]).toMatchObject({ data: "late" });
  });

  it("STREAMABLE-8: do not go on the answer to initialize, which begins the session", async () => {
    const { mcpUrl } = await serveMcp({
      createServer: () => {
        const server = talking();
        server.server.setRequestHandler(InitializeRequestSchema, async ({ params }) => {
          await server.sendLoggingMessage({ level: "info", data: "early" });
          const { protocolVersion } = params;
          return { protocolVersion, capabilities: {}, serverInfo: { name: "t", version: "1" } };
        });
        return server;
      },
    });
    const opened = await postMessage(mcpUrl, initialize, asCaller());
    expect([opened.status, opened.headers["content-type"]]).toEqual([200, "application/json"]);
    const stream = await (await begin(mcpUrl)).stream(toolCall(2, "wait"));
    await stream.nextEvent();
    expect((await stream.nextMessage())["params"]).toMatchObject({ data: "early" });
    expect(textOf(await stream.nextMessage())).toBe("waited");
  });

  it.each([
    ["v1", () => new McpServer({ name: "asking", version: "1" })],
    ["v2", () => new McpServerV2({ name: "asking", version: "2" })],
  ])(
    "STREAMABLE-8: a tool of SDK %s asks its user, whether the client has a GET stream or not",
    async (_major, make) => {
      const { mcpUrl } = await serveMcp({
        createServer: () => {
          const server = make() as McpServer;
          server.registerTool("ask", {}, async () => {
            const asked = await server.server.elicitInput({
              message: "Which colour?",
              requestedSchema: { type: "object", properties: { colour: { type: "string" } } },
            });
            return text(String(asked.content?.["colour"]));
          });
          return server;
        },
      });
      const capable = { capabilities: { elicitation: { form: {} } } };
      for (const isListening of [false, true]) {
        const client = await begin(mcpUrl, asCaller(), "2025-11-25", capable);
        const get = isListening ? await client.listen() : undefined;
        const call = client.stream(toolCall(2, "ask"));
        const asks = get ?? (await call);
        let question: Json;
        do question = JSON.parse((await asks.nextEvent()).data || "{}");
        while (question.method !== "elicitation/create");
        const result = { action: "accept", content: { colour: "red" } };
        await client.post({ jsonrpc: "2.0", id: question.id, result });
        const answered = await call;
        await answered.ended;
        expect(answered.bytes).toContain("red");
      }
    },
  );
});

it("STREAMABLE-20, SCOPE-1: a caller without a call's scope is refused before it runs, and the session goes on", async () => {
  const { requireScopes } = await import("@modelcontextprotocol/server");
  const run = jest.fn(() => text("deleted"));
  const { mcpUrl } = await serveMcp({
    createServer: () => {
      const server = new McpServerV2({ name: "careful", version: "2" });
      server.registerTool("delete", { scopeChallenge: requireScopes("admin") }, run);
      server.registerTool("read", {}, () => text("read"));
      return server;
    },
  });
  const client = await begin(mcpUrl);
  const { status, headers, json } = await client.post(toolCall(2, "delete"));
  expect([status, json.error.data.code]).toEqual([403, "insufficient_scope"]);
  expect(headers["www-authenticate"]).toMatch(
    /^Bearer .*error="insufficient_scope".*scope="admin"/,
  );
  expect(run).not.toHaveBeenCalled();
  expect(await client.call("read")).toBe("read");
});
