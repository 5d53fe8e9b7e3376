import { SealedBus } from "../../src/cluster/bus.js";
import type { ClusterEngine } from "../../src/cluster/engine.js";
import { SealBox } from "../../src/cluster/seal-box.js";
import { toLogger } from "../../src/shared/logger.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { freezeTimers, turnClock } from "../kit/clock.js";
import { Heard, makeBus, SECRET, sealedCluster, startBus } from "../kit/cluster/buses.js";
import type { TestBus } from "../kit/cluster/buses.js";
import { signal, turn, until } from "../kit/waiting.js";

cleanUpAfterEach();

/** What a node was told, in order. */
function eventsOf({ bus }: TestBus): string[] {
  const events: string[] = [];
  for (const event of ["up", "down", "lapsed", "emptied", "node-lost"] as const) {
    bus.on(event, () => void events.push(event));
  }
  return events;
}

const idsOf = ({ bus }: TestBus) => bus.nodes().map(({ id }) => id);

describe("CLUSTER-13: a node counts as reached only while it hears itself", () => {
  it("one that has gone deaf is found within two beats, and joins anew", async () => {
    const node = await startBus(sealedCluster(1_000));
    const events = eventsOf(node);
    let beats = 0;
    node.faults.fateOf = () => {
      beats++;
      return "pass";
    };
    node.faults.isDeaf = true;
    await until(() => node.bus.state === "down");
    expect(beats).toBeLessThanOrEqual(2);
    expect(node.bus.isDirectoryComplete).toBe(false);
    node.faults.isDeaf = false;
    expect(await node.bus.whenUp(60_000)).toBe(true);
    expect(events.filter((event) => event !== "lapsed")).toEqual(["down", "up"]);
    expect(node.lines.join("\n")).toContain("it does not deliver to this node");
  });

  it("one that was stopped for longer than its lease knows at once, and acts on nothing that was sent to it", async () => {
    const cluster = sealedCluster();
    const [one, two] = [await startBus(cluster), await startBus(cluster)];
    const asked: unknown[] = [];
    let theirs!: Heard;
    one.bus.onExchange("do", ([, what], exchange) => {
      asked.push(what);
      theirs = new Heard(exchange);
    });
    const before = new Heard(two.bus.open(one.bus.node, ["do", "before"]));
    await until(() => before.exchange.unheard === 0);
    one.clock.aheadMs += 14_000;
    expect(one.bus.holdsLease).toBe(true);
    one.clock.aheadMs += 1_000;
    expect(one.bus.holdsLease).toBe(false);
    before.exchange.send(["more"]);
    // It is told that the link is lost, and asks again.
    expect(await before.whenLost()).toEqual({ mayBeHeard: true });
    expect([asked, theirs.frames]).toEqual([["before"], []]);
  });

  it("it says so when it is in touch again, and goes on", async () => {
    const cluster = sealedCluster(1_000);
    const [one, two] = [await startBus(cluster), await startBus(cluster)];
    const events = eventsOf(one);
    let holdsLease: boolean | undefined;
    one.bus.on("lapsed", () => (holdsLease = one.bus.holdsLease));
    one.bus.onExchange("do", (_opening, exchange) => exchange.end());
    one.clock.aheadMs += 1_000;
    await until(() => events.includes("lapsed"));
    expect(holdsLease).toBe(true);
    const after = new Heard(two.bus.open(one.bus.node, ["do"]));
    await after.until(({ ended }) => ended);
  });

  it("the date, when it jumps, ends a lease as well: a machine that sleeps stops the other clock", async () => {
    const node = await startBus();
    const { clock } = node;
    clock.date = () => Date.now() + 15_000;
    expect(node.bus.holdsLease).toBe(false);
    clock.date = () => Date.now() - 15_000;
    expect(node.bus.holdsLease).toBe(true);
  });

  it("a node without a lease is nobody's, and nobody can tell while the engine is away", async () => {
    const cluster = sealedCluster();
    const [one, two] = [await startBus(cluster), await startBus(cluster)];
    for (const { clock } of [one, two]) clock.aheadMs += 3_000;
    expect(await one.bus.isAlive(one.bus.node)).toBe(true);
    expect(await one.bus.isAlive("nobody")).toBe(false);
    one.faults.isAway = true;
    const { node } = two.bus;
    await expect(one.bus.isAlive(node)).rejects.toMatchObject({
      code: "temporarily_unavailable",
      headers: { "Retry-After": "1" },
    });
    await expect(makeBus().bus.isAlive(node)).rejects.toMatchObject({ status: 503 });
  });
});

