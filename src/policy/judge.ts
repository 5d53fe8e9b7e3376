import { Findings } from "./findings.js";
import { readAnswer, readRoles } from "./policy-answer.js";
import { JudgedCall } from "./policy-call.js";
import type { PolicyAsker, PolicyKind } from "./policy.js";
import type { RuleRunner } from "./rule-runner.js";
import type { Rule, RuleTable } from "./rule-table.js";
import type { PolicyRoles } from "./rules.js";
import type { Target } from "./targets.js";
import { readUri } from "./uri-readings.js";
import type { UriReadings } from "./uri-readings.js";

export interface JudgeInit {
  readonly tables: Readonly<Record<PolicyKind, RuleTable>>;
  /** Whether what no rule matches is denied. */
  readonly deniesOthers: boolean;
  readonly roles: PolicyRoles | undefined;
  readonly runner: RuleRunner;
}

/** What the rules say of a target, before any call is counted. */
export interface Judged {
  readonly findings: Findings;
  /** Those that match. */
  readonly rules: readonly Rule[];
  /** By which calls are counted, however the target was written. */
  readonly name: string;
}

/** A rule that matches, and the readings by which it does. */
interface Match {
  readonly rule: Rule;
  readonly names: string[];
}

/** Somebody who asks, and what was found out about them on the way. */
export class Asking {
  readonly asker: PolicyAsker;
  #roles: { readonly said: unknown } | undefined;

  constructor(asker: PolicyAsker) {
    this.asker = asker;
  }

  /** What option `roles` says, asked once for all rules and entries. */
  rolesFrom(ask: PolicyRoles): unknown {
    this.#roles ??= { said: ask(this.asker.principal) };
    return this.#roles.said;
  }
}

/** Asks the rules that match: the same for calls and for what is listed. */
export class Judge {
  readonly #init: JudgeInit;

  constructor(init: JudgeInit) {
    this.#init = init;
  }

  /** @returns what is found out at once; more may come, see `Findings.settled`. Never throws. */
  judge(target: Target, asking: Asking): Judged {
    const { kind, name, isUri } = target;
    const findings = new Findings();
    const readings = isUri ? readUri(name) : { strict: [name], lenient: [] };
    if (readings === undefined) {
      findings.forbid();
      return { findings, rules: [], name };
    }
    const matches = this.#find(kind, readings, findings);
    const { asker } = asking;
    // First what runs nobody's code: who may not have it in any case is no reason to.
    for (const { rule } of matches) this.#askScopes(rule, asker, findings);
    for (const { rule, names } of matches) {
      if (findings.isForbidden()) break;
      this.#askRoles(rule, asking, findings);
      if (findings.isForbidden()) break;
      for (const name of names) this.#askWhen(rule, name, { target, asker, findings });
    }
    return {
      findings,
      rules: matches.map(({ rule }) => rule),
      name: readings.strict.at(-1) ?? name,
    };
  }

  /** The rules that match, each once. */
  #find(kind: PolicyKind, readings: UriReadings, findings: Findings): readonly Match[] {
    const table = this.#init.tables[kind];
    const matches: Match[] = [];
    for (const name of readings.strict) {
      const rules = table.find(name);
      if (rules.length === 0 && this.#init.deniesOthers) findings.forbid();
      for (const rule of rules) {
        const known = matches.find((match) => match.rule === rule);
        if (known === undefined) matches.push({ rule, names: [name] });
        else known.names.push(name);
      }
    }
    for (const name of readings.lenient) {
      for (const rule of table.find(name)) {
        if (!matches.some((match) => match.rule === rule)) matches.push({ rule, names: [name] });
      }
    }
    return matches;
  }

  #askScopes(rule: Rule, asker: PolicyAsker, findings: Findings): void {
    if (rule.isNever) findings.forbid();
    if (rule.scopes.length === 0) return;
    try {
      findings.need(rule.scopes, asker);
    } catch (error) {
      this.#init.runner.fail(rule.name, error, findings);
    }
  }

  #askRoles(rule: Rule, asking: Asking, findings: Findings): void {
    const { roles } = this.#init;
    if (rule.roles.length === 0 || roles === undefined) return;
    const take = (answer: unknown) => {
      const held = readRoles(answer);
      if (!rule.roles.some((role) => held.includes(role))) findings.forbid();
    };
    this.#init.runner.run({ rule: rule.name, ask: () => asking.rolesFrom(roles), take }, findings);
  }

  #askWhen(
    rule: Rule,
    name: string,
    of: { readonly target: Target; readonly asker: PolicyAsker; readonly findings: Findings },
  ): void {
    const { when } = rule;
    const { target, asker, findings } = of;
    if (when === undefined) return;
    const call = new JudgedCall(target.kind, name, target.arguments, asker);
    const take = (answer: unknown) => {
      const { isDenied, reason, scopes } = readAnswer(answer);
      if (isDenied) findings.forbid(reason);
      else findings.need(scopes, asker);
    };
    const run = { rule: rule.name, ask: () => when(asker.principal, call), take };
    this.#init.runner.run({ ...run, isMoot: () => call.dependsOnArguments }, findings);
  }
}
