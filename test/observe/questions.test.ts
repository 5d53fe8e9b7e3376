/** What an operator wants to know, asked of real traffic: each answer is that of one output, which the test names. */
import type { AuditEvent } from "../../src/index.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { serveNodes, at } from "../kit/cluster/memory-nodes.js";
import { asCaller, converse } from "../kit/conversation.js";
import { HeardFacts } from "../kit/heard-facts.js";
import { createModernServer, Held } from "../kit/modern.js";
import { send } from "../kit/raw-http.js";
import { openStream, post, toolCall } from "../kit/raw-sse.js";
import { fakeIssuer, serveOAuth } from "../kit/resource-server.js";
import { detached } from "../kit/session-facts.js";
import { begin, serveMcp } from "../kit/streamable.js";
import type { ServeMcpOptions } from "../kit/streamable.js";
import { observeTelemetry } from "../kit/telemetry.js";
import { now } from "../kit/tokens.js";
import { until } from "../kit/waiting.js";

cleanUpAfterEach();

const OWN = "express_mcp_sse_";
const CALLS = "mcp_server_operation_duration";

/** A router, and everything that can be asked about it. */
async function serveWatched(options: ServeMcpOptions = {}) {
  const telemetry = await observeTelemetry();
  const facts = new HeardFacts();
  const trail: AuditEvent[] = [];
  const held = new Held();
  const served = await serveMcp({
    createServer: () => createModernServer(held),
    audit: (event) => trail.push(event),
    ...options,
  });
  const audited = (action: AuditEvent["action"]) =>
    trail.filter((event) => event.action === action);
  return { ...served, ...telemetry, facts, audited, held };
}

/** The last event that a client has heard. */
function lastIdOf({ bytes }: { readonly bytes: string }): string {
  return [...bytes.matchAll(/^id: (.*)$/gm)].at(-1)?.[1] ?? "";
}

test("FACT-13: which sessions there are, how long they last and why they end; who came back, and by what (1, 2, 10)", async () => {
  const { sseUrl, mcpUrl, router, sum, facts, audited } = await serveWatched();
  const away = await converse(sseUrl);
  await begin(mcpUrl, asCaller({ sub: "bob" }));
  const last = lastIdOf(away.stream);
  away.stream.close();
  await detached(router.sessions, away.sessionId);
  // 1: `sessions`, and the metric of the same.
  expect(router.sessions.list().map(({ state }) => state)).toEqual(["detached", "open"]);
  expect(router.sessions.counts()).toMatchObject({ sse: 1, streamable: 1 });
  for (const state of ["open", "detached"]) {
    expect(await sum(`${OWN}sessions`, { [`${OWN}state`]: state })).toBe(1);
  }
  const back = await openStream(sseUrl, { ...away.headers, "last-event-id": last });
  await facts.first("session", ({ event }) => event === "resumed");
  // 10: the metric by mark; how it ended is the end of its session.
  expect(await sum(`${OWN}resumptions_total`, { [`${OWN}mark`]: "event-id" })).toBe(1);
  back.close();
  router.sessions.closeFor(() => true);
  // 2: the metric by reason; who it was, the audit.
  const ends = { [`${OWN}close_reason`]: "revoked" };
  expect(await sum("mcp_server_session_duration_count", ends)).toBe(2);
  expect(audited("session.close").map(({ actor }) => actor.id)).toEqual(["alice", "bob"]);
});

test("FACT-13: which tools are called, how long they take, how they fail, and what is on its way since when (3, 4)", async () => {
  const { mcpUrl, sseUrl, sum, audited, held } = await serveWatched();
  const alice = await begin(mcpUrl);
  await alice.call("echo", { text: "a" });
  await alice.post(toolCall(8, "invented"));
  const { postUrl, headers, stream } = await converse(sseUrl);
  await post(postUrl, toolCall(9, "held"), headers);
  await held.started.promise;
  expect(await sum(`${CALLS}_count`, { gen_ai_tool_name: "echo" })).toBe(1);
  expect(await sum(`${CALLS}_sum`, { gen_ai_tool_name: "echo" })).toBeGreaterThan(0);
  expect(await sum(`${CALLS}_count`, { gen_ai_tool_name: "_OTHER" })).toBe(1);
  expect(await sum(`${OWN}calls_in_flight`)).toBe(1);
  expect(await sum(`${OWN}calls_oldest`)).toBeGreaterThan(0);
  held.released.resolve();
  await stream.answerTo(9);
  expect(await sum(`${OWN}calls_in_flight`)).toBe(0);
  const tools = audited("call").filter(({ target }) => target.startsWith("tool "));
  expect(tools.map(({ target }) => target)).toEqual(["tool echo", "tool invented", "tool held"]);
});

