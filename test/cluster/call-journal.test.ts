import { CallJournal } from "../../src/cluster/call-journal.js";
import type { ClusterState } from "../../src/cluster/cluster-bus.js";
import { memoryCluster } from "../../src/cluster/memory.js";
import { SealBox } from "../../src/cluster/seal-box.js";
import { SECRET } from "../kit/cluster/buses.js";
import { withFaults } from "../kit/cluster/faulty-engine.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { freezeTimers } from "../kit/clock.js";
import { isSettled, signal, turn, until } from "../kit/waiting.js";

cleanUpAfterEach();

function journals(isExact = true) {
  const { cluster, faults } = withFaults(memoryCluster({ secret: SECRET }));
  const box = new SealBox([SECRET], "test");
  const state: ClusterState = "up";
  let writings = 0;
  const of = (node: string): CallJournal => {
    const engine = cluster.createEngine();
    const write = engine.write.bind(engine);
    engine.write = (writes) => {
      writings++;
      return write(writes);
    };
    return new CallJournal({ engine, box, bus: { node, state }, isExact, ttlMs: 60_000 });
  };
  return { here: of("here"), there: of("there"), faults, writings: () => writings };
}

it("CLUSTER-37: a call that is open is found by another node once whoever noted it was told so", async () => {
  const { here, there } = journals();
  const alice = { key: "s:alice", page: here.assign() };
  const bob = { key: "s:bob", page: here.assign() };
  await Promise.all([
    here.note(alice, 1, undefined),
    here.note(alice, "1", 7),
    here.note(bob, 2, undefined),
  ]);
  expect(await there.read("here", alice.page, alice.key)).toEqual([
    { id: 1, place: undefined },
    { id: "1", place: 7 },
  ]);
  expect(await there.read("here", bob.page, bob.key)).toEqual([{ id: 2, place: undefined }]);
  expect(await there.read("there", alice.page, alice.key)).toEqual([]);
  here.done(alice, 1);
  await until(async () => (await there.read("here", alice.page, alice.key)).length === 1);
  here.release(alice.page, alice.key);
  here.release(bob.page, bob.key);
  await until(async () => (await there.read("here", bob.page, bob.key)).length === 0);
  expect(here.names).toEqual([]);
});

it("CLUSTER-37: nobody waits for what need not be exact, and it is written all the same", async () => {
  const { here, there } = journals(false);
  const alice = { key: "s:alice", page: here.assign() };
  expect(here.note(alice, 1, undefined)).toBeUndefined();
  await until(async () => (await there.read("here", alice.page, alice.key)).length === 1);
});

it("CLUSTER-37: a call goes on when it cannot be written, and is written when the engine is back", async () => {
  const { here, there, faults } = journals();
  const alice = { key: "s:alice", page: here.assign() };
  faults.isAway = true;
  await here.note(alice, 1, undefined);
  faults.isAway = false;
  await until(async () => (await there.read("here", alice.page, alice.key)).length === 1);
});

it("CLUSTER-37: what comes while a writing is under way is written, too, before its node goes", async () => {
  const { here, there, faults } = journals();
  const alice = { key: "s:alice", page: here.assign() };
  const [begun, held] = [signal(), signal()];
  faults.beforeWrite = () => {
    begun.resolve();
    return held.promise;
  };
  const first = here.note(alice, 1, undefined);
  await begun.promise;
  const second = here.note(alice, 2, undefined);
  const stopped = here.stop();
  expect(await isSettled(stopped)).toBe(false);
  held.resolve();
  await Promise.all([stopped, first, second]);
  expect(await there.read("here", alice.page, alice.key)).toHaveLength(2);
});

it("CLUSTER-37: a node that goes waits for a writing no longer than calls do, and writes nothing when it has gone", async () => {
  const { here, faults, writings } = journals();
  const alice = { key: "s:alice", page: here.assign() };
  freezeTimers();
  const [begun, held] = [signal(), signal()];
  faults.beforeWrite = () => {
    begun.resolve();
    return held.promise;
  };
  const first = here.note(alice, 1, undefined);
  await begun.promise;
  const second = here.note(alice, 2, undefined);
  const stopped = here.stop();
  await turn();
  jest.advanceTimersByTime(1_000);
  await Promise.all([stopped, first, second]);
  faults.isAway = true;
  held.resolve();
  await turn();
  expect(jest.getTimerCount()).toBe(0);
  expect(here.note(alice, 3, undefined)).toBeUndefined();
  expect(jest.getTimerCount()).toBe(0);
  expect(writings()).toBe(1);
});

