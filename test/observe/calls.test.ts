import { AsyncLocalStorage } from "node:async_hooks";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { McpServer } from "@modelcontextprotocol/server";
import type { Call, CallStarted } from "../../src/observe/facts.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { asCaller, converse } from "../kit/conversation.js";
import { HeardFacts } from "../kit/heard-facts.js";
import { connectV2, createModernServer, Held, modernCall, postModern } from "../kit/modern.js";
import { post, toolCall } from "../kit/raw-sse.js";
import { begin, serveMcp } from "../kit/streamable.js";

cleanUpAfterEach();

const TRACE = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
const OTHER = `00-${"c".repeat(32)}-${"d".repeat(16)}-00`;

/** A call of a tool on each wire, by alice, with a trace in its message and another in its headers. */
const WIRES = {
  "HTTP+SSE": async ({ sseUrl }: { sseUrl: string }, name: string) => {
    const { postUrl, headers, stream } = await converse(sseUrl);
    await post(postUrl, traced(toolCall(9, name, { text: "hi" })), {
      ...headers,
      traceparent: OTHER,
    });
    await stream.answerTo(9);
  },
  "Streamable HTTP": async ({ mcpUrl }: { mcpUrl: string }, name: string) => {
    const session = await begin(mcpUrl);
    await session.post(traced(toolCall(9, name, { text: "hi" })), { traceparent: OTHER });
  },
  "2026-07-28": async ({ mcpUrl }: { mcpUrl: string }, name: string) => {
    const message = traced(modernCall(9, name, { text: "hi" }));
    await postModern(mcpUrl, message, { ...asCaller(), traceparent: OTHER });
  },
} as const;

function isModernCall({ session, method }: Call): boolean {
  return session.era === "2026" && method === "tools/call";
}

function traced(message: object): object {
  const { params } = message as { params: { _meta?: object } };
  const _meta = { ...params._meta, traceparent: TRACE, tracestate: "x=1" };
  return { ...message, params: { ...params, _meta } };
}

const served = () => serveMcp({ createServer: () => createModernServer(), name: "shop" });

describe.each(Object.entries(WIRES))("over %s", (_wire, call) => {
  it("FACT-1, FACT-2: a call is told of once, with whose it is, what it is about, its traces, and how it ended", async () => {
    const facts = new HeardFacts();
    await call(await served(), "echo");
    const ended = await facts.first("call-ended", (fact) => fact.call.id === 9);
    expect(ended).toMatchObject({
      outcome: "ok",
      rpcCode: undefined,
      durationMs: expect.any(Number),
      call: {
        method: "tools/call",
        target: { kind: "tool", name: "echo", isKnown: true },
        principal: { id: "alice", method: "jwt" },
        session: { id: expect.any(String), principal: { id: "alice" } },
        address: expect.stringContaining("127.0.0.1"),
        trace: { meta: { traceparent: TRACE, tracestate: "x=1" }, http: { traceparent: OTHER } },
      },
    });
    const started = facts.all("call-started", "shop").filter(({ id }) => id === 9);
    expect(started).toEqual([ended.call]);
    expect(started[0]).toBe(ended.call);
  });

  it("FACT-3: a name that no server is known to have is told of as that", async () => {
    const facts = new HeardFacts();
    await call(await served(), "invented");
    const ended = await facts.first("call-ended", (fact) => fact.call.id === 9);
    expect(ended.call.target).toMatchObject({ name: "invented", isKnown: false });
    expect(["tool-error", "error"]).toContain(ended.outcome);
  });

  it("FACT-4: a subscriber can have the server handle a call within a context of its own", async () => {
    const context = new AsyncLocalStorage<string>();
    const seen = jest.fn();
    const listener = (published: unknown): void => {
      const { fact } = published as { fact: CallStarted };
      fact.runWithin((handle) => context.run("outer", handle));
      fact.runWithin((handle) => context.run(`${context.getStore() ?? ""} inner`, handle));
      fact.runWithin(() => {
        throw new Error("a subscriber's own mistake");
      });
    };
    subscribe("express-mcp-sse:call-started", listener);
    onDispose(() => void unsubscribe("express-mcp-sse:call-started", listener));
    const endpoint = await serveMcp({
      createServer: () => {
        const server = new McpServer({ name: "s", version: "1" });
        server.registerTool("look", {}, async () => {
          await Promise.resolve();
          seen(context.getStore());
          return { content: [] };
        });
        return server;
      },
    });
    await call(endpoint, "look");
    expect(seen.mock.calls).toEqual([["outer inner"]]);
  });
});

it("FACT-2: a call that is taken back is cancelled, and one whose session ends is lost", async () => {
  const facts = new HeardFacts();
  const held = new Held();
  const { mcpUrl, sseUrl, router } = await serveMcp({
    createServer: () => createModernServer(held),
  });
  const { postUrl, headers } = await converse(sseUrl);
  await post(postUrl, toolCall(7, "held"), headers);
  const params = { requestId: 7 };
  await post(postUrl, { jsonrpc: "2.0", method: "notifications/cancelled", params }, headers);
  const client = await connectV2(mcpUrl, { pin: "2026-07-28" });
  const leaving = new AbortController();
  const left = client.callTool({ name: "held" }, { signal: leaving.signal }).catch(() => "left");
  await facts.first("call-started", (fact) => isModernCall(fact));
  leaving.abort();
  await left;
  await post(postUrl, toolCall(8, "held"), headers);
  await facts.first("call-started", ({ id }) => id === 8);
  router.sessions.closeFor(() => true);
  const outcomeOf = async (id: number, era: string): Promise<string> =>
    (await facts.first("call-ended", ({ call }) => call.id === id && call.session.era === era))
      .outcome;
  expect(await outcomeOf(7, "2024")).toBe("cancelled");
  expect(await outcomeOf(8, "2024")).toBe("lost");
  const modern = await facts.first("call-ended", ({ call }) => isModernCall(call));
  expect(modern.outcome).toBe("cancelled");
});
