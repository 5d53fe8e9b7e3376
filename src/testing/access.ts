import { AssertionError } from "node:assert";
import { checkOptionNames, optionError } from "../shared/check.js";
import { ACCESS_KINDS, describeDifferences } from "./access-table.js";
import type { Access, AccessKind, AccessList } from "./access-table.js";
import { AskingClient } from "./asking-client.js";
import { host } from "./hosting.js";
import type { TestTarget } from "./hosting.js";
import { isOfRights, TestClientError } from "./refusal.js";
import { openConnection } from "./test-client.js";
import type { TestCredential, TestEndpoint } from "./test-client.js";

/** A token, for `Authorization: Bearer`; another credential; or `undefined`, for a stranger. */
export type TestCaller = string | TestCredential | undefined;

/** Options of {@link accessOf}. */
export interface AccessOptions<C extends string> extends TestEndpoint {
  /** Callers by names of the test's own. */
  readonly callers: Readonly<Record<C, TestCaller>>;
  /**
   * Tools that are really called, with these arguments, as every caller: for rules that look at arguments, and for
   * tools that decide themselves. What they do is done. Default: none, and what is listed counts.
   */
  readonly calls?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /**
   * URIs that are really read as every caller, such as some of a template. Default: none, and what is listed counts.
   */
  readonly reads?: readonly string[];
}

/** Options of {@link expectAccess}: what is expected. A kind that is left out is not looked at. */
export interface ExpectedAccess<C extends string> extends AccessOptions<C> {
  /** Who may call which tools: all that anybody may call. */
  readonly tools?: AccessList<NoInfer<C>>;
  /** Who may read which resources, by their URIs and those of templates: all that anybody may read. */
  readonly resources?: AccessList<NoInfer<C>>;
  /** Who may get which prompts: all that anybody may get. */
  readonly prompts?: AccessList<NoInfer<C>>;
  /** Callers whose credential is to be refused. Default: none. */
  readonly refused?: readonly NoInfer<C>[];
}

const ACCESS_OPTIONS = ["callers", "calls", "reads", "path", "transport"];

/**
 * Finds out who may use what, by asking as each caller.
 *
 * What a caller is shown counts: with a `policy` of this package, *listed* means *callable*, so nothing has to be
 * called to find out. Where arguments decide, or a tool itself, name it in `calls`.
 *
 * @example
 * ```ts
 * const issuer = await createTestIssuer();
 * const { tools } = await accessOf(router, {
 *   callers: { ada: issuer.sign({ sub: "ada", scope: "notes:write" }), stranger: undefined },
 * });
 * console.log(tools); // { "notes.read": ["ada"], … }
 * ```
 *
 * @throws Error when it cannot be told, as in an outage: that somebody gets no answer is no proof that nothing is
 * permitted.
 */
export async function accessOf<C extends string>(
  target: TestTarget,
  options: AccessOptions<C>,
): Promise<Access<C>> {
  checkOptionNames("options", options, ACCESS_OPTIONS);
  checkCallers(options.callers);
  return (await survey(target, options)).access;
}

/**
 * Asserts who may use what. Its failure is an `AssertionError` of `node:assert` with a table of all that differs.
 *
 * Of a kind that is named, everything is: a tool that somebody may call and that is not in `tools` is a failure.
 * So is a credential that is refused, unless `refused` names its caller.
 *
 * @example
 * ```ts
 * const issuer = await createTestIssuer();
 * await expectAccess(router, {
 *   callers: {
 *     reader: issuer.sign({ scope: "notes:read" }),
 *     writer: issuer.sign({ scope: "notes:read notes:write" }),
 *     stranger: undefined,
 *   },
 *   tools: { "notes.read": ["reader", "writer"], "notes.write": ["writer"] },
 * });
 * ```
 *
 * @throws AssertionError; and see {@link accessOf}.
 */
export async function expectAccess<C extends string>(
  target: TestTarget,
  options: ExpectedAccess<C>,
): Promise<void> {
  checkOptionNames("options", options, [...ACCESS_OPTIONS, ...ACCESS_KINDS, "refused"]);
  const { tools, resources, prompts, refused, ...asking } = options;
  checkCallers(options.callers);
  checkExpected(options);
  checkNames(options);
  const { access, reasons } = await survey<C>(target, asking);
  const expected = withoutUndefined({ tools, resources, prompts, refused });
  const differences = describeDifferences(access, expected, reasons);
  if (differences === "") return;
  throw new AssertionError({
    message: `Who may use what is not as expected:\n${differences}\n`,
    actual: Object.fromEntries(
      Object.keys(expected).map((kind) => [kind, access[kind as keyof Access]]),
    ),
    expected,
    operator: "expectAccess",
    stackStartFn: expectAccess,
  });
}

