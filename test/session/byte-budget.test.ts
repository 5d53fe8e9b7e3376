import fc from "fast-check";
import { AnswerSizes, expectedBytes } from "../../src/session/answer-size.js";
import { ByteBudget } from "../../src/session/byte-budget.js";
import { fullLimit } from "../../src/session/byte-limits.js";
import type { ByteLimit } from "../../src/session/byte-limits.js";
import { HeldCall } from "../../src/session/held-call.js";
import { weighJson, weighValue } from "../../src/shared/weigh.js";

const LIMITS = { maxHeldBytes: 100, maxHeldBytesPerPrincipal: 50 };

describe("whether there is room", () => {
  it.each([
    ["for the first", 10, { own: 0, inAll: 0, owners: 1 }, undefined],
    ["up to an owner's share", 10, { own: 40, inAll: 40, owners: 1 }, undefined],
    ["not beyond it", 11, { own: 40, inAll: 40, owners: 1 }, "maxHeldBytesPerPrincipal"],
    ["beyond it for the only thing", 60, { own: 0, inAll: 0, owners: 1 }, undefined],
    ["not beyond the whole", 101, { own: 0, inAll: 0, owners: 1 }, "maxHeldBytes"],
    ["not from the reserve", 10, { own: 40, inAll: 70, owners: 3 }, "maxHeldBytes"],
    ["from the reserve below the fair share", 10, { own: 20, inAll: 80, owners: 3 }, undefined],
    ["not when nothing is left", 10, { own: 0, inAll: 95, owners: 3 }, "maxHeldBytes"],
  ])("MEMORY-2: %s: %d of %j: %p", (_what, bytes, held, limit) => {
    expect(fullLimit(bytes, held, LIMITS)).toBe(limit);
  });

  it("MEMORY-2: whoever stays below the fair share is refused only when nothing is left", () => {
    const held = fc.record({
      own: fc.nat(200),
      inAll: fc.nat(200),
      owners: fc.integer({ min: 1, max: 20 }),
    });
    fc.assert(
      fc.property(held, fc.nat(100), ({ own, inAll, owners }, bytes) => {
        fc.pre(own <= inAll && own + bytes <= LIMITS.maxHeldBytesPerPrincipal);
        fc.pre(own + bytes <= LIMITS.maxHeldBytes / owners);
        const isLeft = inAll + bytes <= LIMITS.maxHeldBytes;
        expect(fullLimit(bytes, { own, inAll, owners }, LIMITS) === undefined).toBe(isLeft);
      }),
    );
  });

  it("MEMORY-2: whatever is taken, the bound is kept, and all of it comes back", () => {
    const step = fc.record({ who: fc.nat(3), bytes: fc.nat(60), isTaken: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const budget = new ByteBudget(100);
        const accounts = [0, 1, 2, 3].map(() => budget.open(50, () => false));
        const held: { who: number; bytes: number }[] = [];
        for (const { who, bytes, isTaken } of steps) {
          if (isTaken) {
            if (accounts[who]!.take(bytes) === undefined) held.push({ who, bytes });
          } else {
            const back = held.shift();
            if (back !== undefined) accounts[back.who]!.add(-back.bytes);
          }
          expect(budget.held).toBeLessThanOrEqual(100);
          expect(budget.held).toBe(held.reduce((sum, one) => sum + one.bytes, 0));
          expect(budget.owners).toBe(accounts.filter((account) => account.held > 0).length);
        }
      }),
    );
  });
});

describe("who waits", () => {
  /** What {@link ByteAccount.wait} came to. */
  const waiting = (account: ReturnType<ByteBudget["open"]>, bytes: number, ms = 60_000) =>
    new Promise<ByteLimit | undefined>((resolve) => account.wait(bytes, ms, resolve));

  it("MEMORY-3: those are served first for whom less is held", async () => {
    const budget = new ByteBudget(100);
    const [heavy, light, full] = [0, 1, 2].map(() => budget.open(100, () => false));
    heavy!.add(40);
    light!.add(10);
    full!.add(50);
    const served: string[] = [];
    const all = [
      waiting(heavy!, 30).then(() => served.push("heavy")),
      waiting(light!, 20).then(() => served.push("light")),
    ];
    full!.add(-30);
    await all[1];
    expect(served).toEqual(["light"]);
    full!.add(-20);
    light!.add(-30);
    await all[0];
    expect(served).toEqual(["light", "heavy"]);
    expect(budget.held).toBe(70);
  });

  it("MEMORY-3: waits no longer than it may, and hears why", async () => {
    const account = new ByteBudget(100).open(50, () => false);
    account.add(50);
    expect(await waiting(account, 10, 5)).toBe("maxHeldBytesPerPrincipal");
    expect([account.held, account.isAwaited]).toEqual([50, false]);
  });

  it("MEMORY-5: whoever has most gives something up, until the bound is kept", () => {
    const budget = new ByteBudget(100);
    const light = budget.open(100, () => false);
    const heavy = budget.open(100, () => {
      heavy.add(-20);
      return true;
    });
    light.add(40);
    heavy.add(90);
    heavy.keepBound();
    expect([light.held, heavy.held]).toEqual([40, 50]);
  });
});

