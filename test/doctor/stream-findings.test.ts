import type { Answered, Unanswered } from "../../src/doctor/contract.js";
import type { Evidence, StreamEvidence } from "../../src/doctor/evidence.js";
import { FINDERS } from "../../src/doctor/findings.js";
import { judge } from "../../src/doctor/report.js";
import { endpointOf, hasEndpoint } from "../../src/doctor/stream-evidence.js";
import { targetOf } from "./broken/case.js";
import { CREDENTIAL } from "./broken/upstreams.js";

const target = targetOf({ url: "https://mcp.example/app/sse", credential: CREDENTIAL });

function answered(status: number, rest: Partial<Answered> = {}): Answered {
  const headers = new Headers({ "www-authenticate": "ApiKey" });
  const { url } = target;
  const base = { kind: "answered", method: "GET", url, status, headers, text: "" } as const;
  return { ...base, headMs: 5, bodyEnd: "whole", ...rest };
}

const late: Unanswered = {
  kind: "unanswered",
  method: "GET",
  url: target.url,
  code: "TIMEOUT",
  reason: "Nothing came within 3 s.",
};

const stranger = { get: answered(401), post: answered(401) };
const eventStream = new Headers({ "content-type": "text/event-stream" });

/** A stream that is as it should be, but for something. */
function streamWith(rest: Partial<StreamEvidence> = {}): StreamEvidence {
  const reply = answered(200, { headers: eventStream, bodyEnd: "enough" });
  return { reply, firstEventMs: 10, endpoint: "/app/messages?sessionId=4f0d9b1c-77", ...rest };
}

function idsOf(evidence: Omit<Evidence, "target">): string[] {
  return judge({ target, ...evidence }, FINDERS).map(({ id }) => id);
}

it("finds nothing in a stream that is as it should be", () => {
  expect(idsOf({ stranger, stream: streamWith() })).toEqual([]);
});

it.each([
  ["comes after more than two seconds", streamWith({ firstEventMs: 2_500 }), ["stream-held"]],
  ["does not come at all", { reply: late }, ["stream-held"]],
  [
    "comes at once only without compression",
    { reply: late, isPromptPlain: true },
    ["stream-held-by-compression"],
  ],
])("says why a first event %s", (_when, stream, ids) => {
  expect(idsOf({ stranger, stream })).toEqual(ids);
});

it("blames no proxy where everything is slow", () => {
  const slow = { get: answered(401, { headMs: 1_500 }), post: late };
  expect(idsOf({ stranger: slow, stream: { reply: late } })).toEqual([]);
});

it("expects no endpoint of a stream of Streamable HTTP", () => {
  const reply = answered(200, { headers: eventStream, bodyEnd: "late" });
  const result = { protocolVersion: "2025-11-25", capabilities: {} };
  const answer = { jsonrpc: "2.0", id: 1, result };
  const initialize = answered(200, { method: "POST" });
  expect(idsOf({ stranger, stream: { reply } })).toEqual(["stream-silent"]);
  expect(idsOf({ stranger, stream: { reply }, streamable: { initialize, answer } })).toEqual([]);
});

it.each([
  ["/app/messages?sessionId=4f0d9b1c77", []],
  ["messages/4f0d9b1c-7a11-4c55?x=1", []],
  ["https://mcp.example/app/messages?s=4f0d9b1c77", []],
  ["/app/messages", ["endpoint-without-session"]],
  ["https://mcp.example:8443/app/messages?s=4f0d9b1c77", ["endpoint-origin"]],
  ["http://mcp.example/app/messages?s=4f0d9b1c77", ["endpoint-origin"]],
  ["//10.0.0.7/messages?s=4f0d9b1c77", ["endpoint-origin"]],
  ["javascript:alert(12345678)", ["endpoint-origin"]],
])("CLI-11: judges the endpoint %s", (endpoint, ids) => {
  const stream = streamWith({ endpoint });
  expect(idsOf({ stranger, stream })).toEqual(ids);
  const mayPost = !ids.includes("endpoint-origin");
  expect(hasEndpoint({ target, stream })).toBe(mayPost);
});

it("takes no key in the URL for a session", () => {
  const query = { kind: "query", name: "key", value: "0123456789abcdef" } as const;
  const stream = streamWith({ endpoint: "/app/messages?key=0123456789abcdef" });
  const found = judge({ target: { ...target, credentials: [query] }, stream }, FINDERS);
  expect(found.map(({ id }) => id)).toEqual(["endpoint-without-session"]);
});

it("knows no endpoint where the event names nothing that is a URL", () => {
  expect(endpointOf(streamWith({ endpoint: "http://" }))).toBeUndefined();
});

describe("a POST that gets 404", () => {
  const elsewhere = streamWith({ endpoint: "/messages?sessionId=4f0d9b1c77" });
  const url = new URL("https://mcp.example/messages?sessionId=4f0d9b1c77");
  const initialize = answered(404, { method: "POST", url });
  const some = { wire: "HTTP+SSE", asked: 10, lost: 5, sample: initialize } as const;

  it("has lost its prefix where the endpoint is not below it", () => {
    const all = { ...some, lost: 10 };
    const evidence = { stranger, stream: elsewhere, messages: { initialize }, replicas: [all] };
    expect(idsOf(evidence)).toEqual(["endpoint-prefix-lost"]);
  });

  it("has met another process where others are taken", () => {
    const evidence = { stranger, stream: streamWith(), messages: { initialize }, replicas: [some] };
    expect(idsOf(evidence)).toEqual(["replicas-without-routing"]);
  });

  it("is lost where all are, and the prefix is right", () => {
    const all = { ...some, lost: 10 };
    const evidence = { stranger, stream: streamWith(), messages: { initialize }, replicas: [all] };
    expect(idsOf(evidence)).toEqual(["post-not-found"]);
  });

  it("has met another process where one connection was well", () => {
    const well = answered(202, { method: "POST", url });
    const list = { jsonrpc: "2.0", id: 2, result: { tools: [] } };
    const messages = { initialize: well, answer: {}, tools: well, listed: list };
    const all = { ...some, lost: 10 };
    const evidence = { stranger, stream: streamWith(), messages, replicas: [all] };
    expect(idsOf(evidence)).toEqual(["replicas-without-routing"]);
    // Who answers every ping with 400 knows no pings.
    const sample = answered(400, { method: "POST", url });
    expect(idsOf({ ...evidence, replicas: [{ ...all, sample }] })).toEqual([]);
  });
});
