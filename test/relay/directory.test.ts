import { randomUUID } from "node:crypto";
import { SealBox } from "../../src/cluster/seal-box.js";
import { SECRET } from "../kit/cluster/buses.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { serveCluster } from "../kit/cluster/routers.js";
import type { RouterCluster, RouterClusterOptions, RouterNode } from "../kit/cluster/routers.js";
import { asCaller, converse } from "../kit/conversation.js";
import type { RawAnswer } from "../kit/raw-http.js";
import { toolCall } from "../kit/raw-sse.js";
import { begin, initializeFor, postMessage, StreamableConversation } from "../kit/streamable.js";
import { until } from "../kit/waiting.js";

cleanUpAfterEach();

const at = (node: RouterNode, { sessionId, headers }: StreamableConversation) =>
  new StreamableConversation(node.mcpUrl, sessionId, headers);

/** Posts a call of a session to a node, as somebody. */
const ask = (node: RouterNode, session: StreamableConversation, headers = {}): Promise<RawAnswer> =>
  postMessage(node.mcpUrl, toolCall(1, "echo", { text: "x" }), { ...session.headers, ...headers });

const BOB = asCaller({ sub: "bob" });

/** The record that a node has written last. */
const lastRecord = ({ engine }: RouterNode): string => engine.records.at(-1)!;

describe("What is in the engine", () => {
  it("CLUSTER-33: no id, subject, name or argument can be read there, and nothing is left of sessions that have ended", async () => {
    const { nodes, shared } = await serveCluster();
    const [a, b] = nodes;
    const client = { clientInfo: { name: "a-telling-name", version: "1.0.0" } };
    const headers = asCaller({ sub: "alice-the-subject" });
    const alice = await begin(a.mcpUrl, headers, "2025-11-25", client);
    const sse = await converse(b.sseUrl, headers);
    await at(b, alice).call("echo", { text: "a telling argument" });
    await sse.call("echo", { text: "a telling argument" });
    const seen = JSON.stringify([a, b].map(({ engine }) => engine.asked));
    const { sessionId } = alice;
    for (const text of [
      sessionId,
      sse.sessionId,
      "alice-the-subject",
      "a-telling-name",
      "telling arg",
    ]) {
      expect(seen).not.toContain(text);
    }
    expect((await alice.delete()).status).toBe(200);
    sse.stream.close();
    b.router.sessions.close(sse.sessionId);
    const names = [...a.engine.records, ...b.engine.records];
    expect(names).toHaveLength(2);
    const pages = [a, b].flatMap(({ engine }) => engine.pages);
    await until(async () => {
      const records = await Promise.all(names.map((name) => shared.get(name)));
      const written = await shared.read(pages);
      return [...records, ...written].every((value) => value === undefined);
    });
  });

  it("CLUSTER-33: a session in which nothing happens asks the engine for nothing", async () => {
    const { nodes } = await serveCluster();
    const [a] = nodes;
    const alice = await begin(a.mcpUrl);
    await alice.call("echo", { text: "once" });
    await until(() => a.engine.aboutSessions.length >= 2);
    // What has changed by then is written a turn later.
    for (let turns = 0; turns < 20; turns++) await new Promise(setImmediate);
    const before = a.engine.aboutSessions.length;
    await alice.call("echo", { text: "again" });
    await alice.call("echo", { text: "and again" });
    expect(a.engine.aboutSessions.slice(before)).toEqual([]);
  });

  it("CLUSTER-33: what a client says of itself may be too much to be kept: its session can be used all the same", async () => {
    const { nodes } = await serveCluster({ settings: { leaseMs: 3_000, relayTimeoutMs: 1_000 } });
    const [a, b] = nodes;
    const capabilities = { experimental: { much: { text: "x".repeat(100_000) } } };
    const alice = await begin(a.mcpUrl, asCaller(), "2025-11-25", { capabilities });
    expect(await at(b, alice).call("echo", { text: "there" })).toBe("there");
    expect(a.lines.filter((line) => line.includes("cannot go on at another node"))).toHaveLength(1);
    await a.crash();
    // Whether that is gone nobody can tell for the length of its lease.
    let answer = await ask(b, alice);
    while (answer.status === 503) answer = await ask(b, alice);
    expect(answer.status).toBe(404);
  });

  it("CLUSTER-33: nor is the id of its first call kept, where that is too much", async () => {
    const { nodes } = await serveCluster();
    const [a, b] = nodes;
    const opening = { ...initializeFor("2025-11-25"), id: "x".repeat(100_000) };
    const { status, headers } = await postMessage(a.mcpUrl, opening, asCaller());
    expect(status).toBe(200);
    const id = String(headers["mcp-session-id"]);
    const named = { ...asCaller(), "mcp-session-id": id };
    const client = new StreamableConversation(b.mcpUrl, id, named);
    expect(await client.call("echo", { text: "there" })).toBe("there");
    await until(() => a.engine.asked.filter(([name]) => name === "put").length > 2);
    const lengths = a.engine.asked.map((asked) => JSON.stringify(asked).length);
    expect(Math.max(...lengths)).toBeLessThan(10_000);
  });
});

