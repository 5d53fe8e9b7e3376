import { EventEmitter } from "node:events";
import { RelayedResponse } from "../../src/relay/relayed-response.js";
import { RelayedSocket } from "../../src/relay/relayed-socket.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { at, serveRelayingNodes } from "../kit/cluster/relaying-nodes.js";
import { converse } from "../kit/conversation.js";
import { Calls, serverV1 } from "../kit/faults/servers.js";
import { post, toolCall } from "../kit/raw-sse.js";
import { begin, StreamableConversation, textOf } from "../kit/streamable.js";
import { turn, until } from "../kit/waiting.js";

cleanUpAfterEach();

/** Asked for only where it is there: by Node of a socket, by us of what compression() adds. */
const ASKED_WHETHER = ["readableHighWaterMark", "readable", "flush"];

/** Notes each member that is asked for, or set, and that neither a class nor its emitter has. */
function noteUnknown(prototype: object, unknown: Set<string>): () => void {
  const note = (key: string | symbol): void => {
    if (typeof key === "string" && !ASKED_WHETHER.includes(key)) unknown.add(key);
  };
  const watched = new Proxy(EventEmitter.prototype, {
    get: (emitter, key, receiver) => {
      if (!(key in emitter)) note(key);
      return Reflect.get(emitter, key, receiver) as unknown;
    },
    set: (emitter, key, value, receiver) => {
      // Fields of the class, and those of the emitter, are the object's own once they were made.
      if (!isExpected(key)) note(key);
      return Reflect.set(emitter, key, value, receiver);
    },
  });
  Object.setPrototypeOf(prototype, watched);
  return () => void Object.setPrototypeOf(prototype, EventEmitter.prototype);
}

function isExpected(key: string | symbol): boolean {
  return typeof key === "symbol" || key.startsWith("_events") || key === "_maxListeners";
}

describe("what this package uses of a response and its socket", () => {
  const unknown = { response: new Set<string>(), socket: new Set<string>() };
  let undo: (() => void)[] = [];
  beforeAll(() => {
    undo = [
      noteUnknown(RelayedResponse.prototype, unknown.response),
      noteUnknown(RelayedSocket.prototype, unknown.socket),
    ];
  });
  afterAll(() => undo.forEach((one) => one()));
  afterEach(() => expect(unknown).toEqual({ response: new Set(), socket: new Set() }));

  it("CLUSTER-23: would be missed here if it was not there", () => {
    const made = Object.create(RelayedResponse.prototype) as { writeContinue?: unknown };
    expect(made.writeContinue).toBeUndefined();
    expect([...unknown.response]).toEqual(["writeContinue"]);
    unknown.response.clear();
  });

  it("CLUSTER-23: is there in a relayed one: for the messages of HTTP+SSE", async () => {
    const [home, edge] = await serveRelayingNodes();
    const alice = await converse(home.sseUrl);
    const url = at(edge, alice.postUrl);
    const call = toolCall(7, "whoami");
    expect((await post(url, call, alice.headers)).status).toBe(202);
    await alice.stream.answerTo(7);
    expect((await post(url, "{", alice.headers)).status).toBe(400);
    expect((await post(url, call, { ...alice.headers, "content-type": "x" })).status).toBe(415);
  });

  it("CLUSTER-23: is there in a relayed one: for calls, streams and ends of Streamable HTTP", async () => {
    const calls = new Calls();
    const server = serverV1.create(calls);
    const [home, edge] = await serveRelayingNodes({
      createServer: () => server,
      keepAliveMs: 20,
      sessions: { maxQueuedBytes: 100_000, stallMs: 200 },
    });
    const here = await begin(home.mcpUrl);
    const there = new StreamableConversation(edge.mcpUrl, here.sessionId, here.headers);
    expect(await there.call("echo", { name: "x" })).toBe("x");
    const params = { name: "walk", arguments: { name: "w" }, _meta: { progressToken: 1 } };
    const walk = await there.stream({ jsonrpc: "2.0", id: 5, method: "tools/call", params });
    const listener = await there.listen();
    await listener.nextComment();
    for (const step of [1, 2, 3]) calls.release(`w ${step}`);
    expect(textOf(await walk.answerTo(5))).toBe("w");
    expect((await there.post({ jsonrpc: "2.0", method: "notifications/x" })).status).toBe(202);
    // One that does not read is cut off at home.
    const limits: string[] = [];
    home.sessions.on("limited", ({ limit }) => void limits.push(limit));
    listener.pause();
    for (let sent = 0; limits.length === 0; sent++) {
      if (sent < 400) void server.notify("x".repeat(50_000)).catch(() => undefined);
      await turn();
    }
    const held = there.post(toolCall(9, "held", { name: "h" }));
    await calls.started("h");
    expect((await there.delete()).status).toBe(200);
    expect((await held).status).toBe(404);
    calls.release("h");
    await until(() => home.sessions.size === 0);
  });
});
