import fc from "fast-check";
import type { PolicyOptions } from "../../src/index.js";
import { askerOf, denialOf, policyOf, read, requestOf, toolCall } from "../kit/policies.js";

const NAMES = ["a", "ab", "abc", "b", "ba", "A", "__proto__", "constructor", "a*", ""];
const SCOPES = ["r", "w", "x"];
const ROLES = ["hr", "boss"];

const condition = fc.record(
  {
    scopes: fc.subarray(SCOPES, { minLength: 1 }),
    roles: fc.subarray(ROLES, { minLength: 1 }),
    when: fc.constantFrom(
      () => true,
      () => false,
      async () => true,
      async () => false,
      ({ id }: { id: string }) => id === "alice",
      (_principal: unknown, { name }: { name: string }) => name.includes("b"),
      (_principal: unknown, { name }: { name: string }) => ({ scopes: name === "a" ? "w" : "r" }),
      () => {
        throw new Error("down");
      },
      () => "junk" as unknown as boolean,
    ),
  },
  { requiredKeys: [] },
);
const rule = fc.oneof(
  fc.boolean(),
  condition.filter((conditions) => Object.keys(conditions).length > 0),
);
const key = fc.constantFrom("*", "a*", "*b", "a*c", "*a*", "b", "ab", "A*", "__proto__", "x*y*z");
const rules = fc
  .array(fc.tuple(key, rule), { maxLength: 5 })
  .map((entries) => Object.fromEntries(entries));
const options = fc.record({
  tools: rules,
  prompts: rules,
  otherwise: fc.constantFrom("allow" as const, "deny" as const),
  conceal: fc.boolean(),
});
const caller = fc.record({
  id: fc.constantFrom("alice", "bob"),
  scopes: fc.subarray(SCOPES),
  claims: fc.record({ roles: fc.subarray(ROLES) }),
});
const page = fc.record({
  names: fc.array(fc.oneof(fc.constantFrom(...NAMES), fc.string()), { maxLength: 8 }),
  nextCursor: fc.option(fc.string(), { nil: undefined }),
});

const roles: PolicyOptions["roles"] = ({ claims }) => claims["roles"] as string[];