describe("what an answer is taken for", () => {
  const KIB = 1024;

  it.each([
    ["the first", { largest: 0, count: 0, inFlight: 0 }, 32 * KIB],
    ["many at once of which nothing is known", { largest: 0, count: 0, inFlight: 8 }, 1024 * KIB],
    ["many that are known to be small", { largest: 100, count: 8, inFlight: 500 }, 32 * KIB],
    ["a large one", { largest: 2048 * KIB, count: 1, inFlight: 0 }, 2048 * KIB],
  ])("MEMORY-4: %s: %j: %d bytes", (_what, known, bytes) => {
    expect(expectedBytes(known, 64 * 1024 * KIB)).toBe(bytes);
  });

  it("MEMORY-4: each tool has answers of its own size, and a flood of names is one tool", () => {
    const sizes = new AnswerSizes();
    const call = (name: string) =>
      sizes.of({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name } });
    call("large").note(1_000_000);
    expect(call("large").largest).toBe(1_000_000);
    expect(call("small").largest).toBe(0);
    for (let index = 0; index < 1_000; index++) call(`flood ${index}`);
    expect(call("new")).toBe(call("newer"));
    expect(call("large").largest).toBe(1_000_000);
  });

  it("MEMORY-6: a call that was cancelled counts while somebody may work on it", () => {
    const account = new ByteBudget(10_000_000).open(10_000_000, () => false);
    const message = { jsonrpc: "2.0", id: 1, method: "tools/call", params: {} } as const;
    const call = new HeldCall(message, 1_000_000, account);
    expect(call.take()).toBeUndefined();
    expect(account.held).toBeGreaterThan(1_032_000);
    call.abandon();
    expect(account.held).toBeGreaterThan(1_000_000);
    expect(account.held).toBeLessThan(1_010_000);
  });
});

describe("what a message weighs", () => {
  it.each([
    ["text", JSON.stringify({ text: "x".repeat(100_000) }), 1, 1.01],
    ["text beyond Latin-1", JSON.stringify({ text: "\u4e00".repeat(100_000) }), 0.6, 0.7],
    ["empty objects", `[${new Array(50_000).fill("{}").join(",")}]`, 21, 61],
    ["empty lists", `[${new Array(50_000).fill("[]").join(",")}]`, 13, 31],
    ["nested lists", "[".repeat(50_000) + "]".repeat(50_000), 29, 30],
  ])("MEMORY-1: %s", (_what, json, least, most) => {
    const bytes = Buffer.byteLength(json);
    const factor = weighJson(json, bytes) / bytes;
    expect(factor).toBeGreaterThanOrEqual(least);
    expect(factor).toBeLessThanOrEqual(most);
  });

  it("MEMORY-1: nothing within quotes is structure, whatever is escaped there", () => {
    const text = fc.string({ unit: fc.constantFrom('"', "\\", "{", "[", ",", ":", "x", "\n") });
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 20 }), (texts) => {
        // Long enough to be counted.
        const plain = JSON.stringify([...texts.map(() => ""), "x".repeat(1_100)]);
        const json = JSON.stringify([...texts, "x".repeat(1_100)]);
        expect(weighJson(json, json.length) - json.length).toBe(
          weighJson(plain, plain.length) - plain.length,
        );
      }),
    );
  });

  it("MEMORY-1: a value weighs about what its text does", () => {
    const value = Array.from({ length: 1_000 }, (_, id) => ({ id, name: `name ${id}`, list: [1] }));
    const json = JSON.stringify(value);
    const ratio = weighValue(value) / weighJson(json, json.length);
    expect(ratio).toBeGreaterThan(0.5);
    expect(ratio).toBeLessThan(2);
  });
});