describe("CLUSTER-18: an engine that is away", () => {
  it("is joined as soon as it can be, and said to be away once", async () => {
    const node = makeBus();
    const events = eventsOf(node);
    node.faults.isAway = true;
    node.bus.start();
    expect(await node.bus.whenUp(600)).toBe(false);
    expect(() => node.bus.nameOf("session", "s")).toThrow(expect.objectContaining({ status: 503 }));
    expect([node.bus.state, events]).toEqual(["joining", []]);
    node.faults.isAway = false;
    expect(await node.bus.whenUp(60_000)).toBe(true);
    expect(events).toEqual(["up"]);
    expect(node.lines).toEqual([
      "The cluster cannot be reached: the engine is away",
      "Joined the cluster",
    ]);
  });

  it("is found to be away by what is sent, and what was sent meanwhile arrives when it is back", async () => {
    const cluster = sealedCluster();
    const [one, two] = [await startBus(cluster), await startBus(cluster)];
    const asked: unknown[] = [];
    two.bus.onExchange("do", ([, what]) => void asked.push(what));
    const events = eventsOf(one);
    const { node } = two.bus;
    const first = one.bus.open(node, ["do", 1]);
    await until(() => first.unheard === 0);
    one.faults.isAway = true;
    one.bus.open(node, ["do", 2]);
    await until(() => one.bus.state === "down");
    const third = one.bus.open(node, ["do", 3]);
    one.faults.isAway = false;
    await until(() => third.unheard === 0);
    expect(asked).toEqual([1, 2, 3]);
    expect([one.bus.state, events]).toEqual(["up", ["down", "up"]]);
  });

  it.each(["throws", "never answers", "rejects"])("harms nobody, also where it %s", async (how) => {
    freezeTimers();
    const { cluster, isWrong } = wrongEngine(how);
    const logger = toLogger("logger", false);
    const bus = new SealedBus({ engine: cluster, config: sealedCluster(), logger });
    onDispose(() => bus.stop(0));
    isWrong.now = true;
    bus.start();
    bus.open("node", ["do"]).send(["x"]);
    bus.drain();
    expect(await turnClock(1_000, bus.whenUp(20_000))).toBe(false);
    expect(await turnClock(1_000, bus.gather(["who"], 5_000))).toEqual({
      answers: new Map(),
      unreached: [],
    });
    isWrong.now = false;
    expect(await turnClock(1_000, bus.whenUp(60_000))).toBe(true);
    isWrong.now = true;
    expect(await turnClock(1_000, bus.confirmDirectory())).toBe(false);
    await turnClock(1_000, bus.stop(5_000));
  });
});

/** An engine that does not do what its contract says. */
function wrongEngine(how: string): { cluster: ClusterEngine; isWrong: { now: boolean } } {
  const isWrong = { now: false };
  const wrong = () => {
    if (how === "throws") throw new Error("no promise");
    if (how === "never answers") return new Promise(() => undefined);
    return Promise.reject(new Error("no"));
  };
  const twist = <T extends object>(target: T): T =>
    new Proxy(target, {
      get: (_target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member === "object" && member !== null) return twist(member);
        if (typeof member !== "function") return member;
        return (...args: unknown[]): unknown =>
          isWrong.now ? wrong() : Reflect.apply(member, target, args);
      },
    });
  return { cluster: twist(sealedCluster().createEngine()), isWrong };
}

