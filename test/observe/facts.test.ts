import { FactHub } from "../../src/observe/fact-hub.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { asCaller, converse } from "../kit/conversation.js";
import { HeardFacts } from "../kit/heard-facts.js";
import { createModernServer, modernCall, postModern } from "../kit/modern.js";
import { post, toolCall } from "../kit/raw-sse.js";
import { send } from "../kit/raw-http.js";
import { begin, serveMcp } from "../kit/streamable.js";

cleanUpAfterEach();

const BOB = { sub: "bob" };

it("FACT-5: a session is opened, begun and closed, and its client leaves and is told of by name", async () => {
  const facts = new HeardFacts(["session"]);
  const { sseUrl, mcpUrl, router } = await serveMcp({ name: "shop" });
  const sse = await converse(sseUrl);
  const streamable = await begin(mcpUrl);
  await streamable.delete();
  router.sessions.closeFor(() => true);
  const of = (id: string) =>
    facts
      .all("session", "shop")
      .filter(({ session }) => session.id === id)
      .map(({ event, reason }) => (reason === undefined ? event : `${event}: ${reason}`));
  expect(of(sse.sessionId)).toEqual(["opened", "begun", "closed: revoked"]);
  expect(of(streamable.sessionId)).toEqual(["opened", "begun", "closed: deleted"]);
  const { session } = await facts.first("session", ({ event }) => event === "begun");
  expect(session).toMatchObject({
    principal: { id: "alice", method: "jwt" },
    transport: "sse",
    era: "2024",
    client: { name: expect.any(String) },
  });
  expect(Object.keys(session.principal ?? {})).toEqual(["id", "method", "issuer", "clientId"]);
});

it("FACT-5: a session without a server is abandoned, and was never opened", async () => {
  const facts = new HeardFacts(["session", "refusal"]);
  const { sseUrl } = await serveMcp({
    createServer: () => {
      throw new Error("no database");
    },
  });
  expect((await send(sseUrl, { headers: asCaller() })).status).toBe(500);
  expect(facts.all("session")).toMatchObject([{ event: "abandoned", reason: "failed-to-open" }]);
  expect(facts.all("refusal")).toMatchObject([
    { code: "server_error", status: 500, leg: "stream", principal: { id: "alice" } },
  ]);
});

it("FACT-6: who is let in, who is not, and whose session somebody else names", async () => {
  const facts = new HeardFacts(["caller", "refusal"]);
  const { sseUrl, mcpUrl } = await serveMcp();
  const { postUrl } = await converse(sseUrl);
  const { sessionId } = await begin(mcpUrl);
  const before = facts.all("caller").length;
  expect((await send(sseUrl)).status).toBe(401);
  const bob = asCaller(BOB);
  const others = await post(postUrl, toolCall(1, "echo", { text: "x" }), bob);
  const unknown = await post(
    postUrl.replace(/sessionId=.{8}/, "sessionId=00000000"),
    toolCall(1, "echo", { text: "x" }),
    bob,
  );
  expect(others.text).toBe(unknown.text);
  const named = { ...bob, "mcp-session-id": sessionId };
  expect((await send(mcpUrl, { method: "DELETE", headers: named })).status).toBe(404);
  expect(facts.all("caller").slice(before)).toMatchObject([
    { outcome: "refused", leg: "stream", code: "missing_credential", principal: undefined },
    { outcome: "verified", leg: "message", method: "jwt", principal: { id: "bob" } },
    { outcome: "remembered", leg: "message", principal: { id: "bob" }, durationMs: 0 },
    { outcome: "remembered", leg: "delete", principal: { id: "bob" } },
  ]);
  expect(facts.all("refusal")).toMatchObject([
    { code: "missing_credential", status: 401, leg: "stream", isOthers: false },
    { code: "session_not_found", leg: "message", principal: { id: "bob" }, isOthers: true },
    { code: "session_not_found", leg: "message", principal: { id: "bob" }, isOthers: false },
    { code: "session_not_found", leg: "delete", principal: { id: "bob" }, isOthers: true },
  ]);
});

it("FACT-7: a limit that is reached is told of, with whose request it was", async () => {
  const facts = new HeardFacts(["limit", "refusal"]);
  const { sseUrl } = await serveMcp({ maxMessageSize: 2_000 });
  const { postUrl, headers, sessionId } = await converse(sseUrl);
  await post(postUrl, toolCall(1, "echo", { text: "x".repeat(2_000) }), headers);
  expect(facts.all("limit")).toMatchObject([
    { limit: "maxMessageSize", outcome: "refused", session: { id: sessionId } },
  ]);
  expect(facts.all("refusal")).toMatchObject([{ code: "message_too_large", status: 413 }]);
});

it("FACT-8: without subscribers no fact is made, and with them none has what was said", async () => {
  const emit = jest.spyOn(FactHub.prototype, "emit");
  const { sseUrl, mcpUrl } = await serveMcp({
    createServer: () => createModernServer(),
    logger: false,
  });
  const text = "an argument, and a result";
  const talk = async (): Promise<void> => {
    const { postUrl, headers, stream } = await converse(sseUrl);
    await post(postUrl, toolCall(9, "echo", { text }), headers);
    await stream.answerTo(9);
    await (await begin(mcpUrl)).call("echo", { text });
    await postModern(mcpUrl, modernCall(1, "echo", { text }));
    await send(mcpUrl);
  };
  await talk();
  expect(emit).not.toHaveBeenCalled();
  const facts = new HeardFacts();
  await talk();
  expect(facts.toText()).toContain('"name":"call-ended"');
  expect(facts.toText()).not.toContain(text);
});
