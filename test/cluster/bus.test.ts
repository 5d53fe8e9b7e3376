import type { Exchange, Frame } from "../../src/cluster/cluster-bus.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { Heard, sealedCluster, startBus } from "../kit/cluster/buses.js";
import { signal } from "../kit/waiting.js";

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
