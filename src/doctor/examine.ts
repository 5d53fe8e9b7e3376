import { createAsk } from "./ask.js";
import type { Target } from "./contract.js";
import { secretOf } from "./credential-shape.js";
import type { Evidence } from "./evidence.js";
import { FINDERS } from "./findings.js";
import { createRedact, fingerprint, shownUrl } from "./fingerprint.js";
import type { Redact } from "./fingerprint.js";
import { judge, worstAt } from "./report.js";
import type { Report, ReportedFinding, StepReport } from "./report.js";
import type { Description, Step, Visit } from "./step.js";
import { STEPS } from "./steps.js";
import { wantsCredential } from "./visit.js";

export interface ExamineOptions {
  /** Called before each step that is made. */
  readonly onStep?: (step: Pick<Step, "name" | "title">) => void;
  /** Ends the examination: it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** What is known of a step when all are over. */
interface Made {
  readonly step: Step;
  /** `undefined` for a step that was not made. */
  readonly description?: Description | undefined;
  readonly tookMs: number;
}

/** Makes every step that is needed, and judges what they gathered. */
export async function examine(
  target: Target,
  { onStep, signal = new AbortController().signal }: ExamineOptions = {},
): Promise<Report> {
  const ask = createAsk(target, signal);
  let evidence: Evidence = { target };
  const made: Made[] = [];
  for (const step of STEPS) {
    signal.throwIfAborted();
    const visit: Visit = { evidence, ask, signal };
    if (!step.isNeeded(visit)) {
      made.push({ step, tookMs: 0 });
      continue;
    }
    onStep?.(step);
    const begin = performance.now();
    const part = await step.gather(visit);
    evidence = { ...evidence, [step.name]: part };
    const description = part && step.describe(part);
    made.push({ step, description, tookMs: Math.round(performance.now() - begin) });
  }
  signal.throwIfAborted();
  return reportOf(evidence, made, judge(evidence, FINDERS));
}

/** Everything that may be shown, and nothing else. */
function reportOf(
  evidence: Evidence,
  made: readonly Made[],
  findings: readonly ReportedFinding[],
): Report {
  const { target } = evidence;
  const redact = createRedact(target);
  return {
    schema: 1,
    url: shownUrl(target.url),
    credentials: target.credentials.map((credential) => {
      const name = credential.kind === "bearer" ? "" : ` ${credential.name}`;
      return redact(`${credential.kind}${name}`) + ` ${fingerprint(secretOf(credential))}`;
    }),
    lacksCredential: target.credentials.length === 0 && wantsCredential(evidence),
    steps: made.map((each) => stepReportOf(each, findings, redact)),
    findings: findings.map((finding) => ({
      ...finding,
      seen: redact(finding.seen),
      cause: redact(finding.cause),
      change: redact(finding.change),
    })),
  };
}

function stepReportOf(
  { step: { name, title }, description, tookMs }: Made,
  findings: readonly ReportedFinding[],
  redact: Redact,
): StepReport {
  if (description === undefined) return { name, title, outcome: "skipped", text: "", tookMs };
  const otherwise = description.isAbsent === true ? "absent" : "fine";
  const outcome = worstAt(name, findings) ?? otherwise;
  return { name, title, outcome, text: redact(description.text), tookMs };
}
