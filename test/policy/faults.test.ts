import { TIMED_OUT, withTimeout } from "../../src/shared/timeout.js";
import { askerOf, denialOf, policyOf, requestOf, toolCall } from "../kit/policies.js";

const alice = askerOf();
const never = new Promise<never>(() => undefined);
const hostile = {
  get then(): never {
    throw new Error("no");
  },
};

const FAULTS: readonly (readonly [string, () => unknown])[] = [
  [
    "throws",
    () => {
      throw new Error("down");
    },
  ],
  ["rejects", async () => Promise.reject(new Error("down"))],
  ["never answers", async () => never],
  ["answers with an object that throws", () => hostile],
  [
    "answers with a promise of one",
    () => ({
      then: () => {
        throw new Error("no");
      },
    }),
  ],
  ...[undefined, null, 1, "true", {}, [], { scopes: [] }, { scopes: "a b" }, { scopes: [7] }].map(
    (junk) => [`answers ${JSON.stringify(junk)}`, () => junk] as const,
  ),
  ["answers later with junk", async () => "yes"],
  ["answers a reason that is none", () => ({ reason: 7 })],
  ["answers with both", () => ({ reason: "x", scopes: "y" })],
];

describe.each(FAULTS)("a rule that %s", (_what, when) => {
  it("POLICY-6: permits nothing, lists nothing, and is told of", async () => {
    const policy = policyOf({ tools: { refund: { when } }, timeoutMs: 5 });
    expect(await denialOf(policy.judge(toolCall("refund"), alice))).toMatchObject({
      code: "policy_unavailable",
    });
    const filter = policy.filterOf(requestOf("tools/list"), alice);
    const tools = [{ name: "refund" }, { name: "other" }];
    expect(await filter?.({ tools })).toEqual({ tools: [{ name: "other" }] });
    const rule = 'options.policy.tools["refund"]';
    expect(policy.faults).toEqual([rule, rule]);
  });

  it("POLICY-6: hides that from who may not have it anyway", async () => {
    const tools = { refund: { when }, "*": { scopes: "admin" } };
    const judged = async (more: object) =>
      denialOf(policyOf({ tools, timeoutMs: 5, ...more }).judge(toolCall("refund"), alice));
    expect(await judged({})).toMatchObject({ code: "policy_unavailable" });
    expect(await judged({ conceal: true })).toEqual({ code: "forbidden" });
    expect(await judged({ tools: { ...tools, "r*": false } })).toEqual({ code: "forbidden" });
  });
});

it("POLICY-6: the first call is not kept from its answer by a rule that hangs for another", async () => {
  const policy = policyOf({ tools: { slow: { when: async () => never } } });
  const slow = Promise.resolve(policy.judge(toolCall("slow"), alice));
  expect(policy.judge(toolCall("other"), alice)).toBeUndefined();
  expect(await withTimeout(slow, 1)).toBe(TIMED_OUT);
});

it.each([
  [
    "throw",
    () => {
      throw new Error("down");
    },
  ],
  ["are a text", () => "admin"],
  ["are numbers", () => [1]],
  ["reject", async () => Promise.reject(new Error("down"))],
])("POLICY-5: roles that %s permit nothing", async (_what, roles) => {
  const policy = policyOf({ tools: { x: { roles: ["admin"] } }, roles });
  const denial = await denialOf(policy.judge(toolCall("x"), alice));
  expect(denial).toMatchObject({ code: "policy_unavailable" });
  expect(policy.faults).toHaveLength(1);
});

it("POLICY-4: a scope rule of the method's that throws permits nothing", async () => {
  const policy = policyOf({ tools: { x: { scopes: "a" } } });
  const satisfies = () => {
    throw new Error("down");
  };
  const denial = await denialOf(policy.judge(toolCall("x"), { ...alice, satisfies }));
  expect(denial).toMatchObject({ code: "policy_unavailable" });
});

/** A call, as somebody has it who does not look at its type. */
interface Changeable {
  name: string;
  arguments: { amount?: number; deep?: { list: unknown[] } };
  session: { id: string };
  principal: { id: string };
}

describe("what a rule sees", () => {
  const attempts: readonly ((call: Changeable) => unknown)[] = [
    (call) => (call.name = "other"),
    (call) => (call.arguments.amount = 1),
    (call) => call.arguments.deep?.list.push(2),
    (call) => delete call.arguments.amount,
    (call) => void Object.setPrototypeOf(call.arguments, { amount: 1 }),
    (call) => (call.session.id = "other"),
    (call) => (call.principal.id = "root"),
    (call) => Object.defineProperty(call, "name", { value: "other" }),
  ];

  it.each(attempts.map((attempt) => [attempt]))(
    "POLICY-7: cannot be changed by it: %s",
    async (attempt) => {
      const message = toolCall("refund", { amount: 5, deep: { list: [1] } });
      const before = JSON.stringify(message);
      const seen: string[] = [];
      const when = (_principal: unknown, call: Changeable) => {
        attempt(call);
        return true;
      };
      const look = (_principal: unknown, call: object) => {
        const { name, arguments: args } = call as { name: string; arguments: unknown };
        seen.push(JSON.stringify({ name, arguments: args }));
        return true;
      };
      const policy = policyOf({ tools: { "r*": { when }, refund: { when: look } } });
      const denial = await denialOf(policy.judge(message, alice));
      expect(denial).toMatchObject({ code: "policy_unavailable" });
      expect(JSON.stringify(message)).toBe(before);
      expect(alice).toMatchObject({ session: { id: "session-1" }, principal: { id: "alice" } });
      for (const text of seen) expect(text).toBe(JSON.stringify(message.params));
    },
  );

  it("POLICY-7: is a copy: what is kept of it changes nothing later", async () => {
    let kept: unknown;
    const when = (_principal: unknown, call: { arguments: unknown }) => {
      kept = call.arguments;
      return true;
    };
    const message = toolCall("x", { list: [1] });
    await policyOf({ tools: { x: { when } } }).judge(message, alice);
    expect(kept).toEqual({ list: [1] });
    expect(kept).not.toBe(message.params?.["arguments"]);
    // The server may still do with it what it likes.
    expect(() => (message.params?.["arguments"] as { list: number[] }).list.push(2)).not.toThrow();
  });

  it("POLICY-7: arguments that are nested without end are no way past a rule that reads them", async () => {
    let deep: unknown = 1;
    for (let depth = 0; depth < 100_000; depth++) deep = [deep];
    const when = (_principal: unknown, call: { arguments: { deep: unknown } }) =>
      call.arguments.deep === 1;
    const policy = policyOf({ tools: { x: { when } } });
    expect(await denialOf(policy.judge(toolCall("x", { deep }), alice))).toBeDefined();
  });
});