test("FACT-13: who was let in, who was not and where, whose session somebody else asked for, and who guessed too often (5, 6, 8, 9)", async () => {
  const { mcpUrl, sseUrl, sum, facts, audited } = await serveWatched({
    throttle: { maxFailures: 3 },
  });
  const alice = await begin(mcpUrl);
  await alice.call("echo", { text: "a" });
  const mallory = asCaller({ sub: "mallory" });
  const named = { ...mallory, "mcp-session-id": alice.sessionId };
  expect((await send(mcpUrl, { method: "DELETE", headers: named })).status).toBe(404);
  const unknown = { ...mallory, "mcp-session-id": "00000000-0000-4000-8000-000000000000" };
  expect((await send(mcpUrl, { method: "DELETE", headers: unknown })).status).toBe(404);
  await send(sseUrl);
  await send(sseUrl, { headers: asCaller({ exp: now() - 1_000 }) });
  const guess = { headers: { authorization: "Bearer a-guess-at-a-token" } };
  await until(async () => (await send(sseUrl, guess)).status === 429);
  // 5: the metric by method; by name, the audit.
  const decisions = `${OWN}auth_decisions_total`;
  for (const outcome of ["verified", "remembered"]) {
    const by = { [`${OWN}auth_method`]: "jwt", [`${OWN}outcome`]: outcome };
    expect(await sum(decisions, by)).toBeGreaterThan(0);
  }
  expect(audited("caller.admit").map(({ actor }) => actor.id)).toEqual(["alice", "mallory"]);
  // 6: the metric by code and leg; in words, the fact.
  const leg = { [`${OWN}leg`]: "stream" };
  expect(await sum(decisions, { ...leg, error_type: "missing_credential" })).toBe(1);
  expect(await sum(decisions, { ...leg, error_type: "invalid_token" })).toBeGreaterThan(1);
  const reasons = facts.all("caller").map(({ reason }) => reason);
  expect(reasons).toContainEqual(expect.stringMatching(/expired/));
  // 8: the metric; who, the audit.
  const found = { error_type: "session_not_found" };
  const ofOthers = (is: boolean) => ({ ...found, [`${OWN}others_session`]: String(is) });
  expect(await sum(`${OWN}refusals_total`, ofOthers(true))).toBe(1);
  expect(await sum(`${OWN}refusals_total`, ofOthers(false))).toBe(1);
  expect(audited("request.refuse")[0]).toMatchObject({
    actor: { id: "mallory" },
    details: { isOthers: true },
  });
  // 9: the metric by limit and outcome; from where, the audit.
  expect(await sum(`${OWN}limits_total`, { [`${OWN}limit`]: "throttle" })).toBeGreaterThan(0);
  expect(audited("limit")[0]).toMatchObject({ target: "throttle", outcome: "refused" });
});

test("FACT-13: how long it takes to verify, what issuers answer, and whose key is used (7)", async () => {
  const { sum } = await observeTelemetry();
  const facts = new HeardFacts(["upstream"]);
  const issuer = await fakeIssuer();
  const { sseUrl } = await serveOAuth(issuer);
  await send(sseUrl, { headers: { authorization: "Bearer not.a.token" } });
  expect(await sum(`${OWN}auth_duration_count`)).toBeGreaterThan(0);
  expect(await sum(`${OWN}upstream_duration_count`)).toBeGreaterThan(0);
  expect(facts.all("upstream")[0]).toMatchObject({ outcome: "ok", usesStale: false });
});

test("FACT-13: which tool a policy denied for which scope, and what was revoked (13, 14)", async () => {
  const { mcpUrl, router, sum, audited } = await serveWatched({
    policy: { tools: { echo: { scopes: ["admin"] } } },
  });
  await (await begin(mcpUrl)).call("echo", { text: "a" });
  const missing = { [`${OWN}policy_kind`]: "tool", [`${OWN}policy_missing`]: "admin" };
  expect(await sum(`${OWN}policy_denials_total`, missing)).toBe(1);
  expect(audited("call.deny")).toMatchObject([
    { target: "tool echo", outcome: "insufficient_scope", details: { missing: ["admin"] } },
  ]);
  router.sessions.closeFor(() => true);
  expect(await sum(`${OWN}revocations_ended_total`)).toBe(1);
  expect(audited("access.revoke")).toMatchObject([{ details: { by: "close-for", ended: 1 } }]);
});

