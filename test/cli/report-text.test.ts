import { reportText } from "../../src/cli/report-text.js";
import type { Report, StepReport } from "../../src/doctor/report.js";
import { STEPS } from "../../src/doctor/steps.js";

const TEXT = "2025-11-25, with a session, 12 tools, and a text that is longer than a line";

/** A report in which each step was made that is no page's. */
function reportOf(outcomeOf: (name: string) => StepReport["outcome"]): Report {
  const steps = STEPS.map(({ name, title }) => {
    const outcome = outcomeOf(name);
    return { name, title, outcome, text: outcome === "skipped" ? "" : TEXT, tookMs: 1 };
  });
  const url = "http://127.0.0.1/mcp";
  return { schema: 1, url, credentials: [], lacksCredential: false, steps, findings: [] };
}

function linesOf(report: Report, columns: number): string[] {
  return reportText(report, (_style, text) => text, columns).split("\n");
}

it("CLI-7: what is said of each step begins in one column, and no line is wider than 80 columns", () => {
  const lines = linesOf(
    reportOf(() => "fine"),
    80,
  );
  const columns = lines.map((line) => line.indexOf("2025-11-25,")).filter((at) => at >= 0);
  expect(columns).toHaveLength(STEPS.length);
  expect(new Set(columns).size).toBe(1);
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
  for (const { title } of STEPS) {
    expect(lines.filter((line) => line.includes(`${title} `))).toHaveLength(1);
  }
});

it("CLI-7: on a narrow terminal it stands below the step's title", () => {
  const lines = linesOf(
    reportOf(() => "fine"),
    40,
  );
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(40);
  const at = lines.indexOf("  ✓ ok      Streamable HTTP");
  expect(lines[at + 1]).toBe("            2025-11-25, with a session,");
});

it("CLI-7: steps that were skipped are told in one sentence", () => {
  const report = reportOf((name) => (name === "stranger" ? "error" : "skipped"));
  const text = linesOf(report, 100).join(" ").replace(/\s+/g, " ");
  const [, ...others] = STEPS.map(({ title }) => title);
  expect(text).toContain(`– skipped ${others.join("; ")} `);
  expect(text.match(/skipped/g)).toHaveLength(1);
});
