import type { Exchange } from "../../src/cluster/cluster-bus.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { Heard, sealedCluster, startBus } from "../kit/cluster/buses.js";
import { until } from "../kit/waiting.js";

cleanUpAfterEach();

/** Two nodes; the second has the exchanges that the first begins. */
async function startTwo() {
  const cluster = sealedCluster();
  const [one, two] = [await startBus(cluster), await startBus(cluster)];
  const theirs: Heard[] = [];
  two.bus.onExchange("talk", (_opening, exchange: Exchange) => theirs.push(new Heard(exchange)));
  const talk = () => new Heard(one.bus.open(two.bus.node, ["talk"]));
  return { one, two, theirs, talk };
}

it("CLUSTER-17: a node that goes answers first what others have asked of it, and what is asked meanwhile", async () => {
  const { two, theirs, talk } = await startTwo();
  const first = talk();
  await until(() => theirs.length === 1);
  let hasStopped = false;
  const stopped = two.bus.stop(60_000).then(() => (hasStopped = true));
  const second = talk();
  await until(() => theirs.length === 2);
  theirs[0]!.exchange.send(["the answer"]);
  theirs[0]!.exchange.end();
  await first.until(({ ended }) => ended);
  expect([first.frames, hasStopped]).toEqual([[["the answer"]], false]);
  theirs[1]!.exchange.send(["another"]);
  theirs[1]!.exchange.end();
  await stopped;
  expect([second.frames, second.ended, second.lost]).toEqual([[["another"]], true, undefined]);
});

it("CLUSTER-17: an exchange that its other side gives up keeps no node from going", async () => {
  const { two, theirs, talk } = await startTwo();
  const heard = talk();
  await until(() => theirs.length === 1);
  const stopped = two.bus.stop(60_000);
  heard.exchange.abort();
  await stopped;
  expect(theirs[0]!.lost).toEqual({ mayBeHeard: true });
});

it("CLUSTER-17: what a node did not take before it went is known not to have been heard", async () => {
  const { one, two, theirs, talk } = await startTwo();
  const before = talk();
  await until(() => theirs.length === 1 && before.exchange.unheard === 0);
  one.faults.fateOf = () => "hold";
  const held = talk();
  await until(() => one.faults.held > 0);
  await two.bus.stop(0);
  expect(await held.whenLost()).toEqual({ mayBeHeard: false });
  expect(await before.whenLost()).toEqual({ mayBeHeard: true });
  one.faults.release();
  expect(theirs).toHaveLength(1);
});

it("CLUSTER-17: so is what was sent to a node that had answered a greeting, and nothing else", async () => {
  const { one, two, theirs, talk } = await startTwo();
  let sent = 0;
  one.faults.fateOf = () => (sent++ === 0 ? "pass" : "hold");
  const held = talk();
  await until(() => one.faults.held > 0);
  await two.bus.stop(0);
  expect(await held.whenLost()).toEqual({ mayBeHeard: false });
  expect(theirs).toHaveLength(0);
});