test("FACT-13, FACT-59: how much is kept for whose client, and how long the oldest of it waits (11)", async () => {
  const { sseUrl, mcpUrl, router, sum, facts } = await serveWatched();
  const away = await converse(sseUrl);
  await begin(mcpUrl, asCaller({ sub: "bob" }));
  away.stream.close();
  await detached(router.sessions, away.sessionId);
  const before = Date.now();
  for (const id of [7, 8]) {
    await post(away.postUrl, toolCall(id, "echo", { text: "x".repeat(1_000) }), away.headers);
    await facts.first("call-ended", ({ call }) => call.id === id);
  }
  const [kept, none] = router.sessions.list();
  expect(kept).toMatchObject({ waitingSince: expect.any(Number) });
  expect(kept?.waitingBytes).toBeGreaterThan(2_000);
  expect(kept?.waitingSince).toBeGreaterThanOrEqual(before);
  expect(none?.waitingSince).toBeUndefined();
  const waits = { [`${OWN}transport`]: "sse" };
  expect(await sum(`${OWN}outbox_bytes`, waits)).toBe(kept?.waitingBytes);
  const age = await sum(`${OWN}outbox_oldest`, waits);
  expect(age).toBeGreaterThanOrEqual(0);
  expect(age * 1_000).toBeLessThanOrEqual(Date.now() - before);
  expect(await sum(`${OWN}outbox_oldest`, { [`${OWN}transport`]: "streamable" })).toBe(0);
  expect(JSON.parse(JSON.stringify(kept))).toMatchObject({
    waitingBytes: kept?.waitingBytes,
    waitingSince: kept?.waitingSince,
  });
  // What the client says that it has does not wait any more, nor what is ended.
  const back = await openStream(sseUrl, {
    ...away.headers,
    "last-event-id": lastIdOf(away.stream),
  });
  for (const id of [7, 8]) await back.answerTo(id);
  router.sessions.closeFor(() => true);
  expect(await sum(`${OWN}outbox_bytes`)).toBe(0);
});

test("FACT-13: whose client took less than is kept for it, and what came of that (11, 12)", async () => {
  const { sseUrl, router, sum, facts, audited } = await serveWatched({
    resume: { maxBufferedBytes: 1_000 },
  });
  const { postUrl, headers, stream, sessionId } = await converse(sseUrl);
  stream.close();
  await detached(router.sessions, sessionId);
  for (const id of [7, 8, 9]) {
    await post(postUrl, toolCall(id, "echo", { text: "x".repeat(1_000) }), headers);
  }
  await facts.first("session", ({ reason }) => reason === "buffer-overflow");
  const kept = { [`${OWN}limit`]: "maxBufferedBytes", [`${OWN}outcome`]: "ended" };
  expect(await sum(`${OWN}limits_total`, kept)).toBe(1);
  const overflow = { [`${OWN}close_reason`]: "buffer-overflow" };
  expect(await sum("mcp_server_session_duration_count", overflow)).toBe(1);
  expect(audited("limit")).toMatchObject([{ target: "maxBufferedBytes", session: sessionId }]);
});

test("FACT-13, FACT-36: who does not read, and what came of that (12)", async () => {
  const { sseUrl, sum, facts } = await serveWatched({ sessions: { stallMs: 200 } });
  const { postUrl, headers, stream } = await converse(sseUrl);
  stream.pause();
  // More than the buffers of both ends of a connection have room for.
  for (const id of [7, 8, 9, 10]) {
    await post(postUrl, toolCall(id, "echo", { text: "x".repeat(3_000_000) }), headers);
  }
  await facts.first("limit", ({ limit }) => limit === "stallMs");
  const cut = { [`${OWN}limit`]: "stallMs", [`${OWN}outcome`]: "detached" };
  expect(await sum(`${OWN}readers_cut_total`, cut)).toBe(1);
  expect(await sum(`${OWN}limits_total`, cut)).toBe(1);
});

test("FACT-13: which requests went to other nodes, which of these are gone, and whether they reach each other (15)", async () => {
  const { sum } = await observeTelemetry();
  const facts = new HeardFacts(["cluster"]);
  const [home, other] = await serveNodes();
  const alice = await converse(home.sseUrl);
  await post(at(other, alice.postUrl), toolCall(7, "echo", { text: "a" }), alice.headers);
  await alice.stream.answerTo(7);
  await facts.first("cluster", ({ event }) => event === "relayed");
  const answered = { [`${OWN}outcome`]: "answered" };
  expect(await sum(`${OWN}cluster_relay_duration_count`, answered)).toBe(1);
  expect(await sum(`${OWN}cluster_engine_up`)).toBe(1);
  await other.kill();
  await facts.first("cluster", ({ event }) => event === "node-lost");
  expect(await sum(`${OWN}cluster_losses_total`, { [`${OWN}event`]: "node-lost" })).toBe(1);
});
