/**
 * The tables of options in the documentation, made of what is said once: an option's declaration
 * has its kind, range and default, the doc comment of the type that users see what it is for.
 */
import ts from "typescript";
import { CLUSTER } from "../../src/cluster/cluster-config.js";
import { ROUTER_OPTIONS } from "../../src/express/router-options.js";
import { SSE_OPTIONS } from "../../src/options/options.js";
import { POLICY_CONDITIONS } from "../../src/options/policy-options.js";
import { WIRE_OPTIONS } from "../../src/options/streamable-options.js";
import { REDIS_CLUSTER } from "../../src/redis/redis-cluster.js";
import { REDIS_STORAGE } from "../../src/redis/redis-storage.js";
import { MCP_SERVER } from "../../src/server/mcp-server.js";
import { HTTP_STREAM_OPTIONS } from "../../src/server/http-stream-options.js";
import { PORT_OPTIONS, SSE_SERVER_OPTIONS } from "../../src/server/server-options.js";
import type { Options } from "../../src/shared/option.js";
import { TRANSPORT_OPTIONS } from "../../src/sse/transport-options.js";
import { STREAMABLE_TRANSPORT_OPTIONS } from "../../src/streamable-http/transport-options.js";
import { API_KEY } from "../../strategies/apikey/apikey-options.js";
import { API_KEY_ENTRY } from "../../strategies/apikey/api-key-list.js";
import { JWT } from "../../strategies/jwt/jwt-options.js";
import { FIELD } from "../../strategies/oauth/options/login-options.js";
import { OAUTH } from "../../strategies/oauth/options/oauth-options.js";
import { SIGN_IN } from "../../strategies/oauth/options/sign-in-options.js";
import { FROM_PASSPORT } from "../../strategies/passport/from-passport-options.js";
import { FILE_STORAGE } from "../../strategies/storage/file-storage.js";
import { MEMORY_STORAGE } from "../../strategies/storage/storage.js";

/** Options that are documented together: the public type with their comments, and their declarations. */
interface Source {
  readonly type: string;
  /** The entry that exports it. Default: the package's own. */
  readonly entry?: string;
  readonly options: Options;
}

const INDEX = "src/index.ts";
const REDIS = "src/redis/index.ts";
const MEMORY = "src/cluster/memory.ts";

const { prefix: _prefix, ...MEMORY_CLUSTER } = CLUSTER;

/** By the names that the marks in the documents have. */
const SOURCES: Readonly<Record<string, Source>> = {
  router: { type: "SseRouterOptions", options: ROUTER_OPTIONS },
  wires: { type: "WireOptions", options: WIRE_OPTIONS },
  sse: { type: "SseOptions", options: SSE_OPTIONS },
  policyRule: { type: "PolicyConditions", options: POLICY_CONDITIONS.options },
  mcpServer: { type: "McpServerConfig", options: MCP_SERVER.options },
  server: { type: "PortOptions", options: PORT_OPTIONS },
  sseServer: { type: "SseServerOptions", options: SSE_SERVER_OPTIONS },
  httpStream: { type: "HttpStreamServerOptions", options: HTTP_STREAM_OPTIONS },
  jwt: { type: "JwtOptions", options: JWT.options },
  apikey: { type: "ApiKeyOptions", options: API_KEY.options },
  apikeyEntry: { type: "ApiKeyEntry", options: API_KEY_ENTRY.options },
  oauth: { type: "OAuthOptions", options: OAUTH.options },
  signIn: { type: "SignInOptions", options: SIGN_IN.options },
  field: { type: "LoginField", options: FIELD.options },
  memoryStorage: { type: "MemoryStorageOptions", options: MEMORY_STORAGE.options },
  fileStorage: { type: "FileStorageOptions", options: FILE_STORAGE.options },
  redisStorage: { type: "RedisStorageOptions", entry: REDIS, options: REDIS_STORAGE.options },
  redisCluster: { type: "RedisClusterOptions", entry: REDIS, options: REDIS_CLUSTER },
  memoryCluster: { type: "MemoryClusterOptions", entry: MEMORY, options: MEMORY_CLUSTER },
  transport: { type: "SSEServerTransportOptions", options: TRANSPORT_OPTIONS },
  streamableTransport: {
    type: "StreamableHTTPServerTransportOptions",
    options: STREAMABLE_TRANSPORT_OPTIONS,
  },
  fromPassport: { type: "FromPassportOptions", options: FROM_PASSPORT.options },
};

