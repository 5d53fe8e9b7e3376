import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { AuditEvent } from "../../src/index.js";
import { FactHub } from "../../src/observe/fact-hub.js";
import { traceContextIn } from "../../src/observe/trace-context.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { asCaller, converse } from "../kit/conversation.js";
import { HeardFacts } from "../kit/heard-facts.js";
import { createModernServer, Held } from "../kit/modern.js";
import { post, toolCall } from "../kit/raw-sse.js";
import { begin, serveMcp } from "../kit/streamable.js";

cleanUpAfterEach();

const TRACE = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;

it("FACT-10: a trail that never answers, and one that writes into what it gets, change nothing for anybody", async () => {
  const events: AuditEvent[] = [];
  const facts = new HeardFacts(["session", "call-ended"]);
  const { mcpUrl, router, lines } = await serveMcp({
    audit: (event) => {
      events.push(structuredClone(event));
      Object.assign(event.actor, { id: "mallory" });
      Object.assign(event.details, { transport: "none" });
      Object.assign(event, { session: "none" });
      return new Promise(() => undefined);
    },
  });
  const alice = await begin(mcpUrl);
  for (const text of ["a", "b"]) expect(await alice.call("echo", { text })).toBe(text);
  const called = events.filter(({ target }) => target === "tool echo");
  expect(called).toMatchObject([
    { actor: { id: "alice" }, session: alice.sessionId },
    { actor: { id: "alice" }, session: alice.sessionId, details: { transport: "streamable" } },
  ]);
  expect(facts.all("call-ended").map(({ call }) => call.principal?.id)).not.toContain("mallory");
  expect(router.sessions.list()[0]?.principal?.id).toBe("alice");
  expect(lines.join("\n")).not.toMatch(/mallory|audit/);
});

it("FACT-9: whatever callers name, an event is one line of JSON, and what they name is cut", async () => {
  const written: string[] = [];
  const { mcpUrl } = await serveMcp({
    audit: (event) => written.push(`${JSON.stringify(event)}\n`),
    maxMessageSize: 4_000_000,
  });
  const alice = await begin(mcpUrl);
  const names = [
    '\r\n{"action":"call","actor":{"id":"root"}}\r\n',
    "\u0000\u001b[2J\u0085\u007f",
    '"}}\n',
    "\ud800 alone",
    "n".repeat(1_000_000),
  ];
  for (const name of names) await alice.post(toolCall(7, name));
  await alice.post({ jsonrpc: "2.0", id: 8, method: `m\n${"x".repeat(1_000_000)}` });
  const lines = written.join("").trimEnd().split("\n");
  expect(lines).toHaveLength(written.length);
  const calls = lines
    .map((line) => JSON.parse(line) as AuditEvent)
    .filter(({ action, target }) => action === "call" && /^(tool|m\n)/.test(target));
  expect(calls.map(({ actor }) => actor.id)).toEqual(Array(6).fill("alice"));
  expect(calls[0]?.target).toBe(`tool ${names[0]}`);
  for (const line of lines) {
    expect(line.length).toBeLessThan(2_000);
    expect(line).not.toMatch(/[\u0000-\u001f]/); // eslint-disable-line no-control-regex -- what is looked for
  }
});

it("FACT-1: ids of every kind that JSON-RPC has are told as they are, and long ones are cut", async () => {
  const facts = new HeardFacts(["call-started", "call-ended"]);
  const { mcpUrl } = await serveMcp();
  const alice = await begin(mcpUrl);
  const long = "i".repeat(100_000);
  const ids = [0, -1, "", "0", "__proto__", "a\nb", long];
  for (const id of ids) {
    const message = { jsonrpc: "2.0", id, method: "ping" };
    expect((await alice.post(message)).json).toMatchObject({ id });
  }
  const told = ids.map((id) => (id === long ? long.slice(0, 256) : id));
  const pings = facts.all("call-ended").filter(({ call }) => call.method === "ping");
  expect(pings.map(({ call }) => call.id)).toEqual(told);
  expect(pings.map(({ outcome }) => outcome)).toEqual(ids.map(() => "ok"));
});

