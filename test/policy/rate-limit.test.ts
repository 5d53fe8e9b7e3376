import type { Denial } from "../../src/policy/policy.js";
import { askerOf, denialOf, policyOf, read, requestOf, toolCall } from "../kit/policies.js";

const alice = askerOf({ id: "alice" });
const bob = askerOf({ id: "bob" });

/** How many of several calls are permitted. */
async function permitted(
  policy: ReturnType<typeof policyOf>,
  calls: readonly ReturnType<typeof toolCall>[],
  asker = alice,
): Promise<number> {
  const denials: (Denial | undefined)[] = [];
  for (const call of calls) denials.push(await denialOf(policy.judge(call, asker)));
  return denials.filter((denial) => denial === undefined).length;
}

const times = (count: number, name = "search") =>
  Array.from({ length: count }, () => toolCall(name));

describe("perMinute", () => {
  it("POLICY-12: counts for each principal and name", async () => {
    const policy = policyOf({ tools: { "s*": { perMinute: 3 } } });
    expect(await permitted(policy, times(5))).toBe(3);
    expect(await permitted(policy, times(5), bob)).toBe(3);
    expect(await permitted(policy, times(5, "send"))).toBe(3);
    expect(await permitted(policy, times(5, "other"))).toBe(5);
    const denial = await denialOf(policy.judge(toolCall("search"), alice));
    expect(denial).toEqual({ code: "rate_limited", retryAfterMs: expect.any(Number) as number });
    expect((denial as { retryAfterMs: number }).retryAfterMs).toBeLessThanOrEqual(60_000);
    expect((denial as { retryAfterMs: number }).retryAfterMs).toBeGreaterThan(1_000);
  });

  it("POLICY-12: what is denied for another reason does not count, nor do lists and completions", async () => {
    const when = (_principal: unknown, call: { arguments: Readonly<Record<string, unknown>> }) =>
      call.arguments["ok"] === true;
    const written = { tools: { x: { perMinute: 1, when } }, prompts: { x: { perMinute: 1 } } };
    const policy = policyOf(written);
    expect(await permitted(policy, times(3, "x"))).toBe(0);
    for (let time = 0; time < 3; time++) {
      await policy.filterOf(requestOf("tools/list"), alice)?.({ tools: [{ name: "x" }] });
    }
    expect(
      await permitted(policy, [toolCall("x", { ok: true }), toolCall("x", { ok: true })]),
    ).toBe(1);
    const completion = requestOf("completion/complete", { ref: { type: "ref/prompt", name: "x" } });
    expect(await permitted(policy, [completion, completion, completion])).toBe(3);
    const get = requestOf("prompts/get", { name: "x" });
    expect(await permitted(policy, [get, get])).toBe(1);
    // It is asked for too often, which is no reason not to list it.
    const tools = [{ name: "x" }];
    expect(await policy.filterOf(requestOf("tools/list"), alice)?.({ tools })).toEqual({ tools });
  });

  it("POLICY-12: several limits hold at once", async () => {
    const policy = policyOf({ tools: { "*": { perMinute: 4 }, search: { perMinute: 2 } } });
    expect(await permitted(policy, times(5))).toBe(2);
    expect(await permitted(policy, times(5, "x"))).toBe(4);
  });

  it("POLICY-12: other ways to write a URI are no other names", async () => {
    const policy = policyOf({ resources: { "*": { perMinute: 2 } } });
    const uris = ["file:///a", "FILE:///a", "file:///%61", "file:///x/../a", "file://localhost/a"];
    expect(await permitted(policy, uris.map(read))).toBe(2);
  });

  it("POLICY-13: invented names fill a counter of their own, and neither renew one nor take others'", async () => {
    const policy = policyOf({ tools: { "*": { perMinute: 2 } } });
    expect(await permitted(policy, times(3), bob)).toBe(2);
    expect(await permitted(policy, times(3))).toBe(2);
    const invented = Array.from({ length: 2_000 }, (_none, at) => toolCall(`made-up-${at}`));
    // 31 with a counter of their own, and all others with one in common.
    expect(await permitted(policy, invented)).toBe(31 + 2);
    expect(await permitted(policy, times(3))).toBe(0);
    expect(await permitted(policy, times(3), bob)).toBe(0);
    expect(await permitted(policy, [toolCall("x".repeat(1_000_000))])).toBe(0);
  });

  it("POLICY-12: nodes that share a counter count together, each rule for itself", async () => {
    const counts = new Map<string, number>();
    const windows: number[] = [];
    const createCounter = (windowMs: number) => {
      windows.push(windowMs);
      return {
        penalty: async (key: string) => {
          const consumedPoints = (counts.get(key) ?? 0) + 1;
          counts.set(key, consumedPoints);
          return { consumedPoints, msBeforeNext: 30_000 };
        },
      };
    };
    const written = { tools: { search: { perMinute: 3 }, send: { perMinute: 3 } } };
    const nodes = [policyOf(written, { createCounter }), policyOf(written, { createCounter })];
    const passed = await Promise.all(nodes.map(async (node) => permitted(node, times(2))));
    expect(passed.reduce((sum, each) => sum + each)).toBe(3);
    expect(await permitted(nodes[0]!, times(3, "send"))).toBe(3);
    expect(windows).toEqual([60_000, 60_000]);
    policyOf({ tools: { x: true } }, { createCounter });
    expect(windows).toHaveLength(2);
  });
});
