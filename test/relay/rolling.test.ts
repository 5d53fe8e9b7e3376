import type { ByteAccount } from "../../src/session/byte-budget.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { createV1, MovingStage } from "../kit/cluster/moving-server.js";
import { serveCluster } from "../kit/cluster/routers.js";
import type { RouterClusterOptions, RouterNode } from "../kit/cluster/routers.js";
import { jumpingClock, later } from "../kit/clock.js";
import { asCaller, converse } from "../kit/conversation.js";
import { RawConnection } from "../kit/raw-http.js";
import { openStream, post, toolCall } from "../kit/raw-sse.js";
import { begin, StreamableConversation, textOf } from "../kit/streamable.js";
import { signal, until } from "../kit/waiting.js";

cleanUpAfterEach();

async function serveNodes(options: RouterClusterOptions = {}) {
  const stage = new MovingStage();
  const createServer: RouterClusterOptions["createServer"] = (session) => createV1(session, stage);
  const { nodes } = await serveCluster({ count: 3, createServer, ...options });
  const [a, b, c] = nodes as [RouterNode, RouterNode, RouterNode];
  return { stage, a, b, c };
}

const elsewhere = ({ sessionId, headers }: StreamableConversation, node: RouterNode) =>
  new StreamableConversation(node.mcpUrl, sessionId, headers);

