import { isRevoked, marksOf, marksOn, writeMark } from "../../src/cluster/revocation-mark.js";
import { isMeant, readWhose, whoseOf } from "../../src/cluster/whose.js";
import { ownerKey } from "../../src/auth/principal.js";
import { limitedNodes, principal } from "../kit/cluster/limited-nodes.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { turn, until } from "../kit/waiting.js";

cleanUpAfterEach();

const alice = principal("alice", { issuer: "https://a.example", clientId: "one" });
const aliceElsewhere = principal("alice", { issuer: "https://a.example", clientId: "two" });
const aliceOfOthers = principal("alice", { issuer: "https://b.example" });
const bob = principal("bob");

const ownerOf = (one: typeof alice) => ({ ownerKey: ownerKey(one), principal: one });

describe("who is meant", () => {
  it("CLUSTER-61: a principal is one owner, and an id is everybody who has it", () => {
    const meant = (given: Parameters<typeof whoseOf>[0]) =>
      [alice, aliceElsewhere, aliceOfOthers, bob].map((one) =>
        isMeant(whoseOf(given), ownerOf(one)),
      );
    expect(meant(alice)).toEqual([true, false, false, false]);
    expect(meant({ id: "alice" })).toEqual([true, true, true, false]);
    expect(meant({ id: "alice", issuer: "https://a.example" })).toEqual([true, true, false, false]);
    expect(meant({ id: "eve" })).toEqual([false, false, false, false]);
  });

  it.each([{}, { id: "" }, { id: 1 }, "alice", null, 7])(
    "CLUSTER-61: %j says of nobody that they are meant",
    (given) => {
      expect(() => whoseOf(given as never)).toThrow(
        'Say who is meant: a principal, or { id: "…" }',
      );
    },
  );

  it.each([
    { kind: "all" },
    { kind: "owners", keys: "alice" },
    { kind: "owners", keys: [1] },
    { kind: "named" },
    { kind: "named", id: "alice" },
    { kind: "named", id: "alice", issuer: 1 },
    undefined,
  ])("CLUSTER-61: what another release says is not guessed: %j", (said) => {
    expect(readWhose(said)).toBeUndefined();
  });

  it("CLUSTER-62: what means somebody is kept where it is looked for on them, and nowhere else", () => {
    const everyWay = [
      whoseOf(alice),
      whoseOf({ id: "alice" }),
      whoseOf({ id: "alice", issuer: "https://a.example" }),
    ];
    for (const whose of everyWay) {
      const found = (one: typeof alice) =>
        marksOn(ownerOf(one)).some((mark) => marksOf(whose).includes(mark));
      for (const one of [alice, aliceElsewhere, aliceOfOthers, bob]) {
        expect(found(one)).toBe(isMeant(whose, ownerOf(one)));
      }
    }
    // Nobody can be called what an owner is called.
    const named = principal(marksOf(whoseOf(alice))[0]!);
    expect(marksOn(ownerOf(named))).not.toContain(marksOf(whoseOf(alice))[0]);
  });

  it.each(["", " ", "soon", "NaN", "Infinity", "-Infinity", "1e999", "{}"])(
    "CLUSTER-62: a mark that cannot be read counts for whatever began: %j",
    (mark) => {
      expect(isRevoked([undefined, mark], Date.now() + 1_000_000)).toBe(true);
    },
  );

  it("CLUSTER-62: a mark counts for what began before it", () => {
    expect(isRevoked([writeMark(1_000)], 999)).toBe(true);
    expect(isRevoked([writeMark(1_000)], 1_000)).toBe(true);
    expect(isRevoked([writeMark(1_000)], 1_001)).toBe(false);
    expect(isRevoked([undefined], 0)).toBe(false);
  });
});

