import type { Exchange } from "../../src/cluster/cluster-bus.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { Heard, sealedCluster, startBus } from "../kit/cluster/buses.js";
import type { TestBus } from "../kit/cluster/buses.js";
import { signal, until } from "../kit/waiting.js";

cleanUpAfterEach();

/** Two nodes; the second answers `["talk"]` with `["hello"]`. */
async function startTwo(leaseMs?: number) {
  const cluster = sealedCluster(leaseMs);
  const [one, two] = [await startBus(cluster), await startBus(cluster)];
  const theirs: Heard[] = [];
  two.bus.onExchange("talk", (_opening, exchange: Exchange) => {
    theirs.push(new Heard(exchange));
    exchange.send(["hello"]);
  });
  const talk = () => new Heard(one.bus.open(two.bus.node, ["talk"]));
  return { one, two, theirs, talk };
}

/** One that both sides have: the link is there. */
async function talkAtLeastOnce(talk: () => Heard): Promise<Heard> {
  return await talk().until(
    ({ frames, exchange }) => frames.length === 1 && exchange.unheard === 0,
  );
}

/** Makes a node's lease run out, and has the other one look. */
async function findGone(node: TestBus, other: TestBus): Promise<void> {
  await node.kill();
  const lost = signal<string>();
  other.bus.on("node-lost", lost.resolve);
  expect(await other.bus.isAlive(node.bus.node)).toBe(true);
  await until(async () => !(await other.bus.isAlive(node.bus.node)));
  expect(await lost.promise).toBe(node.bus.node);
}

describe("CLUSTER-11: whether what is lost may have been heard", () => {
  it("not, where there is no such node", async () => {
    const { bus } = await startBus();
    const heard = new Heard(bus.open("nobody", ["talk"]));
    expect(await heard.whenLost()).toEqual({ mayBeHeard: false });
  });

  it("not, where the first that it is sent finds nobody; but what was sent before may have been", async () => {
    const { two, talk } = await startTwo();
    const before = await talkAtLeastOnce(talk);
    await two.kill();
    const after = talk();
    expect(await after.whenLost()).toEqual({ mayBeHeard: false });
    expect(await before.whenLost()).toEqual({ mayBeHeard: true });
  });

  it("it may, where it was sent and nobody says that it arrived", async () => {
    const { one, two, talk } = await startTwo();
    await talkAtLeastOnce(talk);
    let isSent = false;
    one.faults.fateOf = () => {
      isSent = true;
      return "drop";
    };
    const heard = talk();
    await until(() => isSent);
    await two.kill();
    one.faults.fateOf = () => "pass";
    expect(await heard.whenLost()).toEqual({ mayBeHeard: true });
  });

  it("not, where the other node goes and says how far it has heard", async () => {
    const { one, two, theirs, talk } = await startTwo();
    const before = await talkAtLeastOnce(talk);
    one.faults.fateOf = () => "drop";
    const after = talk();
    await until(() => after.exchange.unheard === 1);
    await two.bus.stop(0);
    expect(await before.whenLost()).toEqual({ mayBeHeard: true });
    expect(await after.whenLost()).toEqual({ mayBeHeard: false });
    expect(theirs).toHaveLength(1);
  });

  it("it may, where the engine has rejected it: it can have done it all the same", async () => {
    const { one, two, theirs, talk } = await startTwo();
    await talkAtLeastOnce(talk);
    one.faults.losesAnswers = true;
    const heard = talk();
    await until(() => theirs.length === 2);
    two.faults.isAway = true;
    one.faults.losesAnswers = false;
    await two.kill();
    expect(await heard.whenLost()).toEqual({ mayBeHeard: true });
  });

  it("not, while it waits for its node to be met, or for room", async () => {
    const { one, two, talk } = await startTwo();
    let isGreeted = false;
    two.faults.fateOf = () => {
      isGreeted = true;
      return "drop";
    };
    const unmet = talk();
    await until(() => isGreeted);
    await two.bus.stop(0);
    expect(await unmet.whenLost()).toEqual({ mayBeHeard: false });
    expect(one.bus.nodes()).toHaveLength(1);
  });

  it("not, while it waits behind what the node does not take", async () => {
    const { two, talk } = await startTwo();
    const first = await talkAtLeastOnce(talk);
    two.faults.isDeaf = true;
    for (let n = 0; n < 30; n++) first.exchange.send(["much", "x".repeat(100_000)]);
    const waiting = talk();
    await until(() => first.exchange.unheard === 30);
    await two.kill();
    // It is found when what was sent is repeated.
    expect(await waiting.whenLost()).toEqual({ mayBeHeard: false });
    expect(await first.whenLost()).toEqual({ mayBeHeard: true });
  });

  it("not, where nobody answers such a thing; it may, where the other side aborts it", async () => {
    const { one, two } = await startTwo();
    const strange = new Heard(one.bus.open(two.bus.node, ["strange"]));
    expect(await strange.whenLost()).toEqual({ mayBeHeard: false });
    two.bus.onExchange("short", (_opening, exchange) => exchange.abort());
    const short = new Heard(one.bus.open(two.bus.node, ["short"]));
    expect(await short.whenLost()).toEqual({ mayBeHeard: true });
  });

  it("both sides hear of it, once each, when a lease is over", async () => {
    const { one, two, theirs, talk } = await startTwo(1_000);
    const here = await talkAtLeastOnce(talk);
    const [there] = theirs;
    await findGone(two, one);
    expect(await here.whenLost()).toEqual({ mayBeHeard: true });
    expect(one.lines.join("\n")).toContain(
      `The link to node ${two.bus.node} of the cluster is lost, with 1 requests or streams on it`,
    );
    two.clock.aheadMs += 1_000;
    await there!.whenLost();
  });
});