/** A POST whose body is on its way: as much of it as there is, and what sends the rest. */
async function beginPost(url: string, message: object, headers: Record<string, string>) {
  const { port, pathname, search } = new URL(url);
  const raw = await RawConnection.open(Number(port));
  const body = JSON.stringify(message);
  const fields = Object.entries({
    ...headers,
    host: `127.0.0.1:${port}`,
    accept: "application/json, text/event-stream",
    "content-type": "application/json",
    "content-length": String(body.length),
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  raw.write(`POST ${pathname}${search} HTTP/1.1\r\n${fields.join("")}\r\n${body.slice(0, 10)}`);
  return { raw, finish: () => raw.write(body.slice(10)) };
}

/** How many bodies of a node's sessions are on their way. */
const bodiesAt = ({ router }: RouterNode): number =>
  router.sessions
    .list()
    .reduce((sum, one) => sum + (one as unknown as { bytes: { bodies: number } }).bytes.bodies, 0);

it("CLUSTER-48: a session leaves when the messages are there that are on their way to it", async () => {
  const { a, b } = await serveNodes();
  const alice = await begin(a.mcpUrl);
  const bob = await converse(a.sseUrl, asCaller({ sub: "bob" }));
  const call = toolCall(9, "about");
  const { raw, finish } = await beginPost(a.mcpUrl, call, alice.headers);
  await until(() => bodiesAt(a) === 1);
  const closed = a.router.close({ timeoutMs: 60_000 });
  // Those that nothing is on its way to do not wait.
  await bob.stream.ended;
  finish();
  const { status, body } = await raw.nextAnswer();
  expect(status).toBe(200);
  expect(body).toContain('\\"isMoved\\":false');
  raw.destroy();
  await closed;
  expect(JSON.parse(await elsewhere(alice, b).call("about"))).toMatchObject({ isMoved: true });
});

describe.each([
  ["in front of the application", true],
  ["in it", false],
])(
  "a message that is on its way when its session has to leave, with the router %s",
  (_where, ahead) => {
    /** The first node is not closed before its servers are, and these wait. */
    async function serveClosing() {
      const closed = signal();
      const stage = new MovingStage();
      const createServer: RouterClusterOptions["createServer"] = (session) => {
        const mcp = createV1(session, stage);
        const close = mcp.close.bind(mcp);
        mcp.close = async () => {
          await closed.promise;
          await close();
        };
        return mcp;
      };
      const nodes = await serveNodes({ ahead, createServer });
      return { ...nodes, letClose: closed.resolve };
    }

    it("CLUSTER-49: follows it, over Streamable HTTP", async () => {
      const { a, letClose } = await serveClosing();
      const alice = await begin(a.mcpUrl);
      await alice.call("about");
      const { raw, finish } = await beginPost(a.mcpUrl, toolCall(9, "about"), alice.headers);
      await until(() => bodiesAt(a) === 1);
      const closed = a.router.close({ timeoutMs: 0 });
      await until(() => a.router.sessions.size === 0);
      finish();
      const { status, body } = await raw.nextAnswer();
      expect([status, body]).toEqual([200, expect.stringContaining('\\"isMoved\\":true')]);
      raw.destroy();
      letClose();
      await closed;
    });

    it("CLUSTER-49: follows it, over HTTP+SSE", async () => {
      const { a, b, letClose } = await serveClosing();
      const alice = await converse(a.sseUrl);
      await alice.call("about");
      const { raw, finish } = await beginPost(alice.postUrl, toolCall(50, "about"), alice.headers);
      await until(() => bodiesAt(a) === 1);
      const closed = a.router.close({ timeoutMs: 0 });
      await until(() => a.router.sessions.size === 0);
      finish();
      expect((await raw.nextAnswer()).status).toBe(202);
      raw.destroy();
      letClose();
      await closed;
      const last = { ...alice.headers, "last-event-id": `${alice.sessionId}:2` };
      const back = await openStream(b.sseUrl, last);
      expect(JSON.parse(textOf(await back.answerTo(50)))).toMatchObject({ isMoved: true });
    });
  },
);

it.each(["closed", "killed"])(
  "CLUSTER-40: a session that is older than initTimeoutMs goes on when its node is %s",
  async (how) => {
    const { a, b } = await serveNodes();
    const alice = await begin(a.mcpUrl);
    const bob = await converse(a.sseUrl, asCaller({ sub: "bob" }));
    later(61_000);
    await (how === "killed" ? a.kill() : a.router.close({ timeoutMs: 60_000 }));
    expect(JSON.parse(await elsewhere(alice, b).call("about"))).toMatchObject({ isMoved: true });
    const taken = await post(bob.postUrl.replace(a.url, b.url), toolCall(50, "about"), bob.headers);
    expect(taken.status).toBe(202);
    expect(b.router.sessions.size).toBe(2);
  },
);

it("CLUSTER-46: a request that looked before another one had the session come here finds it", async () => {
  const { a, b } = await serveNodes();
  const alice = await begin(a.mcpUrl);
  await a.router.close({ timeoutMs: 60_000 });
  const there = elsewhere(alice, b);
  const late = signal();
  let looks = 0;
  b.faults.beforeGet = () => (++looks === 2 ? late.promise : Promise.resolve());
  const calls = [there.call("about"), there.call("about")];
  await Promise.race(calls);
  late.resolve();
  for (const about of await Promise.all(calls)) {
    expect(JSON.parse(about)).toMatchObject({ isMoved: true });
  }
});

it("CLUSTER-48: a session that comes to a node which begins to close meanwhile leaves it again", async () => {
  const stage = new MovingStage();
  const asked = signal();
  const made = signal();
  let moves = 0;
  const { a, b, c } = await serveNodes({
    createServer: async (session) => {
      if (session.isMoved && ++moves === 1) {
        asked.resolve();
        await made.promise;
      }
      return createV1(session, stage);
    },
  });
  const alice = await begin(a.mcpUrl);
  await a.router.close({ timeoutMs: 60_000 });
  const call = elsewhere(alice, b).call("about");
  await asked.promise;
  const closed = b.router.close({ timeoutMs: 60_000 });
  made.resolve();
  expect(JSON.parse(await call)).toMatchObject({ isMoved: true });
  await closed;
  expect(JSON.parse(await elsewhere(alice, c).call("about"))).toMatchObject({ isMoved: true });
});

it("CLUSTER-48: once a node is closed it sends callers to others at once, and nothing was done", async () => {
  const { a, b } = await serveNodes({ settings: { relayTimeoutMs: 60_000 } });
  const alice = await begin(b.mcpUrl, asCaller());
  await a.router.close({ timeoutMs: 0 });
  const refused = await elsewhere(alice, a).post(toolCall(5, "about"));
  expect([refused.status, refused.headers["retry-after"]]).toEqual([503, "5"]);
  const bob = await converse(b.sseUrl, asCaller());
  const postUrl = bob.postUrl.replace(b.url, a.url);
  expect((await post(postUrl, toolCall(6, "about"), asCaller())).status).toBe(503);
  expect(b.router.sessions.list().map(({ inFlight }) => inFlight)).toEqual([0, 0]);
});

it("CLUSTER-34: the time that a session takes to leave its node does not count as a search for it", async () => {
  const { a, b } = await serveNodes({ settings: { relayTimeoutMs: 2_000 } });
  const alice = await begin(a.mcpUrl);
  const late = signal();
  a.faults.beforePut = () => late.promise;
  const closed = a.router.close({ timeoutMs: 60_000 });
  await until(() => a.router.sessions.size === 0);
  let sent = 0;
  b.faults.fateOf = () => (sent++, "pass");
  const call = elsewhere(alice, b).call("about");
  // It knows which node has the session, and asks that.
  await until(() => sent > 0);
  later(3_000, [performance]);
  late.resolve();
  expect(JSON.parse(await call)).toMatchObject({ isMoved: true });
  await closed;
});

it("CLUSTER-17: a node that is closed sends away who listens through it, and counts nothing as lost", async () => {
  const { a, b } = await serveNodes();
  const alice = await converse(b.sseUrl);
  const last = { ...alice.headers, "last-event-id": `${alice.sessionId}:1` };
  const through = await openStream(a.sseUrl, last);
  await alice.stream.ended;
  await a.router.close({ timeoutMs: 60_000 });
  await through.ended;
  expect(through.bytes).toMatch(/retry: \d+\n\n$/);
  expect([...a.lines, ...b.lines].join("\n")).not.toContain("is lost");
  const back = await openStream(b.sseUrl, last);
  expect((await post(alice.postUrl, toolCall(50, "about"), alice.headers)).status).toBe(202);
  expect(JSON.parse(textOf(await back.answerTo(50)))).toMatchObject({ isMoved: false });
});

it("CLUSTER-48: a session that has a call open at any time leaves, and its new calls follow it", async () => {
  const { stage, a, b } = await serveNodes({ settings: { leaseMs: 120_000 } });
  const alice = await begin(a.mcpUrl);
  const through = elsewhere(alice, b);
  const held = signal();
  const letGo = signal();
  stage.onHeld = held.resolve;
  stage.letGo = letGo.promise;
  const open = alice.call("held");
  await held.promise;
  jumpingClock();
  const closed = a.router.close({ timeoutMs: 60_000 });
  expect(JSON.parse(await alice.call("about"))).toMatchObject({ isMoved: false });
  jest.advanceTimersByTime(45_000);
  const [session] = a.router.sessions.list() as unknown as { bytes: { account: ByteAccount } }[];
  const before = session!.bytes.account.held;
  const answers = [alice, through].map((one, at) => one.post(toolCall(900 + at, "about")));
  let isAnswered = false;
  void Promise.race([...answers, closed]).then(() => (isAnswered = true));
  await until(() => isAnswered || session!.bytes.account.held > before);
  expect(isAnswered).toBe(false);
  letGo.resolve();
  expect(await open).toBe("released");
  for (const { status, text } of await Promise.all(answers)) {
    expect([status, text]).toEqual([200, expect.stringContaining('\\"isMoved\\":true')]);
  }
  await closed;
});
