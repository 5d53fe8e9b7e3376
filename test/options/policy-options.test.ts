import { createSseRouter, MCPServer } from "../../src/index.js";

const common = {
  auth: { type: "apikey", options: { keys: ["0123456789abcdef"] } },
  createServer: (): undefined => undefined,
} as const;

const create = (policy: unknown, more: object = {}) =>
  createSseRouter({ ...common, policy, ...more } as never);

describe("policy", () => {
  const MISTAKES: readonly (readonly [policy: unknown, what: string, instead: string])[] = [
    [{ tool: {} }, "policy.tool is not an option", 'Did you mean "tools"?'],
    [{ tools: { "delete_*": { scope: ["x"] } } }, 'policy.tools["delete_*"].scope', '"scopes"'],
    [{ tools: { "delete_*": { scopes: [] } } }, 'policy.tools["delete_*"].scopes', "empty list"],
    [{ tools: { x: { scopes: "a b" } } }, 'policy.tools["x"].scopes', 'Write ["mcp:read"'],
    [{ tools: { x: { scopes: ["a", 'b"'] } } }, 'policy.tools["x"].scopes', "no scope"],
    [{ tools: { x: { scopes: ["ü"] } } }, 'policy.tools["x"].scopes', "no scope"],
    [{ tools: { x: { scopes: undefined } } }, 'policy.tools["x"].scopes', "is undefined"],
    [{ tools: { x: { roles: [] } }, roles: () => [] }, 'policy.tools["x"].roles', "empty list"],
    [{ tools: { x: { roles: "hr" } } }, 'policy.tools["x"].roles', "Write roles: (principal)"],
    [{ tools: { x: { when: true } } }, 'policy.tools["x"].when', "Write when: (principal, call)"],
    [{ tools: { x: { perMinute: 0 } } }, 'policy.tools["x"].perMinute', "write false"],
    [{ tools: { x: { perMinute: -1 } } }, 'policy.tools["x"].perMinute', "from 1"],
    [{ tools: { x: { perMinute: 0.5 } } }, 'policy.tools["x"].perMinute', "whole number"],
    [{ tools: { x: { perMinute: Infinity } } }, 'policy.tools["x"].perMinute', "from 1"],
    [{ tools: { x: { perMinute: "5" } } }, 'policy.tools["x"].perMinute', "from 1"],
    [{ tools: { x: {} } }, 'policy.tools["x"] has no condition', "Write true"],
    [{ tools: { x: "read" } }, 'policy.tools["x"] is no rule', "Write true, false"],
    [{ tools: { x: undefined } }, 'policy.tools["x"] is no rule', "Write true, false"],
    [{ tools: { x: ["read"] } }, 'policy.tools["x"] must be an object', "scopes"],
    [{ tools: { "": true } }, 'policy.tools[""] can never match', 'write "*"'],
    [{ tools: { " ": true } }, 'policy.tools[" "] can never match', 'write "*"'],
    [{ tools: { ["__proto__"]: {} } }, 'policy.tools["__proto__"] has no condition', "true"],
    [{ tools: { __proto__: { scopes: "x" } } }, "policy.tools must be a plain object", "__proto__"],
    [{ tools: new Map([["x", false]]) }, "policy.tools must be a plain object", "Write {"],
    [{ tools: [["x", false]] }, "policy.tools must be a plain object", "Write {"],
    [{ tools: undefined }, "policy.tools", "is undefined"],
    [{ resources: { "/public/*": true } }, 'policy.resources["/public/*"]', "file:///public/*"],
    [{ resources: { public: true } }, 'policy.resources["public"]', "can never match"],
    [{ resources: { ":x": true } }, 'policy.resources[":x"]', "can never match"],
    [{ methods: { "tools/call": false } }, 'policy.methods["tools/call"]', "can never match"],
    [{ methods: { ping: false } }, 'policy.methods["ping"]', "always permitted"],
    [{ methods: { "notifications/*": false } }, 'policy.methods["notifications/*"]', "never"],
    [{ otherwise: "forbid" }, "policy.otherwise", '"allow" or "deny"'],
    [{ otherwise: undefined }, "policy.otherwise", "is undefined"],
    [{ denied: 403 }, "policy.denied", '"in-band" or "http-403"'],
    [{ askFor: "some" }, "policy.askFor", '"needed" or "all"'],
    [{ askFor: "all", tools: { x: true } }, "policy.askFor", "no rule has any"],
    [{ conceal: "yes" }, "policy.conceal", "true or false"],
    [{ conceal: true, denied: "http-403" }, "policy.conceal", "Leave one of them out"],
    [{ timeoutMs: 0 }, "policy.timeoutMs", "from 1"],
    [{ roles: ["hr"] }, "policy.roles", "Write roles: (principal)"],
    [{ decide: true }, "policy.decide", "Write decide: (request)"],
    [{ decide: () => true, tools: {} }, "policy.tools", "decide"],
    [{ decide: () => true, otherwise: "deny" }, "policy.otherwise", "decide"],
    [{ decide: () => true, askFor: "all" }, "policy.askFor", "decide"],
    [true, "policy must be an object", "tools"],
    [null, "policy must be an object", "tools"],
    [undefined, "policy", "is undefined"],
  ];

  it.each(MISTAKES.map(([policy, what, instead]) => ({ policy, what, instead })))(
    "POLICY-17: a mistake is refused: $what … $instead",
    ({ policy, what, instead }) => {
      const act = () => create(policy);
      expect(act).toThrow(TypeError);
      expect(act).toThrow(`options.${what}`);
      expect(act).toThrow(instead);
    },
  );

  it.each([
    [{}],
    [() => true],
    [{ decide: async () => true, denied: "http-403", timeoutMs: 10 }],
    [{ tools: Object.assign(Object.create(null) as object, { x: true }) }],
    [{ resources: { "*": true, "f*": true, "file:*": true, "urn:isbn:*": true, "*.txt": true } }],
    [{ methods: { "*": false, "tasks/*": true } }],
    [
      {
        tools: { x: { scopes: "a", roles: ["b"], when: () => true, perMinute: 5 } },
        roles: () => [],
      },
    ],
    [{ tools: { x: { scopes: "a" } }, askFor: "all", conceal: true, otherwise: "deny" }],
  ])("POLICY-17: what makes sense is taken, %#", (policy) => {
    expect(() => create(policy)).not.toThrow();
  });

  it("POLICY-18: an open endpoint has nobody to judge", () => {
    expect(() => create({ otherwise: "deny" }, { auth: false })).toThrow(
      new TypeError(
        "options.policy needs callers who are known, and auth is false. Say in auth who may call, or leave policy out.",
      ),
    );
    const open = { transport: { type: "sse", options: { policy: () => false } } } as const;
    expect(() => new MCPServer(open)).toThrow("transport.options.policy needs callers");
  });

  it.each([
    ["policy", { policy: {} }],
    ["transport.policy", { transport: { type: "stdio", policy: {} } }],
  ])("POLICY-18: over stdio there is nobody either: %s", (_place, config) => {
    expect(() => new MCPServer(config as never)).toThrow(/transport\.options\.policy, with auth/);
  });
});
