import assert from "node:assert/strict";
import type { ClusterEngine } from "../cluster/engine.js";
import type { StagedCheck } from "./check.js";
import type { Outage } from "./outage.js";
import { eventually, within } from "./stage.js";
import type { ContractNode, Stage } from "./stage.js";

const MINUTE_MS = 60_000;

/** Longest that an operation may take to settle, in milliseconds. */
const SETTLED_MS = 8_000;

/** What happens while the middleware is away, and afterwards. */
export function outageChecks(outage: Outage): readonly StagedCheck[] {
  return [
    {
      name: "rejects what is asked while it is away, soon, and goes on by itself",
      body: (stage) => rejectsSoon(stage, outage),
    },
  ];
}

/** What happens when connections break. */
export function cutChecks(cut: () => void | Promise<void>): readonly StagedCheck[] {
  return [
    {
      name: "hears again after its connection broke, without another join",
      body: (stage) => hearsAgain(stage, cut),
    },
  ];
}

async function rejectsSoon(stage: Stage, outage: Outage): Promise<void> {
  const node = await stage.node();
  await outage.begin();
  try {
    for (const [name, ask] of Object.entries(asked(node, stage.name("key")))) {
      const begun = performance.now();
      const isRejected = await within(
        ask().then(
          () => false,
          () => true,
        ),
        () => `${name} did not settle`,
      );
      assert.ok(isRejected, `${name} did not reject while the engine is away`);
      assert.ok(performance.now() - begun < SETTLED_MS, `${name} took too long to reject`);
    }
  } finally {
    await outage.end();
  }
  await goesOn(node, stage);
}

async function hearsAgain(stage: Stage, cut: () => void | Promise<void>): Promise<void> {
  const node = await stage.node();
  for (let time = 0; time < 3; time += 1) {
    await cut();
    await goesOn(node, stage);
  }
}

/** Sends until something is heard, since what is sent meanwhile may be lost. */
async function goesOn(node: ContractNode, stage: Stage): Promise<void> {
  const before = node.heard.length;
  const sendAndLook = async (): Promise<boolean> => {
    await node.engine.send(node.name, "again").catch(() => undefined);
    return node.heard.length > before;
  };
  await eventually(sendAndLook, Boolean, "a node hears nothing any more");
  const key = stage.name("key");
  const put = () => node.engine.put(key, "1", 0, MINUTE_MS).catch(() => false);
  await eventually(put, Boolean, "nothing can be written any more");
}

function asked(
  { engine, name }: ContractNode,
  key: string,
): Readonly<Record<string, () => Promise<unknown>>> {
  const { index }: ClusterEngine = engine;
  const until = Date.now() + MINUTE_MS;
  return {
    send: () => engine.send(name, "message"),
    broadcast: () => engine.broadcast("message"),
    get: () => engine.get(key),
    put: () => engine.put(key, "value", 0, MINUTE_MS),
    take: () => engine.take(key, 1),
    read: () => engine.read([key]),
    write: () => engine.write([{ key, value: "value", ttlMs: MINUTE_MS }]),
    touch: () => engine.touch([key], MINUTE_MS),
    "index.add": () => index.add(key, "name", until),
    "index.remove": () => index.remove(key, "name"),
    "index.list": () => index.list(key),
    "index.addUnlessFull": () => index.addUnlessFull(key, "name", until, 1),
  };
}
