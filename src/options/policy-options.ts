import type { PolicyKind } from "../policy/policy.js";
import type { PolicySettings, RuleSettings } from "../policy/policy-settings.js";
import type {
  PolicyConditions,
  PolicyFunction,
  PolicyOptions,
  PolicyRoles,
  PolicyWhen,
} from "../policy/rules.js";
import { isSpokenFor } from "../policy/targets.js";
import { optionError } from "../shared/check.js";
import { isScope } from "../shared/http-syntax.js";
import * as opt from "../shared/option.js";
import { refuseUnused } from "./unused-options.js";

/** {@link PolicyConditions}. */
export const POLICY_CONDITIONS = opt.objectOf({
  scopes: opt.neverUnset(opt.checked(opt.texts(), checkScopes)),
  roles: opt.neverUnset(opt.texts()),
  when: opt.neverUnset(
    opt.optional(opt.callback<PolicyWhen>("Write when: (principal, call) => ….")),
  ),
  perMinute: opt.neverUnset(opt.custom("calls, from 1", readPerMinute)),
} satisfies opt.Declares<PolicyConditions>);

const POLICY = opt.objectOf({
  tools: opt.neverUnset(rules("tool")),
  resources: opt.neverUnset(rules("resource")),
  prompts: opt.neverUnset(rules("prompt")),
  methods: opt.neverUnset(rules("method")),
  otherwise: opt.neverUnset(opt.choice("allow", "deny")),
  roles: opt.neverUnset(
    opt.optional(opt.callback<PolicyRoles>("Write roles: (principal) => […].")),
  ),
  decide: opt.neverUnset(
    opt.optional(opt.callback<PolicyFunction>("Write decide: (request) => ….")),
  ),
  denied: opt.choice("in-band", "http-403"),
  conceal: opt.neverUnset(opt.flag(false)),
  askFor: opt.choice("needed", "all"),
  timeoutMs: opt.milliseconds(5_000),
} satisfies opt.Declares<PolicyOptions>);

/** What callers may do; `undefined` where that is nobody's business but the server's. */
export const policy: opt.Option<PolicySettings | undefined> = opt.neverUnset({
  type: "object, or function",
  options: POLICY.options,
  read(name, value) {
    if (value === undefined) return undefined;
    return readPolicy(name, typeof value === "function" ? { decide: value } : value);
  },
});

/**
 * Security decision: on an open endpoint all callers are one nobody, about whom rules could not say anything. Whoever
 * writes rules there believes that they know who calls.
 */
export function refusePolicyForAll(path: string, policy: PolicySettings | undefined): void {
  if (policy === undefined) return;
  throw optionError(
    `${path}.policy`,
    "needs callers who are known, and auth is false",
    "Say in auth who may call, or leave policy out.",
  );
}

const RULE_OPTIONS = ["tools", "resources", "prompts", "methods", "otherwise", "roles", "askFor"];

function readPolicy(name: string, value: unknown): PolicySettings {
  const { tools, resources, prompts, methods, decide, ...read } = POLICY.read(name, value);
  const { otherwise, roles, denied, conceal, askFor, timeoutMs } = read;
  if (decide !== undefined) {
    refuseUnused(name, value, RULE_OPTIONS, "decide", "Leave it out, or write rules alone.");
  }
  const written = { tool: tools, resource: resources, prompt: prompts, method: methods };
  const all = Object.values(written).flat();
  checkRoles(name, all, roles);
  if (conceal && denied === "http-403") {
    throw optionError(
      `${name}.conceal`,
      'has no meaning with denied: "http-403", which says that there is something',
      "Leave one of them out.",
    );
  }
  if (askFor === "all" && all.every(({ scopes }) => scopes.length === 0)) {
    throw optionError(`${name}.askFor`, "is about scopes, and no rule has any", "Leave it out.");
  }
  const rules = decide === undefined ? written : decidedBy(name, decide);
  return { rules, otherwise, roles, askFor, denied, conceal, timeoutMs };
}

