import type { PolicyRequest } from "../../src/index.js";
import { askerOf, denialOf, policyOf, requestOf, toolCall } from "../kit/policies.js";

const reader = askerOf({ scopes: ["read"], claims: { roles: ["hr"] } });
const rolesOfClaims = ({ claims }: { claims: Readonly<Record<string, unknown>> }) =>
  (claims["roles"] ?? []) as string[];

const denial = async (written: unknown, message = toolCall("delete_all"), asker = reader) =>
  denialOf(policyOf(written).judge(message, asker));

const FORBIDDEN = { code: "forbidden" };

describe("rules", () => {
  it.each([
    [{ "*": true, "delete_*": true }, undefined],
    [{ "*": true, "delete_*": false }, FORBIDDEN],
    [{ "delete_*": false, "*": true }, FORBIDDEN],
    [{ delete_all: true, "*": false }, FORBIDDEN],
    [{ "*": { scopes: "read" }, "delete_*": { when: () => true } }, undefined],
    [{ "*": { scopes: "read" }, "delete_*": { when: () => false } }, FORBIDDEN],
  ])("POLICY-1: all that match must hold, in whatever order: %j", async (tools, expected) => {
    expect(await denial({ tools })).toEqual(expected);
  });

  it.each([
    ["delete_*", true],
    ["*_all", true],
    ["*", true],
    ["d*e*_*l", true],
    ["delete_all*", true],
    ["*delete_all", true],
    ["Delete_*", false],
    ["delete_?ll", false],
    ["delete_[a]ll", false],
    ["delete_.*", false],
    ["delete_all*all", false],
    ["delete", false],
    ["*_al", false],
  ])("POLICY-2: %s matches delete_all: %s", async (pattern, isMatch) => {
    const expected = isMatch ? FORBIDDEN : undefined;
    expect(await denial({ tools: { [pattern]: false } })).toEqual(expected);
  });

  it.each(["__proto__", "constructor", "toString", "hasOwnProperty"])(
    "POLICY-2: %s is a name like any",
    async (name) => {
      const call = toolCall(name);
      expect(await denial({ tools: { x: false } }, call)).toBeUndefined();
      expect(await denial({ tools: { x: true }, otherwise: "deny" }, call)).toEqual(FORBIDDEN);
      expect(await denial({ tools: { [name]: false } }, call)).toEqual(FORBIDDEN);
    },
  );

  it.each([
    ["REFUND", "in another case"],
    ["refund ", "with a space"],
    ["re\u200bfund", "with what is not seen"],
    ["ｒｅｆｕｎｄ", "in full width"],
  ])("POLICY-2: %j is not refund, %s: a server would not find it either", async (name) => {
    const written = { tools: { refund: true }, otherwise: "deny" };
    expect(await denial(written, toolCall("refund"))).toBeUndefined();
    expect(await denial(written, toolCall(name))).toEqual(FORBIDDEN);
  });

  it("POLICY-3: what no rule matches is permitted, or denied", async () => {
    const tools = { other: { scopes: "none" } };
    expect(await denial({ tools })).toBeUndefined();
    expect(await denial({ tools, otherwise: "deny" })).toEqual(FORBIDDEN);
    const tasks = requestOf("tasks/list");
    expect(await denial({ otherwise: "deny" }, tasks)).toEqual(FORBIDDEN);
    expect(await denial({ methods: { "tasks/*": true }, otherwise: "deny" }, tasks)).toBe(
      undefined,
    );
  });

  it("POLICY-4: a denial names all scopes that are missing, of all rules, each once", async () => {
    const tools = {
      "*": { scopes: ["read", "write"] },
      "delete_*": { scopes: ["admin", "write"] },
      delete_all: { when: () => ({ scopes: "root" }) },
    };
    expect(await denial({ tools })).toEqual({
      code: "insufficient_scope",
      needed: ["read", "write", "admin", "root"],
      missing: ["write", "admin", "root"],
    });
  });

  it.each([
    ["a rule that is false", { "*": false }],
    ["a condition", { "*": { when: () => false } }],
    ["a promise", { "*": { when: async () => false } }],
    ["a role", { "*": { roles: "boss" } }],
  ])("POLICY-4: no scope is named where %s denies as well", async (_what, more) => {
    const tools = { delete_all: { scopes: "admin" }, ...more };
    expect(await denial({ tools, roles: rolesOfClaims })).toEqual(FORBIDDEN);
  });

  it("POLICY-4: scopes count by the rule of the method that let the caller in", async () => {
    const asker = { ...reader, satisfies: (scope: string) => scope.startsWith("adm") };
    expect(await denial({ tools: { "*": { scopes: "admin" } } }, undefined, asker)).toBe(undefined);
  });

  it("POLICY-5: one of a rule's roles is enough", async () => {
    const of = async (roles: string[]) =>
      denial({ tools: { "*": { roles } }, roles: rolesOfClaims });
    expect(await of(["boss", "hr"])).toBeUndefined();
    expect(await of(["boss"])).toEqual(FORBIDDEN);
  });

  it("POLICY-5: roles are asked for once a list, not for each entry", async () => {
    let asked = 0;
    const roles = async () => {
      asked++;
      return ["hr"];
    };
    const policy = policyOf({ tools: { "a*": { roles: "hr" }, b: { roles: "boss" } }, roles });
    const filter = policy.filterOf(requestOf("tools/list"), reader);
    const tools = ["a1", "a2", "b", "c"].map((name) => ({ name }));
    expect(await filter?.({ tools })).toEqual({ tools: [tools[0], tools[1], tools[3]] });
    expect(asked).toBe(1);
  });

  it("POLICY-6: a function decides in place of rules, and says why, or what it needs", async () => {
    const decide = ({ principal, kind, name, arguments: args, session }: PolicyRequest) => {
      if (kind !== "tool" || session.transport !== "sse") return true;
      if (name === "delete_all") return { reason: `not on ${String(args["day"])}` };
      return principal.id === "bob" || { scopes: ["admin"] };
    };
    for (const written of [decide, { decide }]) {
      const reason = { code: "forbidden", reason: "not on Sunday" };
      expect(await denial(written, toolCall("delete_all", { day: "Sunday" }))).toEqual(reason);
      expect(await denial(written, toolCall("x"))).toMatchObject({ missing: ["admin"] });
      expect(await denial(written, toolCall("x"), askerOf({ id: "bob" }))).toBeUndefined();
      expect(await denial(written, requestOf("tasks/list"))).toBeUndefined();
    }
  });

  it.each([
    ["prompts/get", { name: "x" }, "prompts", "x"],
    ["resources/read", { uri: "x:y" }, "resources", "x:y"],
    ["resources/subscribe", { uri: "x:y" }, "resources", "x:y"],
    ["resources/unsubscribe", { uri: "x:y" }, "resources", "x:y"],
    ["completion/complete", { ref: { type: "ref/prompt", name: "x" } }, "prompts", "x"],
    ["completion/complete", { ref: { type: "ref/resource", uri: "x:{y}" } }, "resources", "x:{y}"],
    ["tools/call", { name: "x", task: {} }, "tools", "x"],
    ["tasks/list", {}, "methods", "tasks/list"],
    ["made/up", {}, "methods", "made/up"],
  ])("POLICY-10: %s %j goes by %s", async (method, params, kind, name) => {
    const message = requestOf(method, params);
    expect(await denial({ [kind]: { [name]: false } }, message)).toEqual(FORBIDDEN);
    expect(await denial({ [kind]: { [name]: true }, otherwise: "deny" }, message)).toBe(undefined);
  });

  it.each([
    ...["initialize", "ping", "logging/setLevel", "server/discover", "subscriptions/listen"],
    ...["tools/list", "prompts/list", "resources/list", "resources/templates/list"],
  ])("POLICY-10: %s is always permitted", async (method) => {
    const written = { otherwise: "deny", methods: { "*": false } };
    expect(await denial(written, requestOf(method))).toBeUndefined();
  });

  it("POLICY-10: notifications and answers are always permitted", async () => {
    const judge = async (message: object) =>
      denialOf(policyOf(() => false).judge(message as never, reader));
    expect(await judge({ jsonrpc: "2.0", method: "notifications/initialized" })).toBeUndefined();
    expect(await judge({ jsonrpc: "2.0", id: 1, result: {} })).toBeUndefined();
  });

  it.each([
    ["tools/call", {}],
    ["tools/call", { name: 7 }],
    ["tools/call", { name: ["delete_all"] }],
    ["prompts/get", { name: null }],
    ["resources/read", { uri: { toString: "x" } }],
    ["completion/complete", {}],
    ["completion/complete", { ref: { type: "ref/tool", name: "x" } }],
    ["completion/complete", { ref: "x" }],
  ])("POLICY-10: %s %j names nothing, and is denied", async (method, params) => {
    expect(await denial({ tools: {} }, requestOf(method, params))).toMatchObject(FORBIDDEN);
    const { jsonrpc, id } = requestOf(method);
    expect(await denial({}, { jsonrpc, id, method })).toMatchObject(FORBIDDEN);
  });

  it("POLICY-19: a policy knows the scopes that its rules can ask for", () => {
    const tools = { a: { scopes: ["x", "y"] }, b: { scopes: "y" } };
    const { scopes, asksForAll } = policyOf({ tools, askFor: "all" });
    expect({ scopes, asksForAll }).toEqual({ scopes: ["x", "y"], asksForAll: true });
  });

  it("POLICY-2: a name of a million characters costs no more than reading it", async () => {
    const name = "a".repeat(1_000_000);
    const tools = { "a*a*a*a*a*b": false, "*b*": false, [`${name}c`]: false };
    const begin = performance.now();
    expect(await denial({ tools }, toolCall(name))).toBeUndefined();
    expect(performance.now() - begin).toBeLessThan(1_000);
  });
});
