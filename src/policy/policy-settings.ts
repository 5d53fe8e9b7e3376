import type { Principal } from "../auth/principal.js";
import type { PolicyKind } from "./policy.js";
import type { PolicyRequest, PolicyRoles } from "./rules.js";

/** A rule's function, `when` or `decide`; what it answers is looked at when it does. */
export type RuleCode = (principal: Principal, call: PolicyRequest) => unknown;

/** One rule, checked. */
export interface RuleSettings {
  /** What it is about: a name, or a pattern. */
  readonly key: string;
  /** As errors and the log call it: `options.policy.tools["delete_*"]`. */
  readonly name: string;
  /** Whether it permits nothing to anybody. */
  readonly isNever: boolean;
  readonly scopes: readonly string[];
  /** One of them is needed; nothing where there are none. */
  readonly roles: readonly string[];
  readonly when: RuleCode | undefined;
  readonly perMinute: number | undefined;
}

/** Option `policy`, checked and complete. A function is a rule for everything. */
export interface PolicySettings {
  readonly rules: Readonly<Record<PolicyKind, readonly RuleSettings[]>>;
  readonly otherwise: "allow" | "deny";
  /** `undefined` only where no rule has roles. */
  readonly roles: PolicyRoles | undefined;
  readonly askFor: "needed" | "all";
  readonly denied: "in-band" | "http-403";
  readonly conceal: boolean;
  readonly timeoutMs: number;
}
