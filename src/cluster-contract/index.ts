/**
 * The checks that every {@link ClusterEngine} passes, the ones of this package and yours. They need no
 * test framework: each has a name and a `run` that rejects when the engine fails it. All of them
 * together take a few seconds.
 *
 * ```ts
 * for (const check of clusterEngineContract(fixture)) test(check.name, check.run);
 * ```
 *
 * @module express-mcp-sse/cluster/contract
 */
import type { StagedCheck } from "./check.js";
import { MESSAGE_CHECKS } from "./messages.js";
import { cutChecks, outageChecks } from "./outages.js";
import type { Outage } from "./outage.js";
import { SET_CHECKS } from "./sets.js";
import { Stage } from "./stage.js";
import { VALUE_CHECKS } from "./values.js";
import type { ClusterEngine } from "../cluster/engine.js";

export type { Outage } from "./outage.js";
export type { ClusterEngine, EngineWrite, SetIndex, VersionedValue } from "../cluster/engine.js";

/** Stands for a part that an engine has no use for; the check is then not listed. */
export interface NotApplicable {
  /** Why not, for whoever reads the fixture. */
  readonly notApplicable: string;
}

/** What the checks need to know of an engine. */
export interface ClusterEngineFixture {
  /** Makes an engine, over the same middleware each time. Several are in use at a time, as in several nodes. */
  create(): ClusterEngine | Promise<ClusterEngine>;
  /** Takes the middleware away, such as by stopping it, and gives it back. `end` is also called when the check fails. */
  readonly outage: Outage | NotApplicable;
  /** Breaks the connections over which engines hear; the middleware goes on. */
  readonly cut: (() => void | Promise<void>) | NotApplicable;
}

/** One check. */
export interface ContractCheck {
  /** A sentence about the engine. */
  readonly name: string;
  /** Rejects, mostly with an `AssertionError`, when the engine does not do what `name` says. */
  readonly run: () => Promise<void>;
}

/** The checks that apply to an engine. */
export function clusterEngineContract(fixture: ClusterEngineFixture): readonly ContractCheck[] {
  const { outage, cut } = fixture;
  const checks: readonly StagedCheck[] = [
    ...MESSAGE_CHECKS,
    ...VALUE_CHECKS,
    ...SET_CHECKS,
    ...("notApplicable" in outage ? [] : outageChecks(outage)),
    ...("notApplicable" in cut ? [] : cutChecks(cut)),
  ];
  return checks.map(({ name, body }) => ({ name, run: () => runOn(fixture, body) }));
}

async function runOn(fixture: ClusterEngineFixture, body: StagedCheck["body"]): Promise<void> {
  const stage = new Stage(() => fixture.create());
  try {
    await body(stage);
  } finally {
    await stage.clear();
  }
}