/** One option, ready to be shown. */
export interface Row {
  /** With the objects around it: `sessions.stallMs`. */
  readonly name: string;
  readonly type: string;
  /** In the words of the comment. */
  readonly fallback: string;
  readonly meaning: string;
  /** Whether it stands elsewhere now. */
  readonly isMoved: boolean;
  /** What the comment says otherwise than the declaration. */
  readonly faults: readonly string[];
}

const program = ts.createProgram([INDEX, REDIS, MEMORY], {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  strict: true,
  noEmit: true,
  skipLibCheck: true,
});
const checker = program.getTypeChecker();

/** The options of a source, those of objects after the object. */
export function rowsOf(source: string): readonly Row[] {
  const found = SOURCES[source];
  if (found === undefined) throw new Error(`There are no options called ${source}.`);
  return rows(found.options, publicType(found), "");
}

/** Everything that documents name. */
export const SOURCE_NAMES = Object.keys(SOURCES);

function publicType({ type, entry = INDEX }: Source): ts.Type {
  const file = program.getSourceFile(entry);
  const module = file && checker.getSymbolAtLocation(file);
  const exported = module && checker.getExportsOfModule(module).find((it) => it.name === type);
  if (exported === undefined) throw new Error(`${entry} does not export ${type}.`);
  const isElsewhere = exported.flags & ts.SymbolFlags.Alias;
  return checker.getDeclaredTypeOfSymbol(
    isElsewhere ? checker.getAliasedSymbol(exported) : exported,
  );
}

function rows(options: Options, type: ts.Type, prefix: string): Row[] {
  return Object.entries(options).flatMap(([key, option]) => {
    const member = checker.getPropertyOfType(type, key);
    if (member === undefined) throw new Error(`No type has a comment on ${prefix}${key}.`);
    const name = `${prefix}${key}`;
    const comment = readComment(member);
    const { meaning } = comment;
    const need = needOf(type, key);
    const fallback = comment.fallback || (need ?? "");
    const isMoved = option.type.startsWith("now ");
    const expected = isMoved ? undefined : inWords(option.fallback, option.type);
    const range = /\d+ to \d+$/.exec(option.type)?.[0];
    const hasDefault = isMoved || need !== undefined || comment.fallback !== "";
    const faults = [
      ...(meaning === "" && !isMoved ? [`${name} has no comment`] : []),
      ...(hasDefault ? [] : [`${name}: the comment has no default`]),
      ...(expected !== undefined && !plain(fallback).startsWith(expected)
        ? [`${name}: the default is ${expected}, and the comment says: ${fallback}`]
        : []),
      ...(range !== undefined && !meaning.includes(`From ${range}`)
        ? [`${name}: the comment does not say: From ${range}`]
        : []),
    ];
    const row = { name, type: option.type, fallback, meaning, isMoved, faults };
    return [row, ...(option.options ? rows(option.options, objectIn(member), `${name}.`) : [])];
  });
}

/** Whether an option has to be written: in all forms that its object may have, or in one of them. */
function needOf(type: ts.Type, key: string): string | undefined {
  const forms = type.isUnion() ? type.types : [type];
  const needing = forms.filter((form) => {
    const member = checker.getPropertyOfType(form, key);
    return member !== undefined && (member.flags & ts.SymbolFlags.Optional) === 0;
  });
  if (needing.length === 0) return undefined;
  return needing.length === forms.length ? "required" : "one of several";
}

