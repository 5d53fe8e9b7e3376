import fc from "fast-check";
import { ownerKey } from "../../src/auth/principal.js";
import { limitedNodes, principal } from "../kit/cluster/limited-nodes.js";
import type { LimitedNode, OwnSession } from "../kit/cluster/limited-nodes.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { until } from "../kit/waiting.js";

cleanUpAfterEach();

const alice = principal("alice");

/** A client begins its conversation, as the pipeline has it. */
async function begin(node: LimitedNode, { isBusy = false } = {}): Promise<OwnSession> {
  const session = node.open(alice);
  try {
    await node.places.admit(session);
    session.receive({ jsonrpc: "2.0", method: "notifications/initialized" }, undefined);
    if (isBusy) session.receive({ jsonrpc: "2.0", id: 1, method: "tools/call" }, undefined);
  } catch (error) {
    session.end("failed-to-open");
    throw error;
  }
  return session;
}

const isAlive = ({ closeReason }: OwnSession): boolean => closeReason === undefined;

/** How many of an owner's conversations there are, in all nodes. */
const countIn = (nodes: readonly LimitedNode[]): number =>
  nodes.flatMap(({ sessions }) => sessions.list()).filter(({ hasBegun }) => hasBegun).length;

const placesOf = ({ engine, bus }: LimitedNode) =>
  engine.index.list(`o:${bus.nameOf("owner", ownerKey(alice))}`);

describe("the conversations of one owner", () => {
  it("CLUSTER-67: are no more than there may be, however many nodes begin some at once", async () => {
    const nodes = await limitedNodes(3, 4);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ at: fc.nat(2), isBusy: fc.boolean() }), { maxLength: 16 }),
        fc.array(fc.nat(15), { maxLength: 8 }),
        async (openings, endings) => {
          const begun = openings.map(({ at, isBusy }) =>
            begin(nodes[at]!, { isBusy }).then(
              (session) => {
                expect(countIn(nodes)).toBeLessThanOrEqual(4);
                return session;
              },
              (error: unknown) => {
                expect(error).toMatchObject({ code: "too_many_sessions", status: 429 });
                return undefined;
              },
            ),
          );
          for (const at of endings) void begun[at]?.then((session) => session?.end("deleted"));
          const sessions = (await Promise.all(begun)).filter((one) => one !== undefined);
          expect(countIn(nodes)).toBeLessThanOrEqual(4);
          // Somebody begins as long as there is room.
          if (openings.length > 0) expect(sessions.length).toBeGreaterThan(0);
          for (const session of sessions) session.end("deleted");
          await until(async () => (await placesOf(nodes[0]!)).length === 0);
        },
      ),
      { numRuns: 25 },
    );
  });

  it("CLUSTER-68: make room for the next: here first, then where one can best be spared", async () => {
    const [here, there, third] = await limitedNodes(3, 3);
    const [mine, theirs, busy] = [
      await begin(here!),
      await begin(there!),
      await begin(third!, { isBusy: true }),
    ];
    const second = await begin(here!);
    expect([mine, theirs, busy].map(isAlive)).toEqual([false, true, true]);
    expect(mine.closeReason).toBe("made-room");
    second.receive({ jsonrpc: "2.0", id: 2, method: "tools/call" }, undefined);
    const next = await begin(here!, { isBusy: true });
    expect([theirs, busy, second, next].map(isAlive)).toEqual([false, true, true, true]);
    expect(theirs.closeReason).toBe("made-room");
    await expect(begin(there!)).rejects.toMatchObject({ code: "too_many_sessions" });
    expect([busy, second, next].map(isAlive)).toEqual([true, true, true]);
  });

  it("CLUSTER-68: have their places back when they end, and keep them when they move", async () => {
    const [here, there] = await limitedNodes(2, 2);
    const [one, two] = [await begin(here!), await begin(here!)];
    expect(await placesOf(there!)).toHaveLength(2);
    one.end("moved");
    two.end("idle");
    await until(async () => (await placesOf(there!)).length === 1);
    expect(await placesOf(there!)).toEqual([here!.records.keyOf(one.id)]);
  });

  it("CLUSTER-68: give way where no node has them any more", async () => {
    const [here, there] = await limitedNodes(2, 1);
    const left = await begin(here!, { isBusy: true });
    left.end("moved");
    await here!.records.write(left.id, undefined);
    const next = await begin(there!);
    expect(await placesOf(there!)).toEqual([there!.records.keyOf(next.id)]);
    expect(await here!.records.read(here!.records.keyOf(left.id))).toBeUndefined();
  });

  it("CLUSTER-68: keep their place where their node cannot be asked", async () => {
    const [here, there] = await limitedNodes(2, 1);
    const cutOff = await begin(there!);
    await here!.records.write(cutOff.id, there!.bus.node);
    there!.faults.isDeaf = true;
    await expect(begin(here!)).rejects.toMatchObject({ code: "too_many_sessions" });
    expect(isAlive(cutOff)).toBe(true);
  });

  it("CLUSTER-69: begin later while nobody can count them", async () => {
    const [here] = await limitedNodes(1, 1);
    here!.faults.isAway = true;
    await expect(begin(here!)).rejects.toMatchObject({
      code: "temporarily_unavailable",
      status: 503,
    });
    here!.faults.isAway = false;
    await begin(here!);
    expect(await placesOf(here!)).toHaveLength(1);
  });

  it("CLUSTER-68: that cannot be given back while the engine is away are given back later", async () => {
    const [here] = await limitedNodes(1, 1);
    const session = await begin(here!);
    here!.faults.isAway = true;
    session.end("deleted");
    await until(() => here!.bus.state === "down");
    here!.faults.isAway = false;
    await until(async () => here!.bus.state === "up" && (await placesOf(here!)).length === 0);
  });
});
