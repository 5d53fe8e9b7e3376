import { CallerGuard } from "../../src/http/caller-guard.js";
import { RefusedCaller } from "../../src/http/refused-caller.js";
import { ANONYMOUS } from "../../src/auth/authenticate.js";
import { createPrincipal } from "../../src/auth/principal.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { at, serveRelayingNodes } from "../kit/cluster/relaying-nodes.js";
import type { RelayingNode } from "../kit/cluster/relaying-nodes.js";
import { memoryCluster } from "../../src/cluster/memory.js";
import { converse } from "../kit/conversation.js";
import { Calls, serverV1 } from "../kit/faults/servers.js";
import { RawConnection } from "../kit/raw-http.js";
import { post, toolCall } from "../kit/raw-sse.js";
import { begin, StreamableConversation, textOf } from "../kit/streamable.js";
import { signal, until } from "../kit/waiting.js";

cleanUpAfterEach();

const KIB = 1024;

async function beginAt(home: RelayingNode, edge: RelayingNode) {
  const here = await begin(home.mcpUrl);
  const there = new StreamableConversation(edge.mcpUrl, here.sessionId, here.headers);
  return { here, there };
}

/** Two nodes with one server, which a test can make speak. */
async function serveOne(options = {}) {
  const calls = new Calls();
  const server = serverV1.create(calls);
  const [home, edge] = await serveRelayingNodes({ createServer: () => server, ...options });
  return { calls, server, home, edge };
}

