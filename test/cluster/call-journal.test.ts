import { CallJournal } from "../../src/cluster/call-journal.js";
import type { ClusterState } from "../../src/cluster/cluster-bus.js";
import { memoryCluster } from "../../src/cluster/memory.js";
import { SealBox } from "../../src/cluster/seal-box.js";
import { SECRET } from "../kit/cluster/buses.js";
import { withFaults } from "../kit/cluster/faulty-engine.js";
import { until } from "../kit/waiting.js";

function journals(isExact = true) {
  const { cluster, faults } = withFaults(memoryCluster({ secret: SECRET }));
  const box = new SealBox([SECRET], "test");
  const state: ClusterState = "up";
  const of = (node: string): CallJournal => {
    const engine = cluster.createEngine();
    return new CallJournal({ engine, box, bus: { node, state }, isExact, ttlMs: 60_000 });
  };
  return { here: of("here"), there: of("there"), faults };
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

it("CLUSTER-37: an id that is too long to be kept is not", () => {
  const { here } = journals();
  const alice = { key: "s:alice", page: here.assign() };
  expect(here.note(alice, "x".repeat(257), undefined)).toBeUndefined();
});