/**
 * Security decision: what is no credential, such as a token that was never made, is not taken for a stranger, to whom
 * everything is closed.
 */
function checkCallers(callers: unknown): void {
  const list = Object.entries(typeof callers === "object" && callers !== null ? callers : {});
  if (list.length === 0) {
    throw optionError("options.callers", "names nobody", "Write who asks: { ada: token }.");
  }
  for (const [name, caller] of list) {
    const isCaller = typeof caller === "object" ? caller !== null : typeof caller === "string";
    if (isCaller || caller === undefined) continue;
    const instead = "Write a token, { apiKey }, { headers }, or undefined for a stranger.";
    throw optionError(`options.callers.${name}`, "is no credential", instead);
  }
}

/** Security decision: an assertion that looks at nothing would always pass. */
function checkExpected({ tools, resources, prompts, ...options }: ExpectedAccess<string>): void {
  const { refused, calls, reads } = options;
  if ([tools, resources, prompts, refused].every((each) => each === undefined)) {
    throw optionError("options", "expects nothing", "Write tools, resources, prompts or refused.");
  }
  const inVain = (option: string, kind: string): TypeError =>
    optionError(`options.${option}`, `is looked at by nothing`, `Write ${kind}, too.`);
  if (calls !== undefined && tools === undefined) throw inVain("calls", "tools");
  if (reads !== undefined && resources === undefined) throw inVain("reads", "resources");
}

/** A name that no caller has would be expected in vain. */
function checkNames({ callers, tools, resources, prompts, refused }: ExpectedAccess<string>): void {
  const lists = [tools, resources, prompts].flatMap((list) => Object.values(list ?? {}));
  const unknown = [...lists, refused ?? []].flat().find((name) => !Object.hasOwn(callers, name));
  if (unknown === undefined) return;
  throw optionError("options", `names a caller "${unknown}"`, "Write its credential in callers.");
}

interface Survey<C extends string> {
  readonly access: Access<C>;
  /** Why callers were refused. */
  readonly reasons: ReadonlyMap<string, string>;
}

/** What each caller finds, one after the other, at one listener for all. */
async function survey<C extends string>(
  target: TestTarget,
  options: AccessOptions<C>,
): Promise<Survey<C>> {
  const finds = { tools: new Finds<C>(), resources: new Finds<C>(), prompts: new Finds<C>() };
  const reasons = new Map<C, string>();
  const lease = await host(target);
  try {
    for (const [caller, credential] of Object.entries<TestCaller>(options.callers)) {
      const found = await ask(target, credential, options);
      if (typeof found === "string") reasons.set(caller as C, found);
      else for (const kind of ACCESS_KINDS) finds[kind].add(caller as C, found[kind]);
    }
  } finally {
    await lease.end();
  }
  const { tools, resources, prompts } = finds;
  const lists = { tools: tools.list(), resources: resources.list(), prompts: prompts.list() };
  // A stranger is refused for want of a credential, as they should be.
  const refused = [...reasons.keys()].filter((caller) => options.callers[caller] !== undefined);
  return { access: { ...lists, refused }, reasons };
}

/** Callers by what they found. */
class Finds<C extends string> {
  readonly #callers = new Map<string, C[]>();

  add(caller: C, names: ReadonlySet<string>): void {
    for (const name of names) {
      this.#callers.set(name, [...(this.#callers.get(name) ?? []), caller]);
    }
  }

  list(): AccessList<C> {
    return Object.fromEntries([...this.#callers].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

/** What one caller may use; or why the caller was refused. */
async function ask(
  target: TestTarget,
  caller: TestCaller,
  { calls = {}, reads = [], transport, path }: AccessOptions<string>,
): Promise<Readonly<Record<AccessKind, ReadonlySet<string>>> | string> {
  const credential = typeof caller === "string" ? { bearer: caller } : caller;
  const endpoint = withoutUndefined({ transport, path });
  const connection = await openConnection(target, { ...credential, ...endpoint }).catch(
    refusalOrThrow,
  );
  if (typeof connection === "string") return connection;
  try {
    const client = new AskingClient(connection);
    const [tools, resources] = [new Set(await client.tools()), new Set(await client.resources())];
    for (const [name, args] of Object.entries(calls)) {
      put(tools, name, await client.mayCall(name, args));
    }
    for (const uri of reads) put(resources, uri, await client.mayRead(uri));
    return { tools, resources, prompts: new Set(await client.prompts()) };
  } finally {
    await connection.client.close();
  }
}

function put(names: Set<string>, name: string, isIn: boolean): void {
  if (isIn) names.add(name);
  else names.delete(name);
}

function refusalOrThrow(error: unknown): string {
  if (!(error instanceof TestClientError && isOfRights(error))) throw error;
  return `${error.status} ${error.reason}`.trim();
}

function withoutUndefined<T extends object>(
  fields: T,
): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