it("CLUSTER-37: an id that is too long to be kept is not", () => {
  const { here } = journals();
  const alice = { key: "s:alice", page: here.assign() };
  expect(here.note(alice, "x".repeat(257), undefined)).toBeUndefined();
});

it("CLUSTER-37: whatever ids and places calls have, each is found as it was noted", async () => {
  const { here, there } = journals();
  const alice = { key: "s:alice", page: here.assign() };
  const calls: { id: string | number; place: number | undefined }[] = [
    ...[7, 8, 9].map((id) => ({ id, place: undefined })),
    ...[10, 11].map((id) => ({ id, place: id - 8 })),
    { id: 12, place: undefined },
    ...["13", "a", "b"].map((id) => ({ id, place: 4 })),
    { id: 2 ** 53, place: undefined },
    { id: 0.5, place: 9 },
    { id: 1.5, place: 10 },
  ];
  for (const { id, place } of calls) void here.note(alice, id, place);
  const all = async () => (await there.read("here", alice.page, alice.key)).length;
  await until(async () => (await all()) === calls.length);
  expect(await there.read("here", alice.page, alice.key)).toEqual(calls);
  here.done(alice, 8);
  await until(async () => (await all()) < calls.length);
  const left = calls.filter(({ id }) => id !== 8);
  expect(await there.read("here", alice.page, alice.key)).toEqual(left);
});

it("CLUSTER-37: a call that comes alone waits for its writing and for nothing else", async () => {
  const { here } = journals();
  const alice = { key: "s:alice", page: here.assign() };
  jest.useFakeTimers({ doNotFake: ["setImmediate"] });
  try {
    for (let id = 0; id < 20; id++) await here.note(alice, id, undefined);
  } finally {
    jest.useRealTimers();
  }
});

it("CLUSTER-37: many that come at a time are written with all that come meanwhile", async () => {
  const { here, there, writings } = journals();
  const sessions = Array.from({ length: 50 }, (_, at) => ({
    key: `s:${at}`,
    page: here.assign(),
  }));
  const call = async (one: (typeof sessions)[number]): Promise<void> => {
    for (let id = 0; id < 20; id++) await here.note(one, id, undefined);
  };
  await Promise.all(sessions.map(call));
  expect(writings()).toBeLessThan(40);
  const [first] = sessions;
  expect(await there.read("here", first?.page ?? 0, first?.key ?? "")).toHaveLength(20);
});

it("CLUSTER-15: calls are found by the name that their session has since the engine was emptied", async () => {
  const { here, there } = journals();
  const page = here.assign();
  await here.note({ key: "s:old", page }, 1, undefined);
  here.rename(page, "s:old", "s:new");
  here.rewrite();
  await until(async () => (await there.read("here", page, "s:new")).length === 1);
  expect(await there.read("here", page, "s:old")).toEqual([]);
  here.done({ key: "s:new", page }, 1);
  here.release(page, "s:new");
  await until(async () => (await there.read("here", page, "s:new")).length === 0);
  expect(here.names).toEqual([]);
});

it("CLUSTER-37: calls end in any order, and those that are left are found as they were noted", async () => {
  const { here, there } = journals();
  const alice = { key: "s:alice", page: here.assign() };
  const ids = Array.from({ length: 6 }, (_, at) => at + 1);
  for (const id of ids) void here.note(alice, id, id + 10);
  const found = async () => {
    await here.note({ key: "s:bob", page: alice.page }, "now", undefined);
    return await there.read("here", alice.page, alice.key);
  };
  const of = (...left: number[]) => left.map((id) => ({ id, place: id + 10 }));
  expect(await found()).toEqual(of(...ids));
  for (const id of [3, 3, 2.5, 9]) here.done(alice, id);
  expect(await found()).toEqual(of(1, 2, 4, 5, 6));
  here.done(alice, 6);
  here.done(alice, 1);
  expect(await found()).toEqual(of(2, 4, 5));
  void here.note(alice, 6, 16);
  for (const id of [4, 2, 5]) here.done(alice, id);
  expect(await found()).toEqual(of(6));
});

it("CLUSTER-37: of calls with one id, which there must not be, one that is open is found, once", async () => {
  const { here, there } = journals();
  const alice = { key: "s:alice", page: here.assign() };
  for (let times = 0; times < 3; times++) await here.note(alice, 1, undefined);
  here.done(alice, 1);
  await here.note(alice, 2, undefined);
  expect(await there.read("here", alice.page, alice.key)).toEqual(
    [1, 2].map((id) => ({ id, place: undefined })),
  );
});
