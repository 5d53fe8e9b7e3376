import type { Finding, Severity } from "./contract.js";
import type { Evidence, Finder, PartName } from "./evidence.js";

/**
 * What an examination found. `schema` changes when something is renamed, removed or means something else; what is added
 * does not change it.
 */
export interface Report {
  readonly schema: 1;
  /** The URL that was examined; values of its query by their fingerprints. */
  readonly url: string;
  /** The credentials that were shown to it: `bearer sha256:…`. */
  readonly credentials: readonly string[];
  /** Whether strangers are turned away, and there was no credential to go on with: then much was not asked. */
  readonly lacksCredential: boolean;
  readonly steps: readonly StepReport[];
  /** The worst first. */
  readonly findings: readonly ReportedFinding[];
}

/** A finding with its step, and the whole URL of its explanation. */
export type ReportedFinding = Finding & { readonly step: PartName };

/** What became of a step. */
export interface StepReport {
  readonly name: PartName;
  readonly title: string;
  /** `absent`: the server does not have what was asked for, and need not; `skipped`: it was not asked. */
  readonly outcome: "fine" | Severity | "absent" | "skipped";
  /** What was seen; empty where the step was skipped. */
  readonly text: string;
  readonly tookMs: number;
}

/** The worst first. */
export const SEVERITIES = ["error", "warning", "note"] as const satisfies readonly Severity[];

const DOCS = "https://github.com/express-mcp-sse/express-mcp-sse/blob/main/docs/";

/** What is found in the evidence: the worst first, and of one severity the cause first. Consequences are left out. */
export function judge(evidence: Evidence, finders: readonly Finder[]): ReportedFinding[] {
  const found = finders.flatMap((finder) => {
    const observation = finder.look(evidence);
    return observation === undefined ? [] : [{ finder, observation }];
  });
  const hidden = new Set(found.flatMap(({ finder }) => finder.hides ?? []));
  return found
    .filter(({ finder }) => !hidden.has(finder.id))
    .map(({ finder: { id, severity, step, docs }, observation: { seen, cause, change } }) => {
      return { id, severity, step, seen, cause, change, docs: DOCS + docs };
    })
    .sort((a, b) => rankOf(a.severity) - rankOf(b.severity));
}

function rankOf(severity: Severity): number {
  return SEVERITIES.indexOf(severity);
}

/** The worst that was found at a step. */
export function worstAt(
  step: PartName,
  findings: readonly ReportedFinding[],
): Severity | undefined {
  return findings.find((finding) => finding.step === step)?.severity;
}