describe("a client that is answered through another node", () => {
  it("CLUSTER-25: is known to have left when it has, and comes back for its answer", async () => {
    const { calls, home, edge } = await serveOne();
    const { here, there } = await beginAt(home, edge);
    const params = { name: "walk", arguments: { name: "w" }, _meta: { progressToken: 1 } };
    const stream = await there.stream({ jsonrpc: "2.0", id: 5, method: "tools/call", params });
    const { id } = await stream.nextEvent();
    await stream.nextMessage();
    stream.close();
    for (const step of [1, 2, 3]) calls.release(`w ${step}`);
    // Any node goes on with it, since its home has kept what it has not taken.
    const rest = await here.listen(id);
    await rest.nextEvent();
    expect((await rest.nextMessage())["params"]).toMatchObject({ progress: 1 });
    expect((await rest.nextMessage())["params"]).toMatchObject({ progress: 2 });
    expect((await rest.nextMessage())["params"]).toMatchObject({ progress: 3 });
    expect(textOf(await rest.answerTo(5))).toBe("w");
  });

  it("CLUSTER-25: makes its session's server wait while it does not read, and no node fills its memory", async () => {
    const stream = { maxQueuedBytes: 256 * KIB };
    const { server, home, edge } = await serveOne({ sessions: stream });
    const { there } = await beginAt(home, edge);
    let relayed = 0;
    home.faults.fateOf = (message) => {
      relayed += message.length;
      return "pass";
    };
    const reader = await there.listen();
    await reader.nextEvent();
    reader.pause();
    const big = "x".repeat(64 * KIB);
    const sent: Promise<void>[] = [];
    // What the kernels hold between edge and client is megabytes.
    do sent.push(server.notify(`${sent.length} ${big}`));
    while (await isSettledSoon(sent.at(-1)!));
    const before = relayed;
    for (let n = 0; n < 50; n++) void sent.push(server.notify(`${sent.length} ${big}`));
    expect(await isSettledSoon(sent.at(-1)!)).toBe(false);
    expect(relayed - before).toBeLessThan(256 * KIB);
    reader.resume();
    for (const index of sent.keys()) {
      const { params } = await reader.nextMessage();
      expect(params.data).toBe(`${index} ${big}`);
    }
    await Promise.all(sent);
  });

  it("CLUSTER-25: is told when to come back, if the node of its session is gone in the middle of its stream", async () => {
    const { home, edge } = await serveOne({ resume: { retryMs: 777 } });
    const { there } = await beginAt(home, edge);
    const stream = await there.listen();
    await stream.nextEvent();
    await home.bus.stop(0);
    await stream.ended;
    expect(stream.bytes.endsWith("\n\nretry: 777\n\n")).toBe(true);
  });

  it.each([
    ["has half of an event", {}, 100 * KIB],
    ["could not come back", { resume: false }, 10],
  ])("CLUSTER-25: is cut off where it %s", async (_what, options, length) => {
    const { server, home, edge } = await serveOne(options);
    const { there } = await beginAt(home, edge);
    const raw = await RawConnection.open(edge.port);
    raw.write(headOf(there, undefined, "GET"));
    await raw.until(/text\/event-stream/);
    // What is not known to be taken at the edge keeps the rest from being sent.
    edge.faults.fateOf = (message) => (message.includes('"took"') ? "drop" : "pass");
    void server.notify(`begin ${"x".repeat(length)}`).catch(() => undefined);
    await raw.until(/begin x+/);
    edge.relay.cut(there.sessionId, "another node");
    await raw.ended();
    expect(raw.received).not.toMatch(/x"}}[^]*retry:/);
    expect(raw.received.endsWith("0\r\n\r\n")).toBe(false);
  });

  it("CLUSTER-25: keeps its stream where its session has gone to the node that it comes from", async () => {
    const { server, home, edge } = await serveOne();
    const { there } = await beginAt(home, edge);
    const stream = await there.listen();
    await stream.nextEvent();
    edge.relay.cut(there.sessionId, home.bus.node);
    edge.relay.cut("another session", "another node");
    await server.notify("still here");
    expect((await stream.nextMessage())["params"]).toMatchObject({ data: "still here" });
    edge.relay.cut(there.sessionId, edge.bus.node);
    await stream.ended;
  });
});

describe("a client whose edge is gone", () => {
  it("CLUSTER-25: has left its home, and goes on at another node with what it has not heard", async () => {
    const { server, home, edge } = await serveOne();
    const { here, there } = await beginAt(home, edge);
    const stream = await there.listen();
    const { id } = await stream.nextEvent();
    await edge.bus.stop(0);
    await stream.ended;
    await server.notify("meanwhile");
    const rest = await here.listen(id);
    await rest.nextEvent();
    expect((await rest.nextMessage())["params"]).toMatchObject({ data: "meanwhile" });
  });
});

describe("a node that does not answer", () => {
  it("CLUSTER-26: may have heard a message, which is then not sent to another", async () => {
    const cluster = memoryCluster({ relayTimeoutMs: 300 });
    const { calls, home, edge } = await serveOne({ cluster });
    const alice = await converse(home.sseUrl);
    home.faults.fateOf = () => "drop";
    const call = toolCall(7, "echo", { name: "done" });
    const answer = await post(at(edge, alice.postUrl), call, alice.headers);
    expect(answer.status).toBe(503);
    expect(edge.outcomes).toEqual([{ kind: "lost", mayBeHeard: true }]);
    expect(calls.runs("done")).toBe(0);
  });

  it("CLUSTER-26: is certain not to have heard it where the engine says that nobody is there", async () => {
    const { home, edge } = await serveOne();
    const alice = await converse(home.sseUrl);
    await home.bus.stop(0);
    const call = toolCall(7, "echo", { name: "done" });
    const answer = await post(at(edge, alice.postUrl), call, alice.headers);
    expect(answer.status).toBe(503);
    expect(edge.outcomes).toEqual([{ kind: "lost", mayBeHeard: false }]);
  });

  it("CLUSTER-26: has time to answer, once it has heard", async () => {
    const cluster = memoryCluster({ relayTimeoutMs: 100 });
    const { calls, home, edge } = await serveOne({ cluster, streamable: { responses: "json" } });
    const { there } = await beginAt(home, edge);
    const answer = there.post(toolCall(7, "held", { name: "slow" }));
    await calls.started("slow");
    expect(await isSettledSoon(answer)).toBe(false);
    calls.release("slow");
    expect(textOf((await answer).json)).toBe("slow");
  });
});

describe("a body for another node", () => {
  it("CLUSTER-27: is bounded where it arrives, in length and in time, and does not leave before it is whole", async () => {
    const options = { maxMessageSize: 1_000, sessions: { bodyTimeoutMs: 200 } };
    const { home, edge } = await serveOne(options);
    const { here } = await beginAt(home, edge);
    const opened: unknown[] = [];
    edge.faults.fateOf = (message) => {
      if (message.includes("isBodyToFollow")) opened.push(message);
      return "pass";
    };
    const limits: unknown[] = [];
    edge.sessions.on("limited", ({ limit, principal }) => limits.push([limit, principal?.id]));
    const begun = async (length: number | undefined): Promise<string> => {
      const raw = await RawConnection.open(edge.port);
      raw.write(headOf(here, length));
      if (length === undefined) raw.write(`3e9\r\n${"x".repeat(1_001)}\r\n`);
      return (await raw.nextAnswer()).body;
    };
    expect(await begun(1_001)).toContain("message_too_large");
    expect(await begun(undefined)).toContain("message_too_large");
    expect(await begun(10)).toContain("message_timeout");
    expect(limits).toEqual([
      ["maxMessageSize", "alice"],
      ["maxMessageSize", "alice"],
      ["bodyTimeoutMs", "alice"],
    ]);
    expect(opened).toEqual([]);
  });

  it("CLUSTER-27: counts for its sender while it comes", async () => {
    const { home, edge } = await serveOne({ sessions: { maxHeldBytes: 8 * KIB * KIB } });
    const { here } = await beginAt(home, edge);
    const { account } = edge.sessions.visitAccount(ownerOf(home))!;
    const size = 1.5 * KIB * KIB;
    const begun = async () => {
      const raw = await RawConnection.open(edge.port);
      raw.write(headOf(here, size));
      raw.write("{");
      return raw;
    };
    const raws = [await begun(), await begun()];
    await until(() => account.held === 2 * size);
    raws.push(await begun());
    await until(() => account.isAwaited);
    raws[0]!.destroy();
    raws[2]!.write(" ".repeat(size - 1));
    // It is no JSON; but it was read.
    expect((await raws[2]!.nextAnswer()).body).toContain("message_not_json");
    raws[1]!.destroy();
    await until(() => account.held === 0);
  });

  it("CLUSTER-27: that took its time has its sender confirmed before it leaves", async () => {
    let keys = ["a-key-0123456789", "another-key-0123456789"];
    const auth = { type: "apikey", options: { keys: () => keys } } as const;
    const { home, edge } = await serveOne({ auth });
    const here = await begin(home.mcpUrl, { "x-api-key": keys[0]! });
    const raw = await RawConnection.open(edge.port);
    const body = JSON.stringify(toolCall(1, "echo", { name: "late" }));
    raw.write(headOf(here, body.length) + body.slice(0, 10));
    // Only the whole of it is missing once the edge has let its sender in.
    const other = new StreamableConversation(edge.mcpUrl, here.sessionId, here.headers);
    expect(await other.call("echo", { name: "in between" })).toBe("in between");
    expect(await other.call("echo", { name: "once more" })).toBe("once more");
    keys = keys.slice(1);
    raw.write(body.slice(10));
    expect((await raw.nextAnswer()).status).toBe(401);
    expect(edge.outcomes).toHaveLength(2);
  });
});

describe("a caller whom another node has let in", () => {
  const principal = createPrincipal("jwt", { id: "alice" });
  const guard = new CallerGuard({
    options: { throttle: undefined, revalidateAfterMs: 0 },
    discovery: { documentUrl: () => undefined },
  } as unknown as ConstructorParameters<typeof CallerGuard>[0]);
  const requestOf = (validUntil: number | undefined) =>
    ({ caller: { ...ANONYMOUS, principal, validUntil, isRelayed: true } }) as never;

  it("CLUSTER-22: is not asked for a credential that only the other node has", () => {
    expect(guard.confirm(requestOf(undefined))).toBeUndefined();
    expect(guard.confirm(requestOf(Date.now() + 60_000))).toBeUndefined();
  });

  it("CLUSTER-22: is refused once what let it in has ended", () => {
    expect(() => guard.confirm(requestOf(Date.now() - 1))).toThrow(RefusedCaller);
  });
});

/** The head of a request by hand. @param length of its body; `undefined` for one in chunks. */
function headOf(
  { headers }: StreamableConversation,
  length: number | undefined,
  method = "POST",
): string {
  const accept = method === "GET" ? "text/event-stream" : "application/json";
  const body = length === undefined ? "transfer-encoding: chunked" : `content-length: ${length}`;
  const fields = Object.entries({ ...headers, host: "127.0.0.1", accept });
  const lines = fields.map(([name, value]) => `${name}: ${value}`);
  if (method === "POST") lines.push("content-type: application/json", body);
  return `${method} /mcp HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`;
}

function ownerOf(node: RelayingNode): string {
  const [session] = node.sessions.list();
  return (session as unknown as { ownerKey: string }).ownerKey;
}

/** Whether it settles while everything that is under way in both nodes goes on. */
async function isSettledSoon(promise: Promise<unknown>): Promise<boolean> {
  const late = signal<"late">();
  const timer = setTimeout(() => late.resolve("late"), 250);
  const first = await Promise.race([promise.then(() => "settled" as const), late.promise]);
  clearTimeout(timer);
  return first === "settled";
}

describe("a node that sends what is no answer", () => {
  const HEAD = [200, [["Content-Type", "application/json"]]];
  it.each<[string, unknown[]]>([
    ["a head of nothing", ["head"]],
    ["a head that is a text", ["head", "200"]],
    ["a status that is none", ["head", [1_000, []]]],
    ["a header that is none", ["head", [200, [["a\r\nb", "c"]]]]],
    ["a value that is none", ["answer", [200, [["a", "b\r\nc: d"]]], ""]],
    ["an answer without a text", ["answer", HEAD]],
    ["a text before its head", ["text", "x"]],
    ["an end before its head", ["end"]],
    ["something that nobody knows", ["told"]],
  ])("CLUSTER-81: by %s, keeps no client waiting", async (_what, frame) => {
    const cluster = memoryCluster({ secret: false, relayTimeoutMs: 60_000 });
    const [home, edge] = await serveRelayingNodes({ cluster });
    const { there } = await beginAt(home, edge);
    home.bus.onExchange("request", (_opening, exchange) => exchange.send(frame as never));
    const { status, headers } = await there.post(toolCall(1, "echo", { text: "x" }));
    expect([status, headers["retry-after"]]).toEqual([503, "1"]);
    expect(edge.outcomes).toContainEqual({ kind: "lost", mayBeHeard: true });
  });

  it("CLUSTER-81: in the middle of one, cuts it off", async () => {
    const cluster = memoryCluster({ secret: false, relayTimeoutMs: 60_000 });
    const [home, edge] = await serveRelayingNodes({ cluster });
    const { there } = await beginAt(home, edge);
    home.bus.onExchange("request", (_opening, exchange) => {
      exchange.send(["head", HEAD]);
      exchange.send(["text", 1]);
    });
    await expect(there.post(toolCall(1, "echo", { text: "x" }))).rejects.toThrow();
  });
});
