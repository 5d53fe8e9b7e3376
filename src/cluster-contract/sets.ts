import assert from "node:assert/strict";
import type { StagedCheck } from "./check.js";
import { eventually } from "./stage.js";
import type { Stage } from "./stage.js";

const MINUTE_MS = 60_000;

const SOON_MS = 300;

/** What `index` does. */
export const SET_CHECKS: readonly StagedCheck[] = [
  { name: "lists the names of a set, and of no other", body: listed },
  { name: "lets a name count until its time, and no longer", body: times },
  { name: "adds no more names than a set may have", body: full },
  { name: "gives one place to one of several that want it", body: onePlace },
];

async function sorted(names: Promise<readonly string[]>): Promise<readonly string[]> {
  return [...(await names)].sort();
}

async function listed(stage: Stage): Promise<void> {
  const { index } = await stage.engine();
  const [set, other] = [stage.name("set"), stage.name("set")];
  const until = Date.now() + MINUTE_MS;
  assert.deepEqual([...(await index.list(set))], []);
  for (const name of ["a", "b", "c", "a"]) await index.add(set, name, until);
  await index.add(other, "d", until);
  await index.remove(set, "b");
  await index.remove(set, "never there");
  await index.remove(stage.name("never there"), "b");
  assert.deepEqual(await sorted(index.list(set)), ["a", "c"]);
  assert.deepEqual(await sorted(index.list(other)), ["d"]);
  const many = Array.from({ length: 1_000 }, (_, at) => `name-${String(at).padStart(4, "0")}`);
  await Promise.all(many.map((name) => index.add(other, name, until)));
  assert.deepEqual(await sorted(index.list(other)), ["d", ...many]);
}

async function times(stage: Stage): Promise<void> {
  const { index } = await stage.engine();
  const set = stage.name("set");
  await index.add(set, "stays", Date.now() + MINUTE_MS);
  await index.add(set, "was never", Date.now() - 1);
  await index.add(set, "prolonged", Date.now() + SOON_MS);
  await index.add(set, "prolonged", Date.now() + MINUTE_MS);
  await index.add(set, "shortened", Date.now() + MINUTE_MS);
  await index.add(set, "shortened", Date.now() + SOON_MS);
  const isShort = ({ length }: readonly string[]): boolean => length < 3;
  const left = await eventually(() => index.list(set), isShort, "a name outlived its time");
  assert.deepEqual([...left].sort(), ["prolonged", "stays"]);
}

async function full(stage: Stage): Promise<void> {
  const { index } = await stage.engine();
  const set = stage.name("set");
  const until = (): number => Date.now() + MINUTE_MS;
  assert.equal(await index.addUnlessFull(set, "a", until(), 0), false, "a set of none has one");
  assert.equal(await index.addUnlessFull(set, "a", until(), 2), true);
  assert.equal(await index.addUnlessFull(set, "b", until(), 2), true);
  assert.equal(await index.addUnlessFull(set, "c", until(), 2), false, "a full set got another");
  assert.equal(
    await index.addUnlessFull(set, "b", Date.now() + SOON_MS, 2),
    true,
    "lost its place",
  );
  await eventually(
    () => index.addUnlessFull(set, "c", until(), 2),
    Boolean,
    "a name whose time is over keeps its place",
  );
  assert.deepEqual(await sorted(index.list(set)), ["a", "c"]);
  await index.remove(set, "a");
  assert.equal(await index.addUnlessFull(set, "d", until(), 2), true, "a place was not given back");
}

async function onePlace(stage: Stage): Promise<void> {
  const engines = await Promise.all(Array.from({ length: 6 }, () => stage.engine()));
  const set = stage.name("set");
  const until = Date.now() + MINUTE_MS;
  const names = Array.from({ length: 30 }, (_, at) => `name-${String(at).padStart(2, "0")}`);
  const added = await Promise.all(
    names.map(async (name, at) => engines[at % 6]?.index.addUnlessFull(set, name, until, 7)),
  );
  const there = names.filter((_, at) => added[at] === true);
  assert.equal(there.length, 7);
  assert.deepEqual(await sorted(engines[0]?.index.list(set) ?? Promise.resolve([])), there);
}
