import fc from "fast-check";
import type { ClusterConfig } from "../../src/cluster/cluster-config.js";
import type { ClusterEngine } from "../../src/cluster/engine.js";
import { memoryCluster } from "../../src/cluster/memory.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { Heard, sealedCluster, startBus } from "../kit/cluster/buses.js";
import type { TestBus } from "../kit/cluster/buses.js";
import { turn, until } from "../kit/waiting.js";

cleanUpAfterEach();

interface Seen {
  /** `undefined`: it went to all. */
  readonly to: string | undefined;
  readonly message: string;
}

/** Somebody who has the engine: sees whatever it is given, and can send as it does. */
class Attacker {
  readonly messages: Seen[] = [];
  /** Everything else that the engine was given: names, keys, values. */
  readonly texts: string[] = [];
  readonly engine: ClusterEngine;
  readonly cluster: ClusterConfig;

  constructor(cluster: ClusterConfig) {
    this.engine = cluster.createEngine();
    this.cluster = { ...cluster, createEngine: () => this.#watch(cluster.createEngine()) };
  }

  #watch(engine: ClusterEngine): ClusterEngine {
    return new Proxy(engine, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (name === "index") return this.#watch(member as ClusterEngine);
        if (typeof member !== "function") return member;
        return (...args: unknown[]): unknown => {
          this.#note(name, args);
          return Reflect.apply(member, target, args);
        };
      },
    });
  }

  #note(name: string | symbol, args: readonly unknown[]): void {
    this.texts.push(JSON.stringify(args));
    if (name === "send") this.messages.push({ to: args[0] as string, message: args[1] as string });
    if (name === "broadcast") this.messages.push({ to: undefined, message: args[0] as string });
  }

  async send({ to, message }: Seen): Promise<void> {
    if (to === undefined) await this.engine.broadcast(message);
    else await this.engine.send(to, message);
  }
}

/** What was done at a node because others asked for it. */
function effectsAt({ bus }: TestBus): unknown[] {
  const effects: unknown[] = [];
  bus.onExchange("do", (opening, exchange) => {
    effects.push(opening);
    exchange.onFrame = (frame) => {
      effects.push(frame);
      exchange.send(["done"]);
    };
    exchange.onEnd = () => effects.push("end");
    exchange.onLost = () => effects.push("lost");
  });
  bus.onTold("moved", (frame) => effects.push(frame));
  bus.onQuestion("who", (question) => {
    effects.push(question);
    return "me-myself";
  });
  bus.on("node-lost", () => effects.push("node-lost"));
  bus.on("down", () => effects.push("down"));
  bus.on("emptied", () => effects.push("emptied"));
  return effects;
}

/** Everything that nodes can say to each other. */
async function talk(from: TestBus, to: TestBus): Promise<Heard> {
  const heard = new Heard(from.bus.open(to.bus.node, ["do", "argument-of-a-call"]));
  heard.exchange.send(["more", "secret-token"]);
  await heard.until(({ frames }) => frames.length === 1);
  // Whoever started first hears of the other with its next beat, and tells whom it knows.
  await until(() => from.bus.nodes().some(({ id }) => id === to.bus.node));
  from.bus.tell(["moved", "session-id-in-the-clear"]);
  await from.bus.gather(["who", "subject-of-somebody"], 60_000);
  return heard;
}

async function attacked() {
  const attacker = new Attacker(sealedCluster());
  const one = await startBus(attacker.cluster);
  const two = await startBus(attacker.cluster);
  const three = await startBus(attacker.cluster);
  const nodes = [one, two, three] as const;
  const effects = nodes.map(effectsAt);
  return { attacker, nodes, effects };
}

/** Lets what was sent arrive, and what nodes do about it. */
async function arrive(): Promise<void> {
  for (let n = 0; n < 4; n++) await turn();
}

