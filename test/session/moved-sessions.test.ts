import { HandshakeRecord } from "../../src/session/handshake-record.js";
import { RequestIds } from "../../src/session/request-ids.js";
import type { JsonRpcMessage } from "../../src/shared/json-rpc.js";
import { asCaller, converse } from "../kit/conversation.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import type { Json } from "../kit/raw-sse.js";
import { serveRouter } from "../kit/serve.js";

cleanUpAfterEach();

describe("session.memo", () => {
  it("CLUSTER-40: keeps a small value of JSON, and gives copies of it, also without a cluster", async () => {
    const { sseUrl, sessions } = await serveRouter();
    await converse(sseUrl, asCaller());
    const session = sessions.list()[0]!;
    expect([session.isMoved, session.memo]).toEqual([false, undefined]);
    const basket = { items: ["tea"] };
    session.memo = basket;
    basket.items.push("not set");
    (session.memo as typeof basket).items.push("nor this");
    expect(session.memo).toEqual({ items: ["tea"] });
    session.memo = null;
    expect(session.memo).toBeNull();
    session.memo = undefined;
    expect(session.memo).toBeUndefined();
  });

  it("CLUSTER-40: refuses what is no JSON, and more than 16 KiB of it, and keeps what was there", async () => {
    const { sseUrl, sessions } = await serveRouter();
    await converse(sseUrl, asCaller());
    const session = sessions.list()[0]!;
    session.memo = "x".repeat(16_384 - 2);
    const cycle: { itself?: unknown } = {};
    cycle.itself = cycle;
    for (const wrong of [
      "x".repeat(16_384 - 1),
      "é".repeat(8_192),
      cycle,
      1n,
      () => 1,
      Symbol("s"),
    ]) {
      expect(() => (session.memo = wrong)).toThrow(TypeError);
    }
    expect(session.memo).toHaveLength(16_382);
  });
});

describe("the ids of a server's requests", () => {
  const ids = new RequestIds("one");
  const ask: JsonRpcMessage = {
    jsonrpc: "2.0",
    id: 3,
    method: "sampling/createMessage",
    params: { _meta: { progressToken: 3 }, messages: [] },
  };

  it("CLUSTER-47: come back as the server knows them, numbers and texts apart", () => {
    for (const id of [0, 3, "3", 'a-"b']) {
      const sent = ids.toClient({ ...ask, id }) as { id: string };
      const answer = { jsonrpc: "2.0", id: sent.id, result: {} } as const;
      expect(ids.toServer(answer)).toEqual({ ...answer, id });
    }
  });

  it("CLUSTER-47: are the same for progress, and for what is cancelled", () => {
    const sent = ids.toClient(ask) as Json;
    const { progressToken } = sent.params._meta;
    const method = "notifications/progress";
    const progress = { jsonrpc: "2.0", method, params: { progressToken, progress: 1 } } as const;
    expect(ids.toServer(progress)).toMatchObject({ params: { progressToken: 3, progress: 1 } });
    const cancel = {
      jsonrpc: "2.0",
      method: "notifications/cancelled",
      params: { requestId: 3 },
    } as const;
    expect(ids.toClient(cancel)).toMatchObject({ params: { requestId: sent.id } });
  });

  it("CLUSTER-47: of another server's life, and forged ones, reach no server", () => {
    const other = new RequestIds("two").toClient(ask) as { id: string };
    const forged = [3, "3", other.id, "express-mcp-sse-one-", "express-mcp-sse-one-{", undefined];
    for (const id of forged) {
      expect(ids.toServer({ jsonrpc: "2.0", id, result: {} } as JsonRpcMessage)).toBeUndefined();
    }
    const method = "notifications/progress";
    expect(ids.toServer({ jsonrpc: "2.0", method, params: { progressToken: 3 } })).toBeUndefined();
    // What the client itself asks is its own.
    const call = { jsonrpc: "2.0", id: 3, method: "tools/list" } as const;
    expect(ids.toServer(call)).toBe(call);
  });
});

describe("what is noted of a client", () => {
  const say = (method: string, params?: Record<string, unknown>, id?: number): JsonRpcMessage => ({
    jsonrpc: "2.0",
    ...(id !== undefined && { id }),
    method,
    params,
  });
  const subscribe = (uri: string) => say("resources/subscribe", { uri }, 5);

  it("CLUSTER-40: is all that a new server has to be told, and goes on from what was noted elsewhere", () => {
    const record = new HandshakeRecord();
    expect(record.kept).toBeUndefined();
    const params = { protocolVersion: "2025-06-18", clientInfo: { name: "a", version: "1" } };
    expect(record.noteReceived(say("initialize", params, 1))).toBe(true);
    const answer = { jsonrpc: "2.0", id: 1, result: { protocolVersion: "2025-03-26" } } as const;
    expect(record.noteSent({ ...answer, id: 2 })).toBe(false);
    expect(record.noteSent(answer)).toBe(true);
    expect(record.noteReceived(say("notifications/initialized"))).toBe(true);
    expect(record.noteReceived(say("tools/list", {}, 2))).toBe(false);
    record.noteReceived(say("logging/setLevel", { level: "error" }, 3));
    for (const uri of ["a:1", "a:2", "a:1"]) record.noteReceived(subscribe(uri));
    const later = new HandshakeRecord(record.kept);
    later.noteReceived(say("resources/unsubscribe", { uri: "a:1" }, 6));
    later.noteReceived(say("logging/setLevel", { level: "info" }, 7));
    const more = { isInitialized: true, level: "info", subscriptions: ["a:2"] };
    expect(later.kept).toEqual({ id: 1, params, protocolVersion: "2025-03-26", ...more });
  });

  it("CLUSTER-45: is bounded, whatever the client says, and then is not whole", () => {
    const long = new HandshakeRecord();
    long.noteReceived(say("initialize", { clientInfo: { name: "x".repeat(70_000) } }, 1));
    expect([long.isWhole, long.kept!.params]).toEqual([false, undefined]);
    const many = new HandshakeRecord();
    many.noteReceived(say("initialize", {}, 1));
    for (let n = 0; n < 10_000; n++) many.noteReceived(subscribe(`a:${n}`));
    expect(many.isWhole).toBe(false);
    expect(JSON.stringify(many.kept).length).toBeLessThan(100_000);
    // What comes and goes takes no room.
    const busy = new HandshakeRecord();
    busy.noteReceived(say("initialize", {}, 1));
    for (let n = 0; n < 10_000; n++) {
      busy.noteReceived(subscribe(`a:${n}`));
      busy.noteReceived(say("resources/unsubscribe", { uri: `a:${n}` }, 6));
    }
    expect(busy.isWhole).toBe(true);
    for (const wrong of [undefined, {}, { uri: 7 }, { level: "x".repeat(100) }, { level: 7 }]) {
      for (const method of ["resources/subscribe", "logging/setLevel"]) {
        expect(busy.noteReceived(say(method, wrong, 8))).toBe(false);
      }
    }
  });
});