/** A function is a rule for everything. */
function decidedBy(name: string, decide: PolicyFunction): PolicySettings["rules"] {
  const when: RuleSettings["when"] = (_principal, request) => decide(request);
  const rule = { ...NO_CONDITIONS, key: "*", name: `${name}.decide`, when };
  return { tool: [rule], resource: [rule], prompt: [rule], method: [rule] };
}

function checkRoles(
  name: string,
  rules: readonly RuleSettings[],
  roles: PolicyRoles | undefined,
): void {
  const needing = rules.find((rule) => rule.roles.length > 0);
  if (needing !== undefined && roles === undefined) {
    throw optionError(
      `${needing.name}.roles`,
      `needs ${name}.roles, which says who has which`,
      "Write roles: (principal) => […], for example from principal.claims.",
    );
  }
}

const NO_CONDITIONS: Omit<RuleSettings, "key" | "name"> = {
  ...{ isNever: false, scopes: [], roles: [] },
  ...{ when: undefined, perMinute: undefined },
};

/** Rules by what they are about. */
function rules(kind: PolicyKind): opt.Option<readonly RuleSettings[]> {
  return opt.custom("rules by name or pattern", (name, value = {}) => {
    checkMap(name, value);
    return Object.entries(value).map(([key, rule]) => {
      const path = `${name}[${JSON.stringify(key)}]`;
      checkKey(kind, path, key);
      return { key, name: path, ...readRule(path, rule) };
    });
  });
}

/**
 * Security decision: `{ __proto__: … }` writes no rule at all, and a `Map` has none that could be seen; neither may
 * pass for rules.
 */
function checkMap(name: string, value: unknown): asserts value is Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === null || Object.getPrototypeOf(prototype) === null) return;
  }
  throw optionError(
    name,
    "must be a plain object of rules",
    'Write { "name": true }; a rule for "__proto__" is written ["__proto__"].',
  );
}

/** What could match nothing is a mistake, and whoever wrote it takes it that it counts. */
function checkKey(kind: PolicyKind, path: string, key: string): void {
  if (key.trim() === "") {
    throw optionError(path, "can never match", 'Name something, or write "*" for everything.');
  }
  if (kind === "resource" && !BEGINS_URI.test(key)) {
    throw optionError(path, "can never match, since no URI begins so", 'Write "file:///public/*".');
  }
  if (kind === "method" && isSpokenFor(key)) {
    throw optionError(
      path,
      "can never match",
      "Methods that are about a tool, a resource or a prompt go by the rules for that; lists are filtered, and what a conversation is made of is always permitted.",
    );
  }
}

/** A scheme, or a pattern that leaves room for one. @see RFC 3986, section 3.1 */
const BEGINS_URI = /^(?:[a-z][a-z\d+.-]*)?(?:(?<=.):|\*)/i;

function readRule(path: string, rule: unknown): Omit<RuleSettings, "key" | "name"> {
  if (typeof rule === "boolean") return { ...NO_CONDITIONS, isNever: !rule };
  if (typeof rule !== "object" || rule === null) {
    throw optionError(path, "is no rule", 'Write true, false, or { scopes: ["…"] }.');
  }
  const { scopes, roles, when, perMinute } = POLICY_CONDITIONS.read(path, rule);
  if (Object.keys(rule).length === 0) {
    throw optionError(path, "has no condition", "Write true if that is meant.");
  }
  return { ...NO_CONDITIONS, scopes: scopes ?? [], roles: roles ?? [], when, perMinute };
}

function checkScopes(
  name: string,
  scopes: readonly string[] | undefined,
): readonly string[] | undefined {
  if (scopes === undefined || scopes.every(isScope)) return scopes;
  throw optionError(
    name,
    "holds something that is no scope",
    'Write ["mcp:read", "mcp:write"]: a scope has no spaces, quotation marks or backslashes.',
  );
}

function readPerMinute(name: string, value: unknown): number | undefined {
  if (value === undefined) return undefined;
  if (Number.isSafeInteger(value) && (value as number) >= 1) return value as number;
  throw optionError(
    name,
    "must be a whole number from 1",
    "To forbid it, write false as the rule.",
  );
}
