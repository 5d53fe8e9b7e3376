import assert from "node:assert/strict";
import type { ClusterEngine } from "../cluster/engine.js";
import type { StagedCheck } from "./check.js";
import { STRANGE } from "./check.js";
import { eventually } from "./stage.js";
import type { Stage } from "./stage.js";

const MINUTE_MS = 60_000;

/** Soon enough to wait for, and long enough for a busy machine to see the value before. */
const SOON_MS = 300;

/** How many nodes want the same at a time. */
const RIVALS = 12;

/** What `get`, `put`, `take`, `read`, `write` and `touch` do. */
export const VALUE_CHECKS: readonly StagedCheck[] = [
  { name: "sets a value if its version is the one that was named", body: versions },
  { name: "lets one of several set a value, and one take it", body: oneOfMany },
  { name: "forgets a value when its time is over, and not before", body: times },
  { name: "reads and writes many values at once, in order", body: manyAtOnce },
  { name: "lets what is there live on, and nothing that is gone", body: touches },
  { name: "keeps any value by any name, apart from all others", body: anyName },
];

async function versions(stage: Stage): Promise<void> {
  const engine = await stage.engine();
  const key = stage.name("key");
  assert.equal(await engine.get(key), undefined);
  assert.equal(await engine.take(key, 0), false, "took what is not there");
  assert.equal(await engine.put(key, "x", 1, MINUTE_MS), false, "set a version that is not there");
  assert.equal(await engine.put(key, "a", 0, MINUTE_MS), true);
  assert.deepEqual(await engine.get(key), { value: "a", version: 1 });
  assert.equal(
    await engine.put(key, "x", 0, MINUTE_MS),
    false,
    "set what is there as if it was not",
  );
  assert.equal(await engine.put(key, "b", 1, MINUTE_MS), true);
  assert.equal(await engine.put(key, "x", 1, MINUTE_MS), false, "set an older version");
  assert.deepEqual(await engine.get(key), { value: "b", version: 2 });
  assert.equal(await engine.take(key, 1), false, "took an older version");
  assert.equal(await engine.take(key, 2), true);
  assert.equal(await engine.get(key), undefined);
  assert.equal(await engine.put(key, "c", 0, MINUTE_MS), true, "begins anew when it was taken");
}

async function oneOfMany(stage: Stage): Promise<void> {
  const engines = await rivals(stage);
  const key = stage.name("key");
  for (const version of [0, 1, 2]) {
    const set = await Promise.all(
      engines.map((engine, at) => engine.put(key, `of ${at}`, version, MINUTE_MS)),
    );
    assert.equal(set.filter(Boolean).length, 1, "more or less than one has set it");
    const value = `of ${set.indexOf(true)}`;
    assert.deepEqual(await engines[0]?.get(key), { value, version: version + 1 });
  }
  const taken = await Promise.all(engines.map((engine) => engine.take(key, 3)));
  assert.equal(taken.filter(Boolean).length, 1, "more or less than one has taken it");
}

async function times(stage: Stage): Promise<void> {
  const engine = await stage.engine();
  const [short, renewed, plain] = [stage.name("a"), stage.name("b"), stage.name("c")];
  await engine.put(short, "1", 0, SOON_MS);
  await engine.put(renewed, "1", 0, SOON_MS);
  await engine.put(renewed, "2", 1, MINUTE_MS);
  await engine.write([{ key: plain, value: "1", ttlMs: SOON_MS }]);
  const isGone = (value: unknown): boolean => value === undefined;
  await eventually(() => engine.get(short), isGone, "a value outlived its time");
  const read = async () => (await engine.read([plain]))[0];
  await eventually(read, isGone, "a written value outlived its time");
  assert.deepEqual(await engine.get(renewed), { value: "2", version: 2 });
  assert.equal(await engine.put(short, "2", 0, MINUTE_MS), true, "is not as if it never was");
  assert.deepEqual(await engine.get(short), { value: "2", version: 1 });
}

async function manyAtOnce(stage: Stage): Promise<void> {
  const engine = await stage.engine();
  const keys = Array.from({ length: 2_000 }, (_, at) => stage.name(`key-${at}`));
  await engine.write(keys.map((key) => ({ key, value: `of ${key}`, ttlMs: MINUTE_MS })));
  const [first = "", second = "", third = ""] = keys;
  await engine.write([
    { key: first, value: undefined, ttlMs: MINUTE_MS },
    { key: second, value: "earlier", ttlMs: MINUTE_MS },
    { key: second, value: "later", ttlMs: MINUTE_MS },
    { key: third, value: "", ttlMs: MINUTE_MS },
  ]);
  const [, , , ...rest] = keys;
  const expected = [undefined, "later", "", ...rest.map((key) => `of ${key}`), undefined];
  assert.deepEqual([...(await engine.read([...keys, stage.name("none")]))], expected);
  await engine.write([]);
  await engine.touch([], MINUTE_MS);
  assert.deepEqual([...(await engine.read([]))], []);
}

async function touches(stage: Stage): Promise<void> {
  const engine = await stage.engine();
  const [versioned, plain] = [stage.name("a"), stage.name("b")];
  const [shortened, gone] = [stage.name("c"), stage.name("d")];
  await engine.put(versioned, "1", 0, SOON_MS);
  await engine.write([{ key: plain, value: "1", ttlMs: SOON_MS }]);
  await engine.put(shortened, "1", 0, MINUTE_MS);
  await engine.touch([versioned, plain, gone], MINUTE_MS);
  await engine.touch([shortened], SOON_MS);
  const isGone = (value: unknown): boolean => value === undefined;
  await eventually(() => engine.get(shortened), isGone, "a value outlived its shorter time");
  assert.deepEqual(await engine.get(versioned), { value: "1", version: 1 });
  assert.deepEqual([...(await engine.read([plain, gone]))], ["1", undefined]);
}

async function anyName(stage: Stage): Promise<void> {
  const engine = await stage.engine();
  const names = STRANGE.map((name) => stage.name(name));
  for (const name of names) {
    await engine.put(name, `${name}\n`, 0, MINUTE_MS);
    // A set is none of the keys, whatever it is called.
    await engine.index.add(name, name, Date.now() + MINUTE_MS);
  }
  for (const name of names) {
    assert.deepEqual(await engine.get(name), { value: `${name}\n`, version: 1 });
    assert.deepEqual(await engine.index.list(name), [name]);
  }
  const big = "0123456789abcdef".repeat(16_384);
  await engine.put(stage.name("small"), "", 0, MINUTE_MS);
  await engine.put(names[0] ?? "", big, 1, MINUTE_MS);
  assert.deepEqual(await engine.get(names[0] ?? ""), { value: big, version: 2 });
}

async function rivals(stage: Stage): Promise<readonly ClusterEngine[]> {
  const half = Array.from({ length: RIVALS / 2 }, () => stage.engine());
  const engines = await Promise.all(half);
  return [...engines, ...engines];
}
