import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { at, serveNodes } from "../kit/cluster/memory-nodes.js";
import { asCaller, converse } from "../kit/conversation.js";
import { openStream, post, toolCall } from "../kit/raw-sse.js";
import { serveRouter } from "../kit/serve.js";
import { detached } from "../kit/session-facts.js";
import { begin, serveMcp } from "../kit/streamable.js";
import { observeTelemetry } from "../kit/telemetry.js";

cleanUpAfterEach();

const state = (name: string) => ({ express_mcp_sse_state: name });

test("FACT-36: a client that leaves is counted as detached, and as a resumption when it comes back", async () => {
  const { sum } = await observeTelemetry();
  const { sseUrl, sessions } = await serveRouter();
  const alice = await converse(sseUrl);
  const away = detached(sessions, alice.sessionId);
  alice.stream.close();
  await away;
  expect(await sum("express_mcp_sse_sessions", state("open"))).toBe(0);
  expect(await sum("express_mcp_sse_sessions", state("detached"))).toBe(1);

  const last = { "last-event-id": `${alice.sessionId}:2` };
  const again = await openStream(sseUrl, { ...asCaller(), ...last });
  expect(again.status).toBe(200);
  expect(await sum("express_mcp_sse_sessions", state("open"))).toBe(1);
  expect(await sum("express_mcp_sse_sessions", state("detached"))).toBe(0);
  const mark = { express_mcp_sse_mark: "event-id" };
  expect(await sum("express_mcp_sse_resumptions_total", mark)).toBe(1);
});

test("FACT-31, FACT-36: what a policy denies is counted with the scope that is missing, and is a call and a span that say so", async () => {
  const { sum, spans } = await observeTelemetry();
  const { mcpUrl, router } = await serveMcp({ policy: { tools: { echo: { scopes: ["admin"] } } } });
  const alice = await begin(mcpUrl);
  await alice.call("echo", { text: "a" });

  const missing = { express_mcp_sse_policy_kind: "tool", express_mcp_sse_policy_missing: "admin" };
  expect(await sum("express_mcp_sse_policy_denials_total", missing)).toBe(1);
  const calls = "mcp_server_operation_duration_count";
  expect(await sum(calls, { error_type: "denied" })).toBe(1);
  const span = await spans.find(({ attributes }) => attributes["error.type"] === "denied");
  expect([span.kind, span.status]).toEqual([SpanKind.SERVER, { code: SpanStatusCode.ERROR }]);

  const { principal } = router.sessions.list()[0]!;
  router.sessions.closeFor(principal);
  expect(await sum("express_mcp_sse_revocations_total")).toBe(1);
  expect(await sum("express_mcp_sse_revocations_ended_total")).toBe(1);
});

test("FACT-32, FACT-36: a request that another node's session answers is a relay, and its call is below what its HTTP request says", async () => {
  const { sum, spans } = await observeTelemetry();
  const [home, other] = await serveNodes();
  const alice = await converse(home.sseUrl);
  const traceparent = `00-${"a".repeat(32)}-${"1".repeat(16)}-01`;
  const headers = { ...alice.headers, traceparent };
  const call = toolCall(77, "echo", { text: "a" });
  expect((await post(at(other, alice.postUrl), call, headers)).status).toBe(202);
  await alice.stream.answerTo(77);

  const answered = { express_mcp_sse_outcome: "answered" };
  expect(await sum("express_mcp_sse_cluster_relay_duration_count", answered)).toBe(1);
  const span = await spans.find(({ attributes }) => attributes["gen_ai.tool.name"] === "echo");
  expect(span.parentSpanContext).toMatchObject({ spanId: "1".repeat(16), isRemote: true });
});
