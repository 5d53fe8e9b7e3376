import { entryTarget } from "./targets.js";
import type { Target } from "./targets.js";
import type { JsonRpcMessage } from "../shared/json-rpc.js";
import type { PolicyKind, ResultFilter } from "./policy.js";

/** A list in a result. */
interface List {
  /** The member that names an entry. */
  readonly naming: string;
  readonly kind: PolicyKind;
  readonly isUri: boolean;
}

/** By the member of a result that holds them. */
const LISTS = new Map<string, List>([
  ["tools", { naming: "name", kind: "tool", isUri: false }],
  ["prompts", { naming: "name", kind: "prompt", isUri: false }],
  ["resources", { naming: "uri", kind: "resource", isUri: true }],
  ["resourceTemplates", { naming: "uriTemplate", kind: "resource", isUri: false }],
  ["skills", { naming: "uri", kind: "resource", isUri: true }],
]);

/** The member that the result of a list request must have. */
export const LISTED_BY = new Map([
  ["tools/list", "tools"],
  ["prompts/list", "prompts"],
  ["resources/list", "resources"],
  ["resources/templates/list", "resourceTemplates"],
  ["resources/directory/read", "resources"],
  ["skills/list", "skills"],
]);

/** Results of 2026-07-28 that their server may call everybody's, beside the lists. */
const SHAREABLE: ReadonlySet<string> = new Set(["resources/read", "skills/get"]);

type Result = Readonly<Record<string, unknown>>;

/**
 * What keeps the result of a request that was permitted to its caller from others; `undefined` where nothing would
 * hand it to them.
 */
export function keptFromOthers(message: JsonRpcMessage): ResultFilter | undefined {
  return "method" in message && SHAREABLE.has(message.method) ? forOneCaller : undefined;
}

/**
 * Security decision: what a server says that caches may give to everybody, a policy may not permit to everybody.
 *
 * @see MCP 2026-07-28, "Caching"
 */
const forOneCaller = (result: Result): Result =>
  "cacheScope" in result ? { ...result, cacheScope: "private" } : result;

/**
 * A result with those entries that are permitted, for nobody else; everything else of it stays, so that a page may be
 * short.
 *
 * @param member that it must have.
 * @throws Error for a result that is none of a list request.
 */
export function filterResult(
  result: Result,
  member: string,
  permits: (target: Target) => boolean | Promise<boolean>,
): Result | Promise<Result> {
  if (!(member in result)) throw new Error(`the result has no ${member}`);
  // A server that answers with several lists at once gets all of them filtered.
  const filtered = [...LISTS]
    .filter(([name]) => name in result)
    .map(([name, list]) => [name, filterEntries(name, result[name], list, permits)] as const);
  const isLate = filtered.some(([, entries]) => entries instanceof Promise);
  const having = (lists: Iterable<readonly [string, unknown]>): Result =>
    forOneCaller({ ...result, ...Object.fromEntries(lists) });
  if (!isLate) return having(filtered);
  const late = filtered.map(async ([name, entries]) => [name, await entries] as const);
  return Promise.all(late).then(having);
}

function filterEntries(
  member: string,
  given: unknown,
  { naming, kind, isUri }: List,
  permits: (target: Target) => boolean | Promise<boolean>,
): readonly unknown[] | Promise<readonly unknown[]> {
  if (!Array.isArray(given)) throw new Error(`${member} is no list`);
  const entries: readonly unknown[] = given;
  const asked = entries.map((entry) => {
    const name = (Object(entry) as Record<string, unknown>)[naming];
    if (typeof name !== "string") throw new Error(`an entry of ${member} has no ${naming}`);
    return permits(entryTarget(kind, name, isUri));
  });
  const keep = (isPermitted: readonly unknown[]) =>
    entries.filter((_entry, at) => isPermitted[at] === true);
  const isLate = asked.some((answer) => answer instanceof Promise);
  return isLate ? Promise.all(asked.map(async (answer) => answer)).then(keep) : keep(asked);
}
