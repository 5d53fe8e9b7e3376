/** What a policy, or whatever else, opens to callers. */
export type AccessKind = "tools" | "resources" | "prompts";

export const ACCESS_KINDS: readonly AccessKind[] = ["tools", "resources", "prompts"];

/** Callers by what they may use: the names of tools and prompts, and the URIs of resources and of their templates. */
export type AccessList<C extends string = string> = Readonly<Record<string, readonly C[]>>;

/** Who may use what: in the form in which `expectAccess` takes it. */
export interface Access<C extends string = string> {
  readonly tools: AccessList<C>;
  readonly resources: AccessList<C>;
  readonly prompts: AccessList<C>;
  /** Callers whose credential was refused. Strangers are not among them: they have none. */
  readonly refused: readonly C[];
}

/** One answer that is not as expected. */
interface Difference {
  readonly what: string;
  readonly caller: string;
  readonly expected: string;
  readonly found: string;
}

/**
 * All in which access differs from what is expected, in lines for a person; empty where nothing does.
 *
 * Security decision: of a kind that is expected at all, everything must be: something that somebody may use and that
 * nobody thought of is a difference. So is a credential that was refused unexpectedly, by which everything else that
 * is expected to be closed would be found closed.
 *
 * @param reasons of those that were refused.
 */
export function describeDifferences(
  found: Access,
  expected: Partial<Access>,
  reasons: ReadonlyMap<string, string>,
): string {
  const differences = [
    ...ACCESS_KINDS.flatMap((kind) => differencesIn(kind, found[kind], expected[kind])),
    ...refusals(found.refused, expected.refused ?? []),
  ];
  if (differences.length === 0) return "";
  const notes = [...reasons].map(([caller, reason]) => `${caller} was refused: ${reason}`);
  return [...table(differences), ...notes].join("\n");
}

function differencesIn(
  kind: AccessKind,
  found: AccessList,
  expected: AccessList | undefined,
): readonly Difference[] {
  if (expected === undefined) return [];
  const names = [...new Set([...Object.keys(expected), ...Object.keys(found)])].sort();
  return names.flatMap((name) => {
    const what = `${kind.slice(0, -1)} ${name}`;
    const unknown = Object.hasOwn(expected, name) ? "no" : "not named";
    return compare(
      what,
      callersOf(found, name),
      callersOf(expected, name),
      ["yes", unknown],
      ["yes", "no"],
    );
  });
}

/** A name may be one that objects inherit. */
function callersOf(list: AccessList, name: string): readonly string[] {
  return Object.hasOwn(list, name) ? (list[name] ?? []) : [];
}

function refusals(found: readonly string[], expected: readonly string[]): readonly Difference[] {
  const words = ["refused", "let in"] as const;
  return compare("the endpoint", found, expected, words, words);
}

type Words = readonly [isIn: string, isNotIn: string];

function compare(
  what: string,
  found: readonly string[],
  expected: readonly string[],
  words: Words,
  foundWords: Words,
): readonly Difference[] {
  const wordFor = (list: readonly string[], caller: string, [isIn, isNotIn]: Words): string =>
    list.includes(caller) ? isIn : isNotIn;
  return [...new Set([...expected, ...found])]
    .filter((caller) => found.includes(caller) !== expected.includes(caller))
    .map((caller) => ({
      ...{ what, caller },
      expected: wordFor(expected, caller, words),
      found: wordFor(found, caller, foundWords),
    }));
}

const COLUMNS = ["what", "caller", "expected", "found"] as const;

const HEAD: Difference = { what: "", caller: "caller", expected: "expected", found: "found" };

function table(differences: readonly Difference[]): readonly string[] {
  const rows = [HEAD, ...differences];
  const widths = COLUMNS.map((column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    COLUMNS.map((column, at) => row[column].padEnd(widths[at] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