describe("While the engine is away", () => {
  it("CLUSTER-34: sessions go on where they are, none is opened, and none is unknown anywhere", async () => {
    const { nodes } = await serveCluster({ settings: { relayTimeoutMs: 200 } });
    const [a, b] = nodes;
    const alice = await begin(a.mcpUrl);
    for (const { faults } of nodes) faults.isAway = true;
    expect(await alice.call("echo", { text: "here" })).toBe("here");
    const unknown = new StreamableConversation(b.mcpUrl, randomUUID(), alice.headers);
    const refused = [
      await ask(b, alice),
      await ask(b, unknown),
      await postMessage(a.mcpUrl, initializeFor("2025-11-25"), asCaller()),
    ];
    for (const { status, headers } of refused) {
      expect([status, headers["retry-after"]]).toEqual([503, expect.stringMatching(/^\d+$/)]);
    }
    for (const { faults } of nodes) faults.isAway = false;
    await until(async () => (await ask(b, alice)).status === 200);
    expect(await at(b, alice).call("echo", { text: "there" })).toBe("there");
  });

  it("CLUSTER-34: a request waits for the engine, and for nodes that write down again what it has lost", async () => {
    const { nodes } = await serveCluster();
    const [a, b] = nodes;
    const alice = await begin(a.mcpUrl);
    for (const { faults } of nodes) faults.isAway = true;
    const asked = at(b, alice).call("echo", { text: "waited" });
    a.faults.empty();
    for (const { faults } of nodes) faults.isAway = false;
    expect(await asked).toBe("waited");
  });

  it("CLUSTER-34: what ended meanwhile is deleted when the engine is back", async () => {
    const { nodes, shared } = await serveCluster();
    const [a] = nodes;
    const alice = await begin(a.mcpUrl);
    a.faults.isAway = true;
    expect((await alice.delete()).status).toBe(200);
    expect(await shared.get(lastRecord(a))).toBeDefined();
    a.faults.isAway = false;
    await until(async () => (await shared.get(lastRecord(a))) === undefined);
  });
});

