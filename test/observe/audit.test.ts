import type { Audit, AuditEvent } from "../../src/index.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { asCaller, converse } from "../kit/conversation.js";
import { observe, secret } from "../kit/leak-watch.js";
import { createModernServer, modernCall, postModern } from "../kit/modern.js";
import { openStream, post, toolCall } from "../kit/raw-sse.js";
import { send } from "../kit/raw-http.js";
import { detached } from "../kit/session-facts.js";
import { begin, serveMcp } from "../kit/streamable.js";
import type { ServeMcpOptions } from "../kit/streamable.js";
import { until } from "../kit/waiting.js";

cleanUpAfterEach();

/** A router with an audit trail, as its application would write it. */
async function serveAudited(options: ServeMcpOptions = {}) {
  const lines: string[] = [];
  observe(() => lines.join("\n"));
  const served = await serveMcp({
    name: "shop",
    audit: (event) => lines.push(JSON.stringify(event)),
    ...options,
  });
  const events = (action: AuditEvent["action"]): readonly AuditEvent[] =>
    lines.map((line) => JSON.parse(line) as AuditEvent).filter((event) => event.action === action);
  return { ...served, lines, events };
}

it("FACT-9: an audit trail says who did what, to what, from where, and what came of it", async () => {
  const { sseUrl, mcpUrl, router, lines, events } = await serveAudited({
    createServer: () => createModernServer(),
  });
  const argument = secret("an argument of a call, and its result");
  const { postUrl, headers, stream, sessionId } = await converse(sseUrl);
  await post(postUrl, toolCall(9, "whoami", { text: "x" }), headers);
  await stream.answerTo(9);
  await post(postUrl, toolCall(10, "invented\nline", { argument }), headers);
  await stream.answerTo(10);
  await postModern(mcpUrl, modernCall(1, "whoami"));
  await send(sseUrl);
  await post(postUrl, toolCall(11, "whoami"), asCaller({ sub: "mallory" }));
  router.sessions.closeFor(() => true);
  expect(events("session.open")).toMatchObject([
    {
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      router: "shop",
      actor: { id: "alice", method: "jwt", address: expect.stringContaining("127.0.0.1") },
      target: `session ${sessionId}`,
      outcome: "ok",
      session: sessionId,
      details: { transport: "sse", era: "2024" },
    },
  ]);
  expect(events("call").filter(({ details }) => details["method"] === "tools/call")).toMatchObject([
    { actor: { id: "alice" }, target: "tool whoami", outcome: "ok", session: sessionId },
    { target: "tool invented\nline", outcome: expect.stringMatching(/error/) },
    { actor: { id: "alice" }, target: "tool whoami", outcome: "ok", details: { era: "2026" } },
  ]);
  expect(events("caller.refuse")).toMatchObject([
    { actor: { address: expect.any(String) }, target: "stream", outcome: "missing_credential" },
  ]);
  expect(events("request.refuse")).toMatchObject([
    { actor: { id: "mallory" }, outcome: "session_not_found", details: { isOthers: true } },
  ]);
  expect(events("access.revoke")).toMatchObject([{ outcome: "ok", details: { ended: 1 } }]);
  expect(events("session.close")).toMatchObject([{ outcome: "revoked", session: sessionId }]);
  for (const line of lines) expect(line).not.toMatch(/[\n\r]/);
});

it.each<[string, Audit]>([
  [
    "throws",
    () => {
      throw new Error("no room on the disk for alice");
    },
  ],
  ["rejects", () => Promise.reject(new Error("no room on the disk for alice"))],
])("FACT-10: a trail that %s is logged once for many, and changes nothing", async (_how, audit) => {
  const { mcpUrl, lines } = await serveMcp({ audit });
  expect(await (await begin(mcpUrl)).call("echo", { text: "on" })).toBe("on");
  await until(() => lines.some((line) => line.startsWith("error: audit failed")));
  const told = lines.filter((line) => line.includes("audit failed"));
  expect(told).toEqual(["error: audit failed, and an event is lost: Error"]);
});

it("FACT-9: a client that comes back is told of, with what it showed", async () => {
  const { sseUrl, mcpUrl, router, events } = await serveAudited();
  const sse = await converse(sseUrl);
  const last = [...sse.stream.bytes.matchAll(/^id: (.*)$/gm)].at(-1)?.[1] ?? "";
  sse.stream.close();
  await detached(router.sessions, sse.sessionId);
  const back = await openStream(sseUrl, { ...sse.headers, "last-event-id": last });
  await until(() => events("session.resume").length === 1);
  expect(events("session.resume")).toMatchObject([
    { session: sse.sessionId, actor: { id: "alice" }, details: { mark: "event-id" } },
  ]);
  back.close();
  const streamable = await begin(mcpUrl);
  const first = await streamable.listen();
  first.close();
  await first.ended;
  await until(async () => {
    (await streamable.listen()).close();
    return events("session.resume").length > 1;
  });
  expect(events("session.resume").at(-1)).toMatchObject({
    session: streamable.sessionId,
    details: { mark: "session-id" },
  });
});