/** The type of an option that is an object, or `false`. */
function objectIn(member: ts.Symbol): ts.Type {
  const type = checker.getNonNullableType(checker.getTypeOfSymbol(member));
  const parts = type.isUnion() ? type.types : [type];
  return parts.find((part) => part.flags & ts.TypeFlags.Object) ?? type;
}

/** A comment in two parts: what it says, and after "Default:", at its end, what counts without the option. */
function readComment(member: ts.Symbol): { readonly meaning: string; readonly fallback: string } {
  const comment = ts
    .displayPartsToString(member.getDocumentationComment(checker))
    .replace(/see \{@link \w+\}/g, "see below")
    .replace(/\{@link (\w+)\}/g, "`$1`")
    .replace(/\s+/g, " ")
    .trim();
  const [, meaning = comment, fallback = ""] = /^(.*?) ?Default: (.*)\.$/.exec(comment) ?? [];
  return { meaning, fallback };
}

/** How comments write a default: `10000 (10 seconds)`. */
function inWords(value: unknown, type: string): string | undefined {
  if (typeof value !== "number") return value === undefined ? undefined : JSON.stringify(value);
  const units: readonly (readonly [size: number, one: string, many: string])[] = type.startsWith(
    "milliseconds",
  )
    ? [
        [86_400_000, "day", "days"],
        [3_600_000, "hour", "hours"],
        [60_000, "minute", "minutes"],
        [1_000, "second", "seconds"],
      ]
    : type.startsWith("bytes")
      ? [[1_048_576, "MiB", "MiB"]]
      : [];
  const unit = units.find(([size]) => value >= size && value % size === 0);
  if (unit === undefined) return String(value);
  const [size, one, many] = unit;
  return `${value} (${value / size} ${value === size ? one : many})`;
}

function plain(text: string): string {
  return text.replaceAll("`", "");
}

/**
 * A table with everything that is said of a source, without the options of objects in it, `"sse"`;
 * of such an object, `"sse.sessions"`; or of all, `"signIn.*"`.
 */
function fullTable(place: string): string {
  const [source = "", inside] = place.split(".", 2);
  const isThere = ({ name }: Row) => {
    if (inside === "*") return true;
    return inside === undefined ? !name.includes(".") : name.startsWith(`${inside}.`);
  };
  const cells = rowsOf(source)
    .filter(isThere)
    .map(({ name, type, fallback, meaning, isMoved }) =>
      isMoved ? [code(name), type, "", ""] : [code(name), type, fallback, meaning],
    );
  return table(["option", "written as", "default", "meaning"], cells);
}

/** A table with the first sentence on each option, and none that has moved. */
function shortTable(source: string): string {
  const cells = rowsOf(source)
    .filter(({ isMoved }) => !isMoved)
    .map(({ name, fallback, meaning }) => {
      const [first = meaning] = /^.*?[^.]\.(?= |$)/.exec(meaning) ?? [];
      return [code(name), fallback, first.replace(/\.$/, "")];
    });
  return table(["option", "default", "meaning"], cells);
}

function table(head: readonly string[], cells: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => "---"), ...cells];
  return lines
    .map((line) => `| ${line.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |\n`)
    .join("");
}

function code(name: string): string {
  return `\`${name}\``;
}

/** Where a table stands in a document: between `<!-- options: sse, short -->` and `<!-- end of options -->`. */
const PLACE = /(<!-- options: ([\w.*]+)(, short)? -->\n)[^]*?(<!-- end of options -->)/g;

/** Documents with tables. */
export const DOCUMENTS = ["docs/options.md", "strategies/README.md", "docs/sign-in.md"];

/** A document with its tables as they are to be. */
export function withTables(document: string): string {
  return document.replace(
    PLACE,
    (_all, begin: string, source: string, short: string, end: string) => {
      const made = short ? shortTable(source) : fullTable(source);
      return `${begin}\n${made}\n${end}`;
    },
  );
}