describe("CLUSTER-15: a directory that was emptied", () => {
  it("is known to be: what it does not have may exist, for a lease", async () => {
    const cluster = sealedCluster();
    const [one, two] = [await startBus(cluster), await startBus(cluster)];
    for (const { clock } of [one, two]) clock.aheadMs += 3_000;
    expect(one.bus.isDirectoryComplete).toBe(true);
    expect(await one.bus.confirmDirectory()).toBe(true);
    const name = one.bus.nameOf("session", "s");
    const events = [eventsOf(one), eventsOf(two)];
    one.faults.empty();
    // Nobody has looked yet, but whoever finds nothing does.
    await expect(one.bus.isAlive(two.bus.node)).rejects.toMatchObject({ status: 503 });
    expect(await one.bus.confirmDirectory()).toBe(false);
    await until(() => events.every((heard) => heard.includes("emptied")));
    expect([one.bus.isDirectoryComplete, two.bus.isDirectoryComplete]).toEqual([false, false]);
    expect([one.bus.nameOf("session", "s"), two.bus.nameOf("session", "s")]).toEqual([name, name]);
    const late = await startBus(cluster);
    late.clock.aheadMs += 14_000;
    expect(late.bus.isDirectoryComplete).toBe(false);
    for (const { clock } of [one, two, late]) clock.aheadMs += 15_000;
    for (const { bus } of [one, two, late]) await until(() => bus.isDirectoryComplete);
    expect(events).toEqual([["emptied"], ["emptied"]]);
    expect(idsOf(late)).toHaveLength(3);
  });

  it("of a new cluster has nothing, once nodes that may have lost the engine as well had time to come back", async () => {
    const first = await startBus();
    expect(first.bus.isDirectoryComplete).toBe(false);
    first.clock.aheadMs += 2_900;
    expect(first.bus.isDirectoryComplete).toBe(false);
    first.clock.aheadMs += 100;
    expect(first.bus.isDirectoryComplete).toBe(true);
  });

  it("that is this process's own cannot have been", async () => {
    const config = sealedCluster();
    const logger = toLogger("logger", false);
    const bus = new SealedBus({ engine: config.createEngine(), config, logger });
    onDispose(() => bus.stop(0));
    bus.start();
    await bus.whenUp(60_000);
    expect(bus.isDirectoryComplete).toBe(true);
  });

  it("by a node that came first afterwards makes the others write again, under its names", async () => {
    const cluster = sealedCluster();
    const old = await startBus(cluster);
    const events = eventsOf(old);
    old.faults.empty();
    const fresh = await startBus(cluster);
    await until(() => events.includes("emptied"));
    expect(old.bus.nameOf("session", "s")).toBe(fresh.bus.nameOf("session", "s"));
    await until(() => idsOf(fresh).length === 2);
    fresh.clock.aheadMs += 3_000;
    expect(fresh.bus.isDirectoryComplete).toBe(false);
  });
});