describe("everything of somebody", () => {
  it("CLUSTER-61: ends in all nodes, and nobody else's", async () => {
    const [here, there, third] = await limitedNodes(3);
    const hers = [here!, there!, third!].map(({ open }) => open(alice));
    const others = [there!.open(aliceElsewhere), third!.open(bob)];
    const closed = await here!.view.sessions.closeFor(alice);
    expect(closed.closed).toBe(3);
    expect(new Set(closed.nodes)).toEqual(
      new Set([here, there, third].map((one) => one!.bus.node)),
    );
    expect(closed.unreached).toEqual([]);
    expect(hers.map(({ closeReason }) => closeReason)).toEqual(["revoked", "revoked", "revoked"]);
    expect(others.map(({ closeReason }) => closeReason)).toEqual([undefined, undefined]);
    expect((await third!.view.sessions.closeFor({ id: "alice" })).closed).toBe(1);
    expect(others.map(({ closeReason }) => closeReason)).toEqual(["revoked", undefined]);
  });

  it("CLUSTER-61: what is called on the sessions of a node ends those here at once, and the others", async () => {
    const [here, there] = await limitedNodes(2);
    const [mine, other] = [here!.open(alice), there!.open(alice)];
    expect(here!.sessions.closeFor(alice)).toBe(1);
    expect(mine.closeReason).toBe("revoked");
    await until(() => other.closeReason !== undefined);
    expect(other.closeReason).toBe("revoked");
    expect(there!.forgotten).toContain("some");
  });

  it("CLUSTER-64: ends for whoever a function means, of those whom the nodes know", async () => {
    const [here, there] = await limitedNodes(2);
    const sessions = [here!, there!].flatMap(({ open }) => [open(alice), open(aliceOfOthers)]);
    const asked: unknown[] = [];
    const closed = await here!.view.sessions.closeFor((one) => {
      asked.push(one);
      return one?.issuer === "https://a.example";
    });
    expect(closed).toMatchObject({ closed: 2, unreached: [] });
    expect(asked).toContainEqual(alice);
    expect(sessions.map(({ closeReason }) => closeReason)).toEqual([
      "revoked",
      undefined,
      "revoked",
      undefined,
    ]);
  });

  it("CLUSTER-64: a function that throws ends nothing elsewhere, and says so", async () => {
    const [here, there] = await limitedNodes(2);
    const session = there!.open(alice);
    const refusing = () => {
      throw new Error("who?");
    };
    await expect(here!.view.sessions.closeFor(refusing)).rejects.toThrow("who?");
    expect(session.closeReason).toBeUndefined();
  });

  it("CLUSTER-62: counts for what was verified before, wherever it is opened or gone on with", async () => {
    const [here, there] = await limitedNodes(2);
    const before = Date.now();
    await here!.view.sessions.closeFor({ id: "alice" });
    expect(await there!.revocations.isRevoked(ownerOf(alice), before)).toBe(true);
    expect(await there!.revocations.isRevoked(ownerOf(aliceOfOthers), before)).toBe(true);
    expect(await there!.revocations.isRevoked(ownerOf(bob), before)).toBe(false);
    expect(await there!.revocations.isRevoked(ownerOf(alice), Date.now() + 1)).toBe(false);
  });

  it("CLUSTER-63: a node that does not answer is named, and ends what it has when it is back", async () => {
    const [here, there] = await limitedNodes(2);
    const session = there!.open(alice);
    there!.faults.isDeaf = true;
    const closed = await here!.view.sessions.closeFor(alice);
    expect(closed).toMatchObject({ closed: 0, unreached: [there!.bus.node] });
    expect(here!.lines.join("\n")).toContain("1 did not answer");
    expect(session.closeReason).toBeUndefined();
    there!.faults.isDeaf = false;
    await until(() => session.closeReason !== undefined);
    expect(session.closeReason).toBe("revoked");
    await turn();
  });

  it("CLUSTER-63: is ended later by a node that was cut off when it was to end it", async () => {
    const [here, there] = await limitedNodes(2);
    const session = there!.open(alice);
    here!.faults.isAway = true;
    const closed = await here!.view.sessions.closeFor(alice);
    expect(closed).toMatchObject({ closed: 0, nodes: [here!.bus.node] });
    expect(await here!.revocations.isRevoked(ownerOf(alice), session.openedAt)).toBe(true);
    here!.faults.isAway = false;
    await until(() => session.closeReason !== undefined);
    expect(session.closeReason).toBe("revoked");
    expect(await there!.revocations.isRevoked(ownerOf(alice), session.openedAt)).toBe(true);
  });

  it("CLUSTER-63: a node that has nothing verifies callers anew all the same, when it is back", async () => {
    const [here, there] = await limitedNodes(2);
    there!.faults.isAway = true;
    await until(() => there!.bus.state === "down");
    await here!.view.sessions.closeFor(alice);
    there!.forgotten.length = 0;
    there!.faults.isAway = false;
    await until(() => there!.forgotten.includes("all"));
    expect(there!.sessions.size).toBe(0);
  });

  it("CLUSTER-63: what the engine does not say at once is asked again", async () => {
    const [here, there] = await limitedNodes(2);
    const session = there!.open(alice);
    there!.faults.isAway = true;
    await until(() => there!.bus.state === "down");
    await here!.view.sessions.closeFor(alice);
    const { engine } = there!;
    const read = engine.read.bind(engine);
    let refused = 0;
    engine.read = async (keys) => {
      if (keys.some((key) => key.startsWith("r:")) && refused++ === 0) throw new Error("too slow");
      return await read(keys);
    };
    there!.faults.isAway = false;
    await until(() => session.closeReason !== undefined);
    expect([session.closeReason, refused]).toEqual(["revoked", 2]);
  });

  it("CLUSTER-63: spares what was opened after a node was back", async () => {
    const [here, there] = await limitedNodes(2);
    const before = there!.open(alice);
    there!.faults.isAway = true;
    await until(() => there!.bus.state === "down");
    await here!.view.sessions.closeFor(alice);
    await until(() => Date.now() > before.openedAt + 1);
    const after = there!.open(alice);
    there!.faults.isAway = false;
    await until(() => before.closeReason !== undefined);
    expect([before, after].map(({ closeReason }) => closeReason)).toEqual(["revoked", undefined]);
  });
});
