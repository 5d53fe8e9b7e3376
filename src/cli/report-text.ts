import type { Severity } from "../doctor/contract.js";
import { SEVERITIES } from "../doctor/report.js";
import type { Report, ReportedFinding, StepReport } from "../doctor/report.js";
import type { Paint } from "./terminal.js";

/** Lines are no longer than this, also where there is more room. */
const WIDTH = 100;

/** How an outcome is shown: never by its colour alone. */
const MARKS = {
  fine: { sign: "✓", word: "ok", style: "green" },
  note: { sign: "i", word: "note", style: "cyan" },
  warning: { sign: "!", word: "warning", style: "yellow" },
  error: { sign: "✗", word: "error", style: "red" },
  absent: { sign: "–", word: "absent", style: "dim" },
  skipped: { sign: "–", word: "skipped", style: "dim" },
} as const;

/** A report for people. */
export function reportText(report: Report, paint: Paint, columns = WIDTH): string {
  const width = Math.max(40, Math.min(WIDTH, columns));
  const shown = report.credentials.map((each) => `\n${paint("dim", `with ${each}`)}`);
  return [
    `${paint("bold", report.url)}${shown.join("")}`,
    stepsText(report.steps, paint, width),
    ...report.findings.map((finding) => findingText(finding, paint, width)),
    conclusion(report, paint, width),
  ]
    .join("\n\n")
    .concat("\n");
}

/** A line for each step that was made, and one for all others. */
function stepsText(steps: readonly StepReport[], paint: Paint, width: number): string {
  const made = steps.filter(({ outcome }) => outcome !== "skipped");
  const skipped = steps.filter(({ outcome }) => outcome === "skipped").map(({ title }) => title);
  const titles = Math.max(...made.map(({ title }) => title.length));
  const lines = made.map((step) => stepLine(step, titles, paint, width));
  if (skipped.length > 0) {
    const list = wrapped(skipped.join("; "), width, HEAD);
    lines.push(`  ${outcomeText("skipped", paint)} ${list}`);
  }
  return lines.join("\n");
}

/** Columns that an outcome takes, with the spaces around it. */
const HEAD = 12;

/** A text that has fewer columns than this beside its title stands below it. */
const NARROW = 30;

function stepLine(
  { title, outcome, text }: StepReport,
  titles: number,
  paint: Paint,
  width: number,
): string {
  const head = `  ${outcomeText(outcome, paint)} `;
  const column = HEAD + titles + 1;
  if (width - column >= NARROW)
    return `${head}${title.padEnd(titles)} ${wrapped(text, width, column)}`;
  return `${head}${wrapped(title, width, HEAD)}\n${" ".repeat(HEAD)}${wrapped(text, width, HEAD)}`;
}

function outcomeText(outcome: StepReport["outcome"], paint: Paint): string {
  const { sign, word, style } = MARKS[outcome];
  return paint(style, `${sign} ${word.padEnd(7)}`);
}

function findingText(finding: ReportedFinding, paint: Paint, width: number): string {
  const { sign, word, style } = MARKS[finding.severity];
  const line = (name: string, text: string) =>
    `  ${paint("dim", name.padEnd(7))} ${wrapped(text, width, 10)}`;
  return [
    `${paint([style, "bold"], `${sign} ${word}`)} ${paint("bold", finding.id)}`,
    line("seen", finding.seen),
    line("cause", finding.cause),
    line("change", finding.change),
    // A URL that is broken cannot be followed.
    `  ${paint("dim", "more".padEnd(7))} ${finding.docs}`,
  ].join("\n");
}

function conclusion({ findings, lacksCredential }: Report, paint: Paint, width: number): string {
  const counts = SEVERITIES.map((severity) => countOf(findings, severity)).filter(
    (count) => count !== "",
  );
  const [worst] = findings;
  const verdict =
    worst === undefined
      ? paint("green", "No fault was found.")
      : paint(MARKS[worst.severity].style, `${counts.join(", ")}.`);
  const hint =
    "Strangers are turned away, and there was no credential to go on with: give one with --bearer, --header or --query.";
  return lacksCredential ? `${verdict}\n${wrapped(hint, width, 0)}` : verdict;
}

function countOf(findings: readonly ReportedFinding[], severity: Severity): string {
  const count = findings.filter((finding) => finding.severity === severity).length;
  return count === 0 ? "" : `${count} ${severity}${count === 1 ? "" : "s"}`;
}

/** A text in lines, each but the first behind so many spaces. */
function wrapped(text: string, width: number, indent: number): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && indent + line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].join(`\n${" ".repeat(indent)}`);
}