it("FACT-1: who subscribes while a call is open hears nothing of that one, and who leaves while told harms nobody", async () => {
  const held = new Held();
  const { sseUrl } = await serveMcp({ createServer: () => createModernServer(held) });
  const { postUrl, headers, stream } = await converse(sseUrl);
  await post(postUrl, toolCall(7, "held"), headers);
  await held.started.promise;
  const facts = new HeardFacts(["call-started", "call-ended"]);
  const leaving = (): void => void unsubscribe("express-mcp-sse:call-started", leaving);
  subscribe("express-mcp-sse:call-started", leaving);
  onDispose(leaving);
  const text = "b";
  for (const id of [8, 9]) {
    await post(postUrl, toolCall(id, "echo", { text }), headers);
    await stream.answerTo(id);
  }
  held.released.resolve();
  await stream.answerTo(7);
  expect(facts.all("call-started").map(({ id }) => id)).toEqual([8, 9]);
  const ended = facts.all("call-ended").map(({ call }) => call);
  expect(ended.map(({ id }) => id)).toEqual([8, 9]);
  expect(ended).toEqual(facts.all("call-started"));
});

it("a listener that leaves, and one that joins, while a fact is told: each hears from the next one on", () => {
  const hub = new FactHub("r", () => undefined);
  const heard: string[] = [];
  const leave = hub.on("cluster", () => {
    heard.push("leaving");
    leave();
    leave();
    hub.on("cluster", () => heard.push("joined"));
  });
  hub.on("cluster", () => heard.push("staying"));
  hub.emit("cluster", { event: "up" });
  expect(heard).toEqual(["leaving", "staying"]);
  hub.emit("cluster", { event: "down" });
  expect(heard.slice(2)).toEqual(["staying", "joined"]);
});

it("two routers of one name are told of under it, and neither hears the other's audit", async () => {
  const facts = new HeardFacts(["session"]);
  const trails: AuditEvent[][] = [[], []];
  for (const [index, trail] of trails.entries()) {
    const { mcpUrl } = await serveMcp({ name: "twin", audit: (event) => trail.push(event) });
    await begin(mcpUrl, asCaller({ sub: `caller-${index}` }));
  }
  expect(facts.all("session", "twin").filter(({ event }) => event === "opened")).toHaveLength(2);
  for (const [index, trail] of trails.entries()) {
    const who = trail.map(({ actor }) => actor.id);
    expect(new Set(who)).toEqual(new Set([`caller-${index}`]));
  }
});

const PARENT = { traceparent: TRACE };

it.each<[string, Record<string, unknown>, object | undefined]>([
  ["no parent", { tracestate: "a=1", baggage: "a=1" }, undefined],
  ["a parent of zeros", { traceparent: `00-${"0".repeat(32)}-${"b".repeat(16)}-01` }, undefined],
  ["a version that is none", { traceparent: TRACE.replace(/^00/, "ff") }, undefined],
  ["upper case", { traceparent: TRACE.toUpperCase() }, undefined],
  ["a line break behind it", { traceparent: `${TRACE}\n` }, undefined],
  ["what looks like it", { traceparent: { toString: () => TRACE } }, undefined],
  ["two of them", { traceparent: [TRACE, TRACE] }, undefined],
  ["a megabyte", { traceparent: TRACE + "-".repeat(1_000_000) }, undefined],
  ["a state with line breaks", { ...PARENT, tracestate: "a=1\r\nx-own: 1" }, PARENT],
  ["a state of two keys that escape", { ...PARENT, tracestate: 'a="<script>\u0000"' }, PARENT],
  ["a state of 33 members", { ...PARENT, tracestate: "a=1,".repeat(33) }, PARENT],
  ["a megabyte of state", { ...PARENT, tracestate: `a=${"x".repeat(1_000_000)}` }, PARENT],
  ["a megabyte of commas", { ...PARENT, tracestate: ",".repeat(1_000_000) }, PARENT],
  [
    "baggage that is slow to match",
    { ...PARENT, baggage: `a=${" ;".repeat(4_000)}\u0001` },
    PARENT,
  ],
])(
  "FACT-8: of trace context with %s nothing is taken that is not of the standard's form",
  (...row) => {
    const [, carrier, taken] = row;
    expect(traceContextIn(carrier)).toEqual(taken);
  },
);
