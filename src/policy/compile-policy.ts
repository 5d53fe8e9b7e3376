import { ownerKey } from "../auth/principal.js";
import type { JsonRpcMessage } from "../shared/json-rpc.js";
import type { SharedCounter } from "../shared/shared-counter.js";
import { Asking, Judge } from "./judge.js";
import type { Judged } from "./judge.js";
import { filterResult, LISTED_BY } from "./list-filter.js";
import type { PolicySettings, RuleSettings } from "./policy-settings.js";
import type { Denial, Policy, PolicyAsker, PolicyKind, ResultFilter, Verdict } from "./policy.js";
import { RateLimit, WINDOW_MS } from "./rate-limit.js";
import { RuleRunner } from "./rule-runner.js";
import type { FaultListener } from "./rule-runner.js";
import { RuleTable } from "./rule-table.js";
import { entryTarget, targetOf } from "./targets.js";
import type { Target } from "./targets.js";
import { spellingsOf } from "./uri-readings.js";

/** What a policy needs of the endpoint that it is for. */
export interface PolicySurroundings {
  /**
   * Is told of each rule that threw, was late, or answered what is none, while a call was judged, a list filtered
   * or a notification held back. Must not throw.
   */
  readonly onFault: FaultListener;
  /** Counts for other processes, too. Default: each counts for itself. */
  readonly createCounter?: ((windowMs: number) => SharedCounter | undefined) | undefined;
}

/** Makes of option `policy` what is asked. */
export function compilePolicy(settings: PolicySettings, surroundings: PolicySurroundings): Policy {
  return new CompiledPolicy(settings, surroundings);
}

const NAMELESS: Denial = {
  code: "forbidden",
  reason: "the request does not say what it is about.",
};

class CompiledPolicy implements Policy {
  readonly scopes: readonly string[];
  readonly asksForAll: boolean;
  readonly denied: Policy["denied"];
  readonly conceals: boolean;
  readonly #judge: Judge;

  constructor(settings: PolicySettings, { onFault, createCounter }: PolicySurroundings) {
    const { rules, otherwise, roles, timeoutMs, askFor, denied, conceal } = settings;
    const all = Object.values(rules).flat();
    const isLimited = all.some(({ perMinute }) => perMinute !== undefined);
    const counter = isLimited ? createCounter?.(WINDOW_MS) : undefined;
    this.scopes = [...new Set(all.flatMap(({ scopes }) => scopes))];
    this.asksForAll = askFor === "all";
    this.denied = denied;
    this.conceals = conceal;
    this.#judge = new Judge({
      tables: {
        tool: tableOf("tool", rules.tool, counter),
        resource: tableOf("resource", rules.resource, counter),
        prompt: tableOf("prompt", rules.prompt, counter),
        method: tableOf("method", rules.method, counter),
      },
      ...{ deniesOthers: otherwise === "deny", roles },
      runner: new RuleRunner(timeoutMs, onFault),
    });
  }

  judge(message: JsonRpcMessage, asker: PolicyAsker): Verdict | Promise<Verdict> {
    const target = targetOf(message);
    if (target === undefined) return undefined;
    if (target === "malformed") {
      // Security decision: a request that names nothing could mean anything to its server.
      const { method: name } = message as { readonly method: string };
      return { kind: "method", name, denial: NAMELESS };
    }
    const judged = this.#judge.judge(target, new Asking(asker));
    const { settled } = judged.findings;
    return settled === undefined
      ? this.#decide(target, judged, asker)
      : settled.then(() => this.#decide(target, judged, asker));
  }

  filterOf(message: JsonRpcMessage, asker: PolicyAsker): ResultFilter | undefined {
    if (!("method" in message && "id" in message)) return undefined;
    const member = LISTED_BY.get(message.method);
    if (member === undefined) return undefined;
    const asking = new Asking(asker);
    return (result) => filterResult(result, member, (entry) => this.#permits(entry, asking));
  }

  mayHear(uri: string, asker: PolicyAsker): boolean | Promise<boolean> {
    return this.#permits(entryTarget("resource", uri, true), new Asking(asker));
  }

  #permits(target: Target, asking: Asking): boolean | Promise<boolean> {
    const { findings } = this.#judge.judge(target, asking);
    const isPermitted = () => findings.denial(this.conceals) === undefined;
    return findings.settled?.then(isPermitted) ?? isPermitted();
  }

  #decide(
    { kind, name, counts }: Target,
    { findings, rules, name: plainName }: Judged,
    asker: PolicyAsker,
  ): Verdict | Promise<Verdict> {
    const denial = findings.denial(this.conceals);
    if (denial !== undefined) return { kind, name, denial };
    if (!counts || rules.every(({ limit }) => limit === undefined)) return undefined;
    const limits = rules.flatMap(({ limit }) => limit ?? []);
    const owner = ownerKey(asker.principal);
    // Each counts what is permitted otherwise, also what another refuses: trying on costs.
    const taken = Promise.all(limits.map((limit) => limit.take(owner, `${kind} ${plainName}`)));
    return taken.then((waits) => {
      const denied = rateLimited(waits);
      return denied && { kind, name, denial: denied };
    });
  }
}

function rateLimited(waits: readonly (number | undefined)[]): Denial | undefined {
  const longest = Math.max(0, ...waits.map((wait) => wait ?? 0));
  return longest === 0 ? undefined : { code: "rate_limited", retryAfterMs: Math.ceil(longest) };
}

function tableOf(
  kind: PolicyKind,
  rules: readonly RuleSettings[],
  counter: SharedCounter | undefined,
): RuleTable {
  const table = new RuleTable();
  for (const { key, perMinute, ...rule } of rules) {
    const limit =
      perMinute === undefined ? undefined : new RateLimit(rule.name, perMinute, counter);
    const compiled = { ...rule, limit };
    const keys = kind === "resource" ? spellingsOf(key) : [key];
    for (const spelling of keys) table.add(spelling, compiled);
  }
  return table;
}
