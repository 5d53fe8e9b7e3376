import type { Exchange } from "../../src/cluster/cluster-bus.js";
import { pendingWork } from "../../src/shared/pending-work.js";
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
  // Of those that were lost, the log counts the one that may have been heard.
  expect(one.lines.filter((line) => line.includes("is lost"))).toEqual([
    `The link to node ${two.bus.node} of the cluster is lost, with 1 requests or streams on it`,
  ]);
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

it("CLUSTER-17: a node that goes waits for what others answer it, and for what it asks of them meanwhile", async () => {
  const { one, theirs, talk } = await startTwo();
  const asked = pendingWork();
  const ask = () => {
    const heard = talk();
    const ended = heard.until((one) => one.ended);
    asked.add(ended);
    return ended;
  };
  const answer = async (number: number) => {
    await until(() => theirs.length > number);
    theirs[number]!.exchange.send(["the answer"]);
    theirs[number]!.exchange.end();
  };
  const first = ask();
  const stopped = one.bus.stop(60_000, asked);
  await until(() => theirs.length === 1);
  // While the acknowledgement of what it has heard is awaited, somebody asks once more.
  one.faults.fateOf = () => "hold";
  await answer(0);
  await first;
  const second = ask();
  one.faults.fateOf = () => "pass";
  one.faults.release();
  await answer(1);
  await stopped;
  for (const heard of [await first, await second]) {
    expect([heard.frames, heard.lost]).toEqual([[["the answer"]], undefined]);
  }
  expect(one.lines.join("\n")).not.toContain("is lost");
});