describe("CLUSTER-12: whoever has the engine, and not the secret", () => {
  it("has no effect with 10,000 messages that are forged, changed, replayed, sent elsewhere, or out of order", async () => {
    const { attacker, nodes, effects } = await attacked();
    const [one, two, three] = nodes;
    const other = { ...sealedCluster(), prefix: "another" };
    const elsewhere = await startBus(other);
    const theirs = effectsAt(elsewhere);
    // A link that is lost, so that there is something to replay from before the one that is there.
    await talk(one, two);
    one.clock.aheadMs += 15_000;
    two.bus.tell(["moved"]);
    await until(() => effects[1]!.includes("lost"));
    await until(() => one.bus.holdsLease);
    const open = [await talk(one, two), await talk(two, one), await talk(three, one)];
    await until(() => open.every(({ exchange }) => exchange.unheard === 0));
    await arrive();
    const before = JSON.stringify(effects);
    const seen = attacker.messages.slice();
    expect(seen.length).toBeGreaterThan(20);
    const node = fc.constantFrom(...nodes.map(({ bus }) => bus.node));
    const message = fc.constantFrom(...seen);
    const attack = fc.oneof(
      message,
      fc.record({ to: node, message: message.map((one) => one.message) }),
      fc.record({ to: node, message: message.map((one) => `n${one.message.slice(1)}`) }),
      message.map((one) => ({ to: undefined, message: `a${one.message.slice(1)}` })),
      fc.tuple(message, fc.nat(), fc.nat(7)).map(([{ to, message }, at, bit]) => {
        const bytes = Buffer.from(message);
        bytes[at % bytes.length]! ^= 1 << bit;
        return { to, message: bytes.toString("latin1") };
      }),
      fc.tuple(message, fc.uint8Array({ maxLength: 200 })).map(([{ to, message }, bytes]) => {
        const head = message.split(".").slice(0, 3).join(".");
        return { to, message: `${head}.${Buffer.from(bytes).toString("base64url")}` };
      }),
    );
    const way = other.createEngine();
    for (const each of fc.sample(attack, 10_000)) {
      await attacker.send(each);
      await way.send(elsewhere.bus.node, each.message);
    }
    await arrive();
    expect(JSON.stringify(effects)).toBe(before);
    expect(theirs).toEqual([]);
    expect(open.map(({ lost, ended }) => [lost, ended])).toEqual(
      open.map(() => [undefined, false]),
    );
    // And those who belong there go on.
    open[0]!.exchange.send(["again"]);
    await open[0]!.until(({ frames }) => frames.length === 2);
    expect(effects[1]!.filter((effect) => JSON.stringify(effect) === '["again"]')).toHaveLength(1);
  });

  it("has none with messages of an earlier life of either side", async () => {
    const { attacker, nodes } = await attacked();
    const [one, two, three] = nodes;
    await talk(one, two);
    await talk(two, one);
    const past = attacker.messages.slice();
    await two.bus.stop(0);
    const again = await startBus(attacker.cluster);
    const effects = [one, again, three].map(effectsAt);
    const before = JSON.stringify(effects);
    for (const { to, message } of past) {
      for (const node of [one, again, three]) await attacker.send({ to: node.bus.node, message });
      await attacker.send({ to, message });
    }
    await arrive();
    expect(JSON.stringify(effects)).toBe(before);
    await talk(one, again);
    expect(JSON.stringify(effects)).not.toBe(before);
  });

  it("cannot make one node's record another's", async () => {
    const { attacker, nodes } = await attacked();
    const [one, two] = nodes;
    one.clock.aheadMs += 3_000;
    const nameOf = (id: string) => one.bus.nameOf("node", id);
    const [record] = await attacker.engine.read([nameOf(two.bus.node)]);
    await attacker.engine.write([{ key: nameOf("forged"), value: record, ttlMs: 60_000 }]);
    await attacker.engine.index.add(
      one.bus.nameOf("nodes", "nodes"),
      "forged",
      Date.now() + 60_000,
    );
    expect(await one.bus.isAlive("forged")).toBe(false);
    await one.bus.gather(["who"], 60_000);
    expect(one.bus.nodes().map(({ id }) => id)).not.toContain("forged");
  });

  it("reads nothing that was sent, and no name of what it is about", async () => {
    const { attacker, nodes } = await attacked();
    const [one, two] = nodes;
    await talk(one, two);
    const key = one.bus.nameOf("session", "session-id-in-the-clear");
    await attacker.cluster.createEngine().put(key, "x", 0, 1_000);
    const all = attacker.texts.join("\n");
    const said = [
      ...["argument-of-a-call", "secret-token", "session-id-in-the-clear", "subject-of-somebody"],
      ...["me-myself", "moved", "who", "isDraining", "speaks", "hello", "welcome", "beat"],
    ];
    expect(said.filter((text) => all.includes(text))).toEqual([]);
  });
});

it("CLUSTER-12: where nothing is sealed, what cannot be read harms nobody", async () => {
  const cluster = memoryCluster();
  const one = await startBus(cluster);
  const two = await startBus(cluster);
  const effects = effectsAt(two);
  const engine = cluster.createEngine();
  const packet = fc.oneof(
    fc.jsonValue(),
    fc.tuple(fc.constantFrom("hello", "welcome", "d", "unknown", "beat"), fc.jsonValue()),
    fc.tuple(fc.constant("d"), fc.string(), fc.integer(), fc.integer(), fc.jsonValue()),
  );
  for (const content of fc.sample(
    fc.oneof(
      fc.json(),
      fc.array(packet).map((all) => JSON.stringify(["x", ...all])),
    ),
    2_000,
  )) {
    await engine.send(two.bus.node, `n1.-.-.${content}`);
    await engine.broadcast(`a1.-.-.${content}`);
  }
  await arrive();
  expect(effects).toEqual([]);
  await talk(one, two);
  expect(effects).toHaveLength(4);
});