describe("CLUSTER-16: nodes that differ", () => {
  it("a secret is rolled out node by node: each step sees the one before, and names stay", async () => {
    const other = `${SECRET} (2)`;
    const cluster = sealedCluster();
    const steps = [[SECRET], [SECRET, other], [other, SECRET], [other]];
    let last: TestBus | undefined;
    const names = new Set<string>();
    for (const secret of steps) {
      const next = await startBus({ ...cluster, secret });
      names.add(next.bus.nameOf("session", "s"));
      if (last !== undefined) {
        next.bus.onQuestion("who", () => "next");
        const { answers } = await last.bus.gather(["who"], 60_000);
        expect(answers.get(next.bus.node)).toBe("next");
        await last.bus.stop(60_000);
      }
      last = next;
    }
    expect(names.size).toBe(1);
  });

  it("one with another secret stays outside, and says why", async () => {
    const cluster = sealedCluster();
    const one = await startBus(cluster);
    for (const secret of [["another secret that is long enough too"], false] as const) {
      const stranger = makeBus({ ...cluster, secret });
      stranger.bus.start();
      await until(() => stranger.lines.length > 0);
      expect(stranger.lines).toEqual([
        "The cluster cannot be reached: The cluster's marker does not open: is its secret another?",
      ]);
    }
    expect(idsOf(one)).toEqual([one.bus.node]);
  });

  it("one of another protocol is unreachable, not guessed at", async () => {
    const cluster = sealedCluster();
    const one = await startBus(cluster);
    const engine = cluster.createEngine();
    const heard: string[] = [];
    await engine.join("next", (message) => void heard.push(message));
    const key = one.bus.nameOf("node", "next");
    const record = new SealBox([SECRET], cluster.prefix).seal('{"speaks":[2]}', `key ${key}`);
    await engine.write([{ key, value: record, ttlMs: 60_000 }]);
    await engine.index.add(one.bus.nameOf("nodes", "nodes"), "next", Date.now() + 60_000);
    const { unreached } = await one.bus.gather(["who"], 60_000);
    expect(unreached).toEqual(["next"]);
    const loss = await new Heard(one.bus.open("next", ["do"])).whenLost();
    expect(loss).toEqual({ mayBeHeard: false });
    await engine.send(one.bus.node, "n2.key.salt.body");
    await engine.send(one.bus.node, "n2.key.salt.body");
    await turn();
    await turn();
    expect(one.lines.filter((line) => line.includes("does not open"))).toHaveLength(1);
  });
});

describe("CLUSTER-17: a node that goes", () => {
  it("says that it takes no more sessions, and then that it is gone, after what it has sent", async () => {
    const cluster = sealedCluster();
    const [one, two] = [await startBus(cluster), await startBus(cluster)];
    await until(() => idsOf(two).length === 2 && idsOf(one).length === 2);
    one.bus.drain();
    await until(() =>
      two.bus.nodes().some(({ id, isDraining }) => isDraining && id === one.bus.node),
    );
    expect(one.bus.state).toBe("draining");
    const late = await startBus(cluster);
    expect(late.bus.nodes().find(({ id }) => id === one.bus.node)?.isDraining).toBe(true);
    const last = signal<Heard>();
    two.bus.onExchange("last", (_opening, exchange) => last.resolve(new Heard(exchange)));
    const exchange = one.bus.open(two.bus.node, ["last"]);
    for (let n = 0; n < 100; n++) exchange.send(["n", n]);
    await one.bus.stop(60_000);
    const heard = await last.promise;
    expect(heard.frames).toHaveLength(100);
    expect(await heard.whenLost()).toEqual({ mayBeHeard: true });
    await until(() => !idsOf(two).includes(one.bus.node));
    expect(one.bus.state).toBe("closed");
    const after = new Heard(one.bus.open(two.bus.node, ["last"]));
    expect(await after.whenLost()).toEqual({ mayBeHeard: false });
  });

  it("leaves nothing behind: no timer, no key, and no place in the engine", async () => {
    freezeTimers();
    const cluster = sealedCluster();
    const [one, two] = [makeBus(cluster), makeBus(cluster)];
    for (const { bus } of [one, two]) bus.start();
    for (const { bus } of [one, two]) await turnClock(10, bus.whenUp(60_000));
    two.bus.onExchange("do", (_opening, exchange) => exchange.send(["done"]));
    const heard = new Heard(one.bus.open(two.bus.node, ["do"]));
    await turnClock(
      10,
      heard.until(({ frames }) => frames.length > 0),
    );
    one.bus.open("nobody", ["do"]);
    const key = one.bus.nameOf("node", one.bus.node);
    await turnClock(10, one.bus.stop(1_000));
    await turnClock(10, two.bus.stop(1_000));
    expect(jest.getTimerCount()).toBe(0);
    const engine = cluster.createEngine();
    expect(await engine.read([key])).toEqual([undefined]);
    expect(await engine.send(one.bus.node, "x")).toBe("nobody");
  });
});
