import fc from "fast-check";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { serveCluster, serveNode } from "../kit/cluster/routers.js";
import type { RouterCluster, RouterNode } from "../kit/cluster/routers.js";
import { begin, StreamableConversation } from "../kit/streamable.js";
import { until } from "../kit/waiting.js";

cleanUpAfterEach();

/** What happens; a number chooses among the nodes that are there. */
const happening = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("posts" as const),
      nodes: fc.array(fc.nat(2), { minLength: 1, maxLength: 4 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("crash" as const), node: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("emptied" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("away" as const) }) },
);

type Happening = typeof happening extends fc.Arbitrary<infer T> ? T : never;

/** A session as its client has it, while nodes come and go. */
class World {
  readonly #cluster: RouterCluster;
  readonly #live: RouterNode[];
  readonly #session: StreamableConversation;
  #calls = 0;

  constructor(cluster: RouterCluster, session: StreamableConversation) {
    this.#cluster = cluster;
    this.#live = [...cluster.nodes];
    this.#session = session;
  }

  async make(happens: Happening): Promise<void> {
    if (happens.kind === "posts") {
      await Promise.all(happens.nodes.map((node) => this.#post(this.#live[node]!)));
    } else if (happens.kind === "crash") await this.#crash(happens.node);
    else if (happens.kind === "emptied") await this.#empty();
    else {
      for (const { faults } of this.#live) faults.isAway = true;
      await this.#post(this.#live[0]!);
      for (const { faults } of this.#live) faults.isAway = false;
    }
    if (happens.kind === "emptied" || happens.kind === "away") await this.settled();
  }

  /** Each node answers, and one has the session. */
  async settled(): Promise<void> {
    for (const node of this.#live) await until(async () => (await this.#post(node)) === 200);
    await until(() => this.#homes === 1);
    await until(() => this.#isWrittenDown());
  }

  /** So that another node could go on with it. */
  async #isWrittenDown(): Promise<boolean> {
    const { faults } = this.#live[0]!;
    const records = this.#live.flatMap(({ engine }) => engine.records);
    const keys = new Set(records.map((key) => faults.nameOf(key)));
    const found = await Promise.all([...keys].map((key) => this.#cluster.shared.get(key)));
    return found.some((record) => record !== undefined);
  }

  /** Not while the session is nowhere but in the engine: then it is lost. */
  async #empty(): Promise<void> {
    await this.settled();
    this.#live[0]!.faults.empty();
  }

  get #homes(): number {
    const { sessionId } = this.#session;
    return this.#live.filter(({ router }) => router.sessions.get(sessionId) !== undefined).length;
  }

  async #crash(at: number): Promise<void> {
    const [node] = this.#live.splice(at, 1);
    await node!.crash();
    this.#live.push(await serveNode(this.#cluster.hub, {}));
  }

  /** Nobody is ever told that there is no such session, and no answer is another call's. */
  async #post(node: RouterNode): Promise<number> {
    const text = `call ${++this.#calls}`;
    const there = new StreamableConversation(
      node.mcpUrl,
      this.#session.sessionId,
      this.#session.headers,
    );
    const params = { name: "echo", arguments: { text } };
    const answer = await there.post({
      jsonrpc: "2.0",
      id: this.#calls,
      method: "tools/call",
      params,
    });
    expect([200, 503]).toContain(answer.status);
    if (answer.status === 200) expect(answer.json.result.content[0].text).toBe(text);
    return answer.status;
  }
}

it("CLUSTER-32: whatever happens in whatever order, a session has one home at a time, and is never unknown", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(happening, { minLength: 3, maxLength: 6 }), async (all) => {
      const settings = { leaseMs: 3_000, relayTimeoutMs: 8_000 };
      const cluster = await serveCluster({ count: 3, settings, willBeEmptied: true });
      const world = new World(cluster, await begin(cluster.nodes[0].mcpUrl));
      for (const happens of all) await world.make(happens);
      await world.settled();
      await Promise.all(cluster.nodes.map(({ router }) => router.close({ timeoutMs: 0 })));
    }),
    { numRuns: 8, endOnFailure: true },
  );
});