describe("what is listed", () => {
  it("POLICY-8: is what can be called, for any rules, caller, names and pages", async () => {
    const isTrue = fc.asyncProperty(options, caller, page, async (written, who, listed) => {
      const policy = policyOf({ ...written, roles });
      const asker = askerOf(who);
      for (const [kind, method] of [
        ["tools", "tools/call"],
        ["prompts", "prompts/get"],
      ] as const) {
        const { names, nextCursor } = listed;
        const entries = names.map((name, at) => ({ name, at }));
        const result = { [kind]: entries, nextCursor, _meta: { any: 1 } };
        const filter = policy.filterOf(requestOf(`${kind}/list`), asker);
        const answers = await Promise.all(
          names.map(async (name) => denialOf(policy.judge(requestOf(method, { name }), asker))),
        );
        const callable = entries.filter((_entry, at) => answers[at] === undefined);
        expect(await filter?.(result)).toEqual({ ...result, [kind]: callable });
        expect(result[kind]).toBe(entries);
      }
    });
    await fc.assert(isTrue, { numRuns: 150 });
  });

  it("POLICY-8: of resources too, by URI, and of templates by their text", async () => {
    const policy = policyOf({
      resources: {
        "file:///public/*": true,
        "file:///my notes/*": true,
        "db://{table}": true,
        "db://users": { scopes: "admin" },
      },
      otherwise: "deny",
    });
    const asker = askerOf();
    const uris = [
      ...["file:///public/a", "file:///my notes/b", "file:///my%20notes/b", "db://users"],
      ...["file:///secret", "file:///public/../secret", "nonsense"],
    ];
    const resources = uris.map((uri) => ({ uri }));
    const resourceTemplates = ["file:///public/{path}", "db://{table}", "db://{all}"].map(
      (uriTemplate) => ({ uriTemplate }),
    );
    const list = policy.filterOf(requestOf("resources/list"), asker);
    const permitted = uris.filter((uri) => policy.judge(read(uri), asker) === undefined);
    expect(permitted).toEqual(uris.slice(0, 3));
    expect(await list?.({ resources })).toEqual({ resources: resources.slice(0, 3) });
    const templates = policy.filterOf(requestOf("resources/templates/list"), asker);
    const found = await templates?.({ resourceTemplates });
    expect(found).toEqual({ resourceTemplates: resourceTemplates.slice(0, 2) });
    for (const uri of uris) {
      expect(await policy.mayHear(uri, asker)).toBe(permitted.includes(uri));
    }
  });

  it.each([
    ["reads them", (args: Record<string, unknown>) => Number(args["amount"]) < 5],
    ["asks whether there are some", (args: object) => "reason" in args],
    ["takes them apart", ({ amount }: Record<string, unknown>) => amount === 1],
    ["writes them down", (args: object) => JSON.stringify(args) === "{}"],
    ["counts them", (args: object) => Object.keys(args).length === 0],
    [
      "catches what is thrown",
      (args: Record<string, unknown>) => {
        try {
          return args["amount"] === 1;
        } catch {
          return false;
        }
      },
    ],
    [
      "does so later",
      async (args: Record<string, unknown>) => Promise.resolve().then(() => args["x"] === 1),
    ],
  ])(
    "POLICY-8: a rule that %s depends on the arguments, and its entry is listed",
    async (_what, decide) => {
      const policy = policyOf({
        tools: {
          refund: {
            when: (principal: { id: string }, call: { arguments: Record<string, unknown> }) =>
              principal.id === "alice" && decide(call.arguments),
          },
        },
      });
      const tools = [{ name: "refund" }];
      const listed = async (id: string) =>
        policy.filterOf(requestOf("tools/list"), askerOf({ id }))?.({ tools });
      expect(await listed("alice")).toEqual({ tools });
      expect(await listed("bob")).toEqual({ tools: [] });
      expect(policy.faults).toEqual([]);
      const denied = await denialOf(policy.judge(toolCall("refund", { amount: 9 }), askerOf()));
      expect(denied).toEqual({ code: "forbidden" });
    },
  );

  it.each([
    ["tools/list", {}],
    ["tools/list", { tools: "delete" }],
    ["tools/list", { tools: { 0: { name: "x" } } }],
    ["tools/list", { tools: [null] }],
    ["tools/list", { tools: ["x"] }],
    ["tools/list", { tools: [{ name: ["x"] }] }],
    ["tools/list", { prompts: [] }],
    ["resources/list", { resources: [{ name: "x" }] }],
    ["resources/templates/list", { resourceTemplates: [{ uri: "x:y" }] }],
    ["tools/list", { tools: [], resources: 7 }],
  ])("POLICY-9: %s answered with %j is no list, and not passed on", (method, result) => {
    const filter = policyOf({ tools: {} }).filterOf(requestOf(method), askerOf());
    expect(() => filter?.(result)).toThrow(/no list|has no/);
  });

  it("POLICY-9: a second list in a result is filtered, too", async () => {
    const policy = policyOf({ tools: { b: false }, prompts: { b: false } });
    const both = [{ name: "a" }, { name: "b" }];
    const filter = policy.filterOf(requestOf("tools/list"), askerOf());
    expect(await filter?.({ tools: both, prompts: both })).toEqual({
      tools: [both[0]],
      prompts: [both[0]],
    });
  });

  it("POLICY-9: what is filtered for one caller is not for shared caches, whatever its server says", async () => {
    const policy = policyOf({
      tools: { b: { when: async () => false } },
      resources: { "x:y": false },
    });
    for (const [method, member] of [
      ["tools/list", "tools"],
      ["resources/list", "resources"],
    ] as const) {
      const filter = policy.filterOf(requestOf(method), askerOf());
      const result = { [member]: [{ name: "b", uri: "a:b" }], ttlMs: 60_000, cacheScope: "public" };
      expect(await filter?.(result)).toMatchObject({ ttlMs: 60_000, cacheScope: "private" });
    }
  });

  it("POLICY-10: skills of SDK v2 and what is in a directory are resources, by their URIs", async () => {
    const policy = policyOf({ resources: { "skill://hr/*": false } });
    const asker = askerOf();
    const entries = [{ uri: "skill://hr/SKILL.md" }, { uri: "skill://dev/SKILL.md" }];
    for (const [method, member] of [
      ["skills/list", "skills"],
      ["resources/directory/read", "resources"],
    ] as const) {
      const filter = policy.filterOf(requestOf(method), asker);
      expect(await filter?.({ [member]: entries })).toEqual({ [member]: entries.slice(1) });
    }
    expect(policy.judge(requestOf("skills/list"), asker)).toBeUndefined();
    for (const method of ["skills/get", "resources/directory/read"]) {
      const judge = (uri: string) => denialOf(policy.judge(requestOf(method, { uri }), asker));
      expect(await judge("skill://hr/x/../SKILL.md")).toEqual({ code: "forbidden" });
      expect(await judge("skill://dev/SKILL.md")).toBeUndefined();
    }
  });

  it("POLICY-9: other results are nobody's business", () => {
    const policy = policyOf({ tools: {} });
    for (const method of ["tools/call", "ping", "tasks/list"]) {
      expect(policy.filterOf(requestOf(method), askerOf())).toBeUndefined();
    }
  });
});