it("CLUSTER-11: a subscription that is made again loses nothing that was heard, and brings back nothing that was given up", async () => {
  const { two, theirs, talk } = await startTwo();
  const before = await talkAtLeastOnce(talk);
  const mend = await two.cutSubscription();
  before.exchange.send(["while it is away"]);
  const meanwhile = talk();
  meanwhile.exchange.send(["more of it"]);
  expect(await meanwhile.whenLost()).toEqual({ mayBeHeard: false });
  await mend();
  const after = await talkAtLeastOnce(talk);
  expect([before.lost, after.lost]).toEqual([undefined, undefined]);
  expect(theirs.map(({ frames }) => frames)).toEqual([[["while it is away"]], []]);
});

it.each(["says so", "is asked"])(
  "CLUSTER-11: a node that was out of touch, unnoticed, %s: nobody waits for it for ever",
  async (how) => {
    const { one, two, theirs, talk } = await startTwo(1_000);
    const here = await talkAtLeastOnce(talk);
    await until(() => theirs[0]!.exchange.unheard === 0);
    let isSaid = false;
    two.faults.fateOf = () => {
      const fate = how === "is asked" && !isSaid && theirs[0]!.lost ? "drop" : "pass";
      isSaid ||= theirs[0]!.lost !== undefined;
      return fate;
    };
    two.clock.aheadMs += 1_000;
    await theirs[0]!.whenLost();
    expect(await here.whenLost()).toEqual({ mayBeHeard: true });
    expect(one.bus.nodes()).toHaveLength(2);
  },
);

it("CLUSTER-10: when too much waits to be heard, whoever hears the least is given up", async () => {
  const cluster = sealedCluster();
  const [one, deaf, fine] = [
    await startBus(cluster),
    await startBus(cluster),
    await startBus(cluster),
  ];
  const lost = signal<Heard>();
  for (const { bus } of [deaf, fine])
    bus.onExchange("much", (_opening, exchange) => new Heard(exchange));
  const toDeaf = new Heard(one.bus.open(deaf.bus.node, ["much"]));
  const toFine = new Heard(one.bus.open(fine.bus.node, ["much"]));
  await until(() => toDeaf.exchange.unheard + toFine.exchange.unheard === 0);
  deaf.faults.isDeaf = true;
  void toDeaf.whenLost().then(() => lost.resolve(toDeaf));
  for (let n = 0; n < 65; n++) toDeaf.exchange.send(["x", "x".repeat(1024 * 1024)]);
  toFine.exchange.send(["x", "x"]);
  expect((await lost.promise).lost).toEqual({ mayBeHeard: true });
  await until(() => toFine.exchange.unheard === 0);
  expect(toFine.lost).toBeUndefined();
});
