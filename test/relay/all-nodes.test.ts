import { inspect } from "node:util";
import type { Principal, SessionInfo } from "../../src/index.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { serveCluster } from "../kit/cluster/routers.js";
import { asCaller, converse } from "../kit/conversation.js";
import { initialize, openSession, post, toolCall } from "../kit/raw-sse.js";
import { Facts } from "../kit/session-facts.js";
import { begin, initializeFor, postMessage, serveMcp } from "../kit/streamable.js";
import { StreamableConversation } from "../kit/streamable.js";
import { createToolServer } from "../kit/tools.js";
import { signal, until } from "../kit/waiting.js";

cleanUpAfterEach();

const INITIALIZE = initializeFor("2025-11-25");

const elsewhere = (conversation: StreamableConversation, url: string) =>
  new StreamableConversation(url, conversation.sessionId, conversation.headers);

describe("router.cluster", () => {
  it("CLUSTER-60: is undefined in a router without other nodes", async () => {
    const { router } = await serveMcp();
    expect(router.cluster).toBeUndefined();
  });

  it("CLUSTER-60: says which node it is, which there are, and how it stands", async () => {
    const { nodes } = await serveCluster({ count: 2 });
    const [a, b] = nodes;
    const facts: unknown[] = [];
    const [here, there] = [a.router.cluster!, b.router.cluster!];
    here.on("moved", ({ id }, from) => facts.push(["moved", id, from]));
    here.on("moved", () => {
      throw new Error("of the application");
    });
    expect(here.state).toBe("up");
    await until(() => here.nodes().length === 2);
    expect(new Set(here.nodes().map(({ id }) => id))).toEqual(new Set([here.node, there.node]));
    const alice = await begin(b.mcpUrl);
    await b.crash();
    expect(await elsewhere(alice, a.mcpUrl).call("echo", { text: "moved" })).toBe("moved");
    expect(facts).toEqual([["moved", alice.sessionId, there.node]]);
    expect(a.lines.join("\n")).toContain("a listener of router.cluster threw");
    const shown = JSON.stringify(here);
    expect(Object.keys(JSON.parse(shown) as object)).toEqual(["node", "state", "nodes"]);
    expect(inspect(here)).toContain("RouterCluster");
    expect(inspect(here)).not.toContain("secret");
    expect(JSON.parse(JSON.stringify(a.router))).toMatchObject({ cluster: "up" });
    await a.router.close({ timeoutMs: 0 });
    expect(here.state).toBe("closed");
  });

  it("CLUSTER-60: is down while the engine is away, and says so once", async () => {
    const { nodes } = await serveCluster({ settings: { leaseMs: 1_000 } });
    const [a] = nodes;
    const facts: string[] = [];
    a.router.cluster!.on("down", () => facts.push("down"));
    a.router.cluster!.on("up", () => facts.push("up"));
    a.faults.isAway = true;
    await until(() => a.router.cluster!.state === "down");
    a.faults.isAway = false;
    await until(() => a.router.cluster!.state === "up");
    expect(facts).toEqual(["down", "up"]);
  });
});

describe("everything of somebody, over HTTP", () => {
  it("CLUSTER-61: ends at each node, over both wires, and nobody else's", async () => {
    const { nodes } = await serveCluster({ count: 3 });
    const [a, b, c] = nodes;
    const [one, two] = [await begin(a.mcpUrl), await begin(b.mcpUrl)];
    const stream = await converse(c!.sseUrl);
    const bob = await begin(c!.mcpUrl, asCaller({ sub: "bob" }));
    const closed = await b.router.cluster!.sessions.closeFor({ id: "alice" });
    expect(closed).toMatchObject({ closed: 3, unreached: [] });
    expect(closed.nodes).toHaveLength(3);
    await stream.stream.ended;
    for (const conversation of [one, two]) {
      const { status } = await elsewhere(conversation, c!.mcpUrl).post(toolCall(1, "echo", {}));
      expect(status).toBe(404);
    }
    expect(await elsewhere(bob, a.mcpUrl).call("echo", { text: "stays" })).toBe("stays");
  });

  it("CLUSTER-62: takes a session along that another node is just opening", async () => {
    const made = signal();
    const go = signal();
    const createServer = async () => {
      made.resolve();
      await go.promise;
      return createToolServer();
    };
    const { nodes } = await serveCluster({ createServer });
    const [a, b] = nodes;
    const opening = postMessage(b.mcpUrl, INITIALIZE, asCaller());
    await made.promise;
    expect(await a.router.cluster!.sessions.closeFor({ id: "alice" })).toMatchObject({ closed: 1 });
    go.resolve();
    expect((await opening).status).toBe(503);
    expect(b.router.sessions.size).toBe(0);
  });

  it("CLUSTER-62: takes a session along that a node opens which cannot be told", async () => {
    const made = signal();
    const go = signal();
    const createServer = async () => {
      made.resolve();
      await go.promise;
      return createToolServer();
    };
    const { nodes } = await serveCluster({ createServer });
    const [a, b] = nodes;
    const opening = postMessage(b.mcpUrl, INITIALIZE, asCaller());
    await made.promise;
    b.faults.isDeaf = true;
    const closed = await a.router.cluster!.sessions.closeFor({ id: "alice" });
    expect(closed.unreached).toEqual([b.router.cluster!.node]);
    expect(b.router.sessions.size).toBe(1);
    go.resolve();
    expect((await opening).status).toBe(503);
    expect(b.router.sessions.size).toBe(0);
  });

  it("CLUSTER-62: takes a session along whose node is gone", async () => {
    const { nodes } = await serveCluster({ count: 3 });
    const [a, b, c] = nodes;
    const alice = await begin(a.mcpUrl);
    await a.crash();
    await b.router.cluster!.sessions.closeFor({ id: "alice" });
    const { status } = await elsewhere(alice, c!.mcpUrl).post(toolCall(1, "echo", {}));
    expect(status).toBe(404);
    // Nor when it is asked for once more, and nobody is kept from beginning anew.
    expect((await elsewhere(alice, b.mcpUrl).post(toolCall(2, "echo", {}))).status).toBe(404);
    await begin(c!.mcpUrl);
  });

  it("CLUSTER-62: takes a session along that is just being gone on with elsewhere", async () => {
    const moving = signal();
    const go = signal();
    const createServer = async ({ isMoved }: SessionInfo<Principal>) => {
      if (isMoved) {
        moving.resolve();
        await go.promise;
      }
      return createToolServer();
    };
    const { nodes } = await serveCluster({ count: 3, createServer });
    const [a, b, c] = nodes;
    const alice = await begin(a.mcpUrl);
    await a.crash();
    const asking = elsewhere(alice, b.mcpUrl).post(toolCall(1, "echo", {}));
    await moving.promise;
    await c!.router.cluster!.sessions.closeFor({ id: "alice" });
    go.resolve();
    expect([404, 503]).toContain((await asking).status);
    expect(b.router.sessions.size).toBe(0);
    expect((await elsewhere(alice, c!.mcpUrl).post(toolCall(2, "echo", {}))).status).toBe(404);
  });
});

