import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { RunningProcess } from "../package/processes.js";

/** Revisions whose requirements the suite has, and how many scenarios of servers belong to each. */
export const REVISIONS = { "2025-11-25": 33, "2026-07-28": 50 } as const;

export type Revision = keyof typeof REVISIONS;

const PACKAGE = join(import.meta.dirname, "node_modules", "@modelcontextprotocol", "conformance");

/** A run takes ten seconds; what hangs must not hold CI. */
const TIMEOUT_MS = 120_000;

/** What the suite found out about one thing. */
interface Finding {
  readonly id: string;
  readonly status: "SUCCESS" | "FAILURE" | "WARNING" | "SKIPPED" | "INFO";
  readonly errorMessage?: string;
}

/**
 * The scenarios of servers that belong to a revision: those that are scored, and those that are only
 * reported, since the suite's own server does not pass them.
 */
export function scenariosOf(revision: Revision): string[] {
  const text = readFileSync(join(PACKAGE, "requirements", `${revision}.yaml`), "utf8");
  const [, scored = ""] = /^server:\n((?: {2}- .*\n)+)/m.exec(text) ?? [];
  const names = [
    ...scored.matchAll(/- (\S+)/g),
    ...text.matchAll(/- scenario: (\S+)\n +leg: server/g),
  ].map(([, name]) => name!);
  if (names.length !== REVISIONS[revision]) throw new Error(`${revision} has ${names.length}`);
  return names;
}

/** The suite, with the Node that it needs: it does not start on the one that runs all else. */
export class Suite {
  constructor(
    readonly node: string,
    /** Where each run gets a folder of its own. */
    readonly folder: string,
  ) {}

  /** Begins a run. @param name of its folder. */
  start(name: string, command: string, args: readonly string[]): SuiteRun {
    const results = join(this.folder, name);
    const program = join(PACKAGE, "dist", "index.js");
    const given = [program, command, ...args, "--output-dir", results];
    return new SuiteRun(
      new RunningProcess(this.node, given, { cwd: this.folder, timeoutMs: TIMEOUT_MS }),
      results,
    );
  }
}

/** A run of the suite, and what it found out. */
export class SuiteRun {
  readonly #results: string;

  constructor(
    readonly process: RunningProcess,
    results: string,
  ) {
    this.#results = results;
  }

  /** Resolves when it has ended by itself; with code 1 something has failed, and `check` says what. */
  async ended(): Promise<void> {
    const why = await this.process.ended;
    if (why !== undefined && why !== "exit code 1") throw this.process.failure(why);
  }

  /**
   * Fails for a scenario that did not run, or did not show all that it is for: a warning says what an
   * implementation should do, and what was skipped was not shown.
   */
  check(scenario: string): void {
    const bad = this.#shortOf(scenario);
    if (bad.length > 0) throw new Error(bad.map(said).join("\n"));
  }

  /** Fails for one that is expected to fail, and did not run, or passes. */
  checkFailure(scenario: string): void {
    if (this.#shortOf(scenario).length === 0) throw new Error("passes: expect it to");
  }

  /** What it did not show. */
  #shortOf(scenario: string): Finding[] {
    const folder = readdirSync(this.#results).find((name) => isOf(scenario, name));
    if (folder === undefined) throw new Error("did not run");
    const text = readFileSync(join(this.#results, folder, "checks.json"), "utf8");
    const findings = JSON.parse(text) as Finding[];
    if (!findings.some(({ status }) => status === "SUCCESS" || status === "FAILURE")) {
      return [{ id: scenario, status: "SKIPPED", errorMessage: "looked at nothing" }];
    }
    return findings.filter(({ status }) => status !== "SUCCESS" && status !== "INFO");
  }
}

function said({ id, status, errorMessage = "" }: Finding): string {
  return `${status} ${id}: ${errorMessage}`;
}

/** Folders are named for what was tested, for the scenario, and for when it ran. */
function isOf(scenario: string, folder: string): boolean {
  const name = folder.replace(/-\d{4}-\d\d-\d\dT[\d-]+Z$/, "");
  return ["server", "authorization-server"].some((tested) => name === `${tested}-${scenario}`);
}
