import assert from "node:assert/strict";
import type { StagedCheck } from "./check.js";
import { STRANGE } from "./check.js";
import type { ContractNode, Stage } from "./stage.js";

/** As much as a node sends at once when it has much to say. */
const BIG = "0123456789abcdef".repeat(65_536);

/** What `join`, `send`, `broadcast` and `leave` do. */
export const MESSAGE_CHECKS: readonly StagedCheck[] = [
  { name: "delivers to a node what is sent to it, once, and to no other", body: toOneOnly },
  { name: "keeps the order of each sender's messages", body: inOrder },
  { name: "delivers a broadcast to all nodes, the sender included", body: toAll },
  { name: "delivers any text as it was sent, and much of it", body: asItWas },
  { name: "delivers to nodes by any name", body: toAnyName },
  { name: 'says "nobody" of no node that hears', body: neverNobody },
  { name: "delivers nothing to a node that has left, and goes on with others", body: afterLeaving },
  { name: "lets an engine leave that has not joined, or has left", body: leavesTwice },
];

/** What was sent to a node before this has been delivered by the time that it hears it. */
const LAST = "last";

async function hearsLast(node: ContractNode, by: ContractNode): Promise<readonly string[]> {
  await by.engine.send(node.name, LAST);
  for (;;) {
    const heard = await node.hears(node.heard.length + (node.heard.includes(LAST) ? 0 : 1));
    if (heard.includes(LAST)) return heard;
  }
}

async function toOneOnly(stage: Stage): Promise<void> {
  const [sender, one, other] = [await stage.node(), await stage.node(), await stage.node()];
  await sender.engine.send(one.name, "to one");
  await sender.engine.send(sender.name, "to itself");
  assert.deepEqual(await hearsLast(one, sender), ["to one", LAST]);
  assert.deepEqual(await hearsLast(other, sender), [LAST]);
  assert.deepEqual(await hearsLast(sender, sender), ["to itself", LAST]);
}

async function inOrder(stage: Stage): Promise<void> {
  const senders = [await stage.node(), await stage.node()];
  const hearer = await stage.node();
  const numbers = Array.from({ length: 500 }, (_, at) => at);
  await Promise.all(
    senders.map(async ({ engine }, from) => {
      // Not awaited one by one: nodes send on while they wait.
      await Promise.all(numbers.map((at) => engine.send(hearer.name, `${from}:${at}`)));
    }),
  );
  const heard = await hearer.hears(2 * numbers.length);
  for (const from of [0, 1]) {
    const own = heard.filter((message) => message.startsWith(`${from}:`));
    assert.deepEqual(
      own,
      numbers.map((at) => `${from}:${at}`),
    );
  }
}

async function toAll(stage: Stage): Promise<void> {
  const nodes = [await stage.node(), await stage.node(), await stage.node()];
  await nodes[0]?.engine.broadcast("to all");
  for (const node of nodes) assert.deepEqual(await node.hears(1), ["to all"]);
}

async function asItWas(stage: Stage): Promise<void> {
  const [sender, hearer] = [await stage.node(), await stage.node()];
  const texts = ["", ...STRANGE, BIG, BIG];
  for (const text of texts) await sender.engine.send(hearer.name, text);
  await sender.engine.broadcast(BIG);
  assert.deepEqual(await hearer.hears(texts.length + 1), [...texts, BIG]);
}

async function toAnyName(stage: Stage): Promise<void> {
  const sender = await stage.node();
  for (const name of STRANGE) {
    const node = await stage.node(stage.name(name));
    await sender.engine.send(node.name, name);
    assert.deepEqual(await node.hears(1), [name]);
  }
}

async function neverNobody(stage: Stage): Promise<void> {
  const [sender, hearer] = [await stage.node(), await stage.node()];
  assert.equal(await sender.engine.send(hearer.name, "1"), "sent");
  assert.equal(await sender.engine.send(sender.name, "2"), "sent");
  const answer: string = await sender.engine.send(stage.name("not-there"), "3");
  assert.ok(["sent", "nobody"].includes(answer), `answered ${answer}`);
}

async function afterLeaving(stage: Stage): Promise<void> {
  const [sender, gone, other] = [await stage.node(), await stage.node(), await stage.node()];
  await gone.engine.leave();
  await sender.engine.send(gone.name, "too late");
  await sender.engine.broadcast("to all that are left");
  assert.deepEqual(await hearsLast(other, sender), ["to all that are left", LAST]);
  assert.deepEqual(gone.heard, []);
}

async function leavesTwice(stage: Stage): Promise<void> {
  const engine = await stage.engine();
  await engine.leave();
  const node = await stage.node();
  await node.engine.leave();
  await node.engine.leave();
}