describe("sessions of one principal, in all nodes", () => {
  const one = { sessions: { maxSessionsPerPrincipal: 1 } };

  it("CLUSTER-68: make room for one that begins at another node", async () => {
    const { nodes } = await serveCluster({ ...one });
    const [a, b] = nodes;
    const facts = new Facts(a.router.sessions);
    const first = await begin(a.mcpUrl);
    const second = await begin(b.mcpUrl);
    expect(await facts.reasonOf(first.sessionId)).toBe("made-room");
    expect(await elsewhere(second, a.mcpUrl).call("echo", { text: "mine" })).toBe("mine");
  });

  it("CLUSTER-67: are refused where all are in use, and begin when one has ended", async () => {
    const go = signal();
    const createServer = () => {
      const server = createToolServer();
      server.registerTool("wait", {}, async () => {
        await go.promise;
        return { content: [] };
      });
      return server;
    };
    const { nodes } = await serveCluster({ ...one, createServer });
    const [a, b] = nodes;
    const first = await begin(a.mcpUrl);
    const busy = first.post(toolCall(1, "wait"));
    await until(() => a.router.sessions.list().some(({ inFlight }) => inFlight > 0));
    const refused = await postMessage(b.mcpUrl, INITIALIZE, asCaller());
    expect([refused.status, refused.json.error.data.code]).toEqual([429, "too_many_sessions"]);
    const { postUrl } = await openSession(b.sseUrl, asCaller());
    expect((await post(postUrl, initialize, asCaller())).status).toBe(429);
    expect(b.router.sessions.list().filter(({ hasBegun }) => hasBegun)).toEqual([]);
    go.resolve();
    await busy;
    await first.delete();
    expect((await post(postUrl, initialize, asCaller())).status).toBe(202);
    const third = await postMessage(a.mcpUrl, INITIALIZE, asCaller({ sub: "bob" }));
    expect(third.status).toBe(200);
  });

  it("CLUSTER-68: keep their place when they go on at another node", async () => {
    const { nodes } = await serveCluster({ ...one, count: 3 });
    const [a, b, c] = nodes;
    const alice = await begin(a.mcpUrl);
    await a.crash();
    expect(await elsewhere(alice, b.mcpUrl).call("echo", { text: "moved" })).toBe("moved");
    const facts = new Facts(b.router.sessions);
    await begin(c!.mcpUrl);
    expect(await facts.reasonOf(alice.sessionId)).toBe("made-room");
  });

  it("CLUSTER-69: cannot be begun while the engine is away, and go on", async () => {
    const { nodes } = await serveCluster({ settings: { leaseMs: 1_000, relayTimeoutMs: 200 } });
    const [a] = nodes;
    const alice = await begin(a.mcpUrl);
    a.faults.isAway = true;
    await until(() => a.router.cluster!.state === "down");
    const refused = await postMessage(a.mcpUrl, INITIALIZE, asCaller());
    expect([refused.status, refused.headers["retry-after"]]).toEqual([503, "1"]);
    expect(await alice.call("echo", { text: "here" })).toBe("here");
    a.faults.isAway = false;
    await until(() => a.router.cluster!.state === "up");
    await begin(a.mcpUrl);
  });
});

it("CLUSTER-66: all sessions are listed at each node", async () => {
  const { nodes } = await serveCluster();
  const [a, b] = nodes;
  const [alice, bob] = [await begin(a.mcpUrl), await begin(b.mcpUrl, asCaller({ sub: "bob" }))];
  const { sessions } = await b.router.cluster!.sessions.list();
  expect(new Set(sessions.map(({ id, node }) => `${id} ${node}`))).toEqual(
    new Set([
      `${alice.sessionId} ${a.router.cluster!.node}`,
      `${bob.sessionId} ${b.router.cluster!.node}`,
    ]),
  );
});
