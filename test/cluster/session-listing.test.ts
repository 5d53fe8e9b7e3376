import { inspect } from "node:util";
import { limitedNodes, principal } from "../kit/cluster/limited-nodes.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";

cleanUpAfterEach();

const alice = principal("alice", { claims: { email: "alice@example.com" } });
const bob = principal("bob");

it("CLUSTER-66: the sessions of all nodes are listed as they are shown, each with its node", async () => {
  const [here, there] = await limitedNodes(2);
  const [mine, hers, his] = [here!.open(alice), there!.open(alice), there!.open(bob)];
  const { sessions, unreached } = await here!.view.sessions.list();
  expect(unreached).toEqual([]);
  expect(new Set(sessions)).toEqual(
    new Set(
      [
        { node: here!.bus.node, ...mine.toJSON() },
        { node: there!.bus.node, ...hers.toJSON() },
        { node: there!.bus.node, ...his.toJSON() },
      ].map((one) => JSON.parse(JSON.stringify(one)) as typeof one),
    ),
  );
  expect(inspect(sessions)).not.toContain("alice@example.com");
});

it("CLUSTER-66: of somebody only theirs are listed", async () => {
  const [here, there] = await limitedNodes(2);
  const [mine, hers] = [here!.open(alice), there!.open(alice)];
  there!.open(bob);
  const idsOf = async (whose: object) =>
    (await here!.view.sessions.list({ principal: whose as typeof alice })).sessions
      .map(({ id }) => id)
      .sort();
  expect(await idsOf(alice)).toEqual([mine.id, hers.id].sort());
  expect(await idsOf({ id: "alice" })).toEqual([mine.id, hers.id].sort());
  expect(await idsOf({ id: "eve" })).toEqual([]);
});

it("CLUSTER-66: a node that does not answer is named", async () => {
  const [here, there] = await limitedNodes(2);
  const mine = here!.open(alice);
  there!.open(alice);
  there!.faults.isDeaf = true;
  const { sessions, unreached } = await here!.view.sessions.list();
  expect(sessions.map(({ id }) => id)).toEqual([mine.id]);
  expect(unreached).toEqual([there!.bus.node]);
});

it("CLUSTER-66: whoever asks for nobody gets nothing of anybody's", async () => {
  const [here, there] = await limitedNodes(2);
  there!.open(alice);
  const asked = { principal: {} as typeof alice };
  await expect(here!.view.sessions.list(asked)).rejects.toThrow("Say who is meant");
  const nobody = await here!.view.sessions.list({
    principal: undefined as unknown as typeof alice,
  });
  expect(nobody.sessions).toEqual([]);
  const { answers } = await here!.bus.gather(["list", { kind: "all" }], 1_000);
  expect(answers.size).toBe(0);
});
