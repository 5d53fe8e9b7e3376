import fc from "fast-check";
import { SealedBus } from "../../src/cluster/bus.js";
import type { Exchange, Frame } from "../../src/cluster/cluster-bus.js";
import { toLogger } from "../../src/shared/logger.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { freezeTimers, turnClock } from "../kit/clock.js";
import { Heard, makeBus, sealedCluster, startBus } from "../kit/cluster/buses.js";
import { signal, turn } from "../kit/waiting.js";

cleanUpAfterEach();

async function startTwo() {
  const cluster = sealedCluster();
  const one = await startBus(cluster);
  const two = await startBus(cluster);
  return { one: one.bus, two: two.bus };
}

it("CLUSTER-10: frames of an exchange arrive in order, both ways, until one side ends it", async () => {
  const { one, two } = await startTwo();
  const begun = signal<{ opening: Frame; there: Heard }>();
  two.onExchange("count", (opening, exchange: Exchange) => {
    begun.resolve({ opening, there: new Heard(exchange) });
  });
  const exchange = one.open(two.node, ["count", { to: 3 }]);
  const here = new Heard(exchange);
  for (let n = 1; n <= 3; n++) exchange.send(["n", n]);
  const { opening, there } = await begun.promise;
  expect(opening).toEqual(["count", { to: 3 }]);
  await there.until(({ frames }) => frames.length === 3);
  expect(there.frames).toEqual([
    ["n", 1],
    ["n", 2],
    ["n", 3],
  ]);
  there.exchange.send(["sum", 6]);
  there.exchange.end();
  await here.until(({ ended }) => ended);
  expect(here.frames).toEqual([["sum", 6]]);
  expect([here.lost, there.lost, there.ended]).toEqual([undefined, undefined, false]);
});

it("CLUSTER-10: and over an engine that loses, doubles, holds and turns around what it is given", async () => {
  const fate = fc.oneof(
    { weight: 6, arbitrary: fc.constant("pass" as const) },
    fc.constantFrom("drop" as const, "double" as const, "hold" as const),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fate, { minLength: 50, maxLength: 50 }), async (fates) => {
      freezeTimers();
      const cluster = sealedCluster();
      const nodes = [makeBus(cluster), makeBus(cluster)] as const;
      for (const { bus, clock } of nodes) {
        clock.steady = clock.date;
        bus.start();
        await turnClock(10, bus.whenUp(60_000));
      }
      const [one, two] = nodes;
      two.bus.onExchange("echo", (_opening, exchange) => {
        exchange.onFrame = (frame) => exchange.send(frame);
      });
      let turns = 0;
      for (const { faults } of nodes) {
        faults.fateOf = () => {
          if (++turns % 5 === 0) faults.release("reversed");
          return fates[turns % fates.length]!;
        };
      }
      const all = [1, 2, 3].map(() => new Heard(one.bus.open(two.bus.node, ["echo"])));
      for (let n = 0; n < 20; n++) {
        for (const { exchange } of all) exchange.send(["n", n]);
        await turn();
      }
      for (const heard of all) {
        const whole = heard.until(({ frames, lost }) => frames.length === 20 || lost !== undefined);
        await turnClock(20, whole);
        expect(heard.frames).toEqual(Array.from({ length: 20 }, (_, n) => ["n", n]));
      }
      for (const { bus } of nodes) await turnClock(50, bus.stop(0));
    }),
    { numRuns: 15 },
  );
});

it("CLUSTER-14: a node that does nothing costs the engine six commands a beat, three times in a lease", async () => {
  freezeTimers();
  const config = sealedCluster();
  const engine = config.createEngine();
  const commands: string[] = [];
  const watched = watch(engine, (name) => void commands.push(name));
  const logger = toLogger("logger", false);
  const bus = new SealedBus({ engine: watched, config, logger });
  onDispose(() => bus.stop(0));
  bus.start();
  await turnClock(10, bus.whenUp(60_000));
  commands.length = 0;
  const rest = new Promise<void>((resolve) => setTimeout(resolve, 30_000));
  await turnClock(100, rest);
  expect(commands.length).toBeLessThanOrEqual(6 * 6);
  expect([...new Set(commands)].sort()).toEqual(["add", "get", "list", "read", "send", "write"]);
});

/** An engine, each of whose members tells when it is asked for something. */
function watch<T extends object>(target: T, note: (name: string) => void): T {
  return new Proxy(target, {
    get: (_target, name) => {
      const member: unknown = Reflect.get(target, name);
      if (typeof member === "object" && member !== null) return watch(member, note);
      if (typeof member !== "function") return member;
      return (...args: unknown[]): unknown => {
        note(String(name));
        return Reflect.apply(member, target, args);
      };
    },
  });
}

it("CLUSTER-14: all others are asked, told, and listed", async () => {
  const cluster = sealedCluster();
  const [one, two, three] = [
    await startBus(cluster),
    await startBus(cluster),
    await startBus(cluster),
  ];
  const told = signal<[Frame, string]>();
  two.bus.onTold("moved", (frame, teller) => told.resolve([frame, teller]));
  two.bus.onQuestion("count", async ([, add]) => Number(add) + 1);
  three.bus.onQuestion("count", () => Promise.reject(new Error("no")));
  const { answers, unreached } = await one.bus.gather(["count", 41], 60_000);
  expect([...answers]).toEqual([[two.bus.node, 42]]);
  expect(unreached).toEqual([three.bus.node]);
  one.bus.tell(["moved", "s"]);
  expect(await told.promise).toEqual([["moved", "s"], one.bus.node]);
  expect(
    one.bus
      .nodes()
      .map(({ id }) => id)
      .sort(),
  ).toEqual([one, two, three].map(({ bus }) => bus.node).sort());
  expect(await three.bus.isAlive(one.bus.node)).toBe(true);
  const lost = signal<string>();
  three.bus.on("node-lost", lost.resolve);
  await one.bus.stop(60_000);
  expect(await lost.promise).toBe(one.bus.node);
  expect(await three.bus.isAlive(one.bus.node)).toBe(false);
  expect(one.bus.state).toBe("closed");
});

it("a kind of exchange that nobody answers is lost, and was not heard", async () => {
  const { one, two } = await startTwo();
  const heard = new Heard(one.open(two.node, ["strange"]));
  expect(await heard.whenLost()).toEqual({ mayBeHeard: false });
});