describe("A poisoned directory", () => {
  /** Puts a text where a session's record is. */
  async function replace({ shared }: RouterCluster, key: string, value: string): Promise<void> {
    const { version } = (await shared.get(key))!;
    expect(await shared.put(key, value, version, 60_000)).toBe(true);
  }

  const valueOf = async ({ shared }: RouterCluster, key: string): Promise<string> =>
    (await shared.get(key))!.value;

  async function twoSessions(settings: RouterClusterOptions["settings"] = {}) {
    const cluster = await serveCluster({ settings });
    const [a, b] = cluster.nodes;
    const alice = await begin(a.mcpUrl);
    const alices = lastRecord(a);
    const bob = await begin(a.mcpUrl, BOB);
    const bobs = lastRecord(a);
    return { cluster, a, b, alice, bob, alices, bobs };
  }

  it.each([
    [
      "the record of another's session",
      async (cluster: RouterCluster, bobs: string) => valueOf(cluster, bobs),
    ],
    [
      "a record that was cut",
      async (cluster: RouterCluster, _bobs: string, alices: string) =>
        (await valueOf(cluster, alices)).slice(0, -4),
    ],
    [
      "a record that nobody has sealed",
      async () =>
        `1.-.-.${JSON.stringify({ form: 1, home: "x", moves: 9, page: 0, transport: "streamable" })}`,
    ],
    ["what is no record", async () => "null"],
  ])("CLUSTER-35: %s lets nobody in, and takes nobody's session", async (_what, forge) => {
    const { cluster, a, b, alice, bob, alices, bobs } = await twoSessions();
    await replace(cluster, alices, await forge(cluster, bobs, alices));
    expect((await ask(b, alice)).status).toBe(404);
    expect((await ask(b, alice, BOB)).status).toBe(404);
    expect(await alice.call("echo", { text: "here" })).toBe("here");
    expect(await at(b, bob).call("echo", { text: "there" })).toBe("there");
    expect([a, b].map(({ router }) => router.sessions.size)).toEqual([2, 0]);
    expect(b.lines.some((line) => line.includes("does not open"))).toBe(true);
  });

  it("CLUSTER-35: a record of another release is not guessed at", async () => {
    const { cluster, b, alice, alices } = await twoSessions({ relayTimeoutMs: 200 });
    const text = JSON.stringify({ form: 2, home: undefined, all: "new" });
    const box = new SealBox([SECRET], cluster.hub.config.prefix);
    await replace(cluster, alices, box.seal(text, alices));
    const { status, headers } = await ask(b, alice);
    expect([status, headers["retry-after"]]).toEqual([503, expect.stringMatching(/^\d+$/)]);
  });

  it("CLUSTER-35: one of a session that has ended gives it to nobody but its owner, and to nobody whose access was withdrawn", async () => {
    const { nodes, shared } = await serveCluster();
    const [a, b] = nodes;
    const [deleted, revoked] = [
      await begin(a.mcpUrl),
      await begin(a.mcpUrl, asCaller({ sub: "eve" })),
    ];
    const keys = a.engine.records;
    expect(keys).toHaveLength(2);
    const before = await Promise.all(keys.map((key) => shared.get(key)));
    await deleted.delete();
    await b.router.cluster!.sessions.closeFor({ id: "eve" });
    const areGone = async () =>
      (await Promise.all(keys.map((key) => shared.get(key)))).every((one) => one === undefined);
    await until(areGone);
    for (const [n, key] of keys.entries()) await shared.put(key, before[n]!.value, 0, 60_000);
    expect((await ask(b, deleted)).status).toBe(404);
    await a.crash();
    expect((await ask(b, deleted, BOB)).status).toBe(404);
    expect((await ask(b, revoked)).status).toBe(404);
    expect((await ask(b, deleted)).status).toBe(200);
  });

  it("CLUSTER-35: an older record that is put back makes no two homes, and gives nobody another's session", async () => {
    const cluster = await serveCluster({ count: 3 });
    const [a, b] = cluster.nodes;
    const c = cluster.nodes[2]!;
    const alice = await begin(a.mcpUrl);
    const key = lastRecord(a);
    const older = await valueOf(cluster, key);
    await a.crash();
    expect(await at(b, alice).call("echo", { text: "moved" })).toBe("moved");
    await replace(cluster, key, older);
    expect((await ask(c, alice, BOB)).status).toBe(404);
    expect(await at(c, alice).call("echo", { text: "moved again" })).toBe("moved again");
    // Either c went on with it, and b was told, or b had written it down once more before that.
    const homes = () => [b, c].filter(({ router }) => router.sessions.size > 0);
    await until(() => homes().length === 1);
    expect(homes()[0]!.router.sessions.get(alice.sessionId)?.principal?.id).toBe("alice");
    expect(await at(b, alice).call("echo", { text: "one home" })).toBe("one home");
  });
});
