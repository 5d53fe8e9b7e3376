import { existsSync, readFileSync } from "node:fs";
import { extname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { errorName } from "../shared/log-text.js";
import { isThenable } from "../shared/thenable.js";
import { TIMED_OUT, withTimeout } from "../shared/timeout.js";
import type { Terminal } from "./terminal.js";
import { UsageError } from "./usage.js";

/** Where a configuration is, and for how long its loading is waited for. */
export interface ConfigPlace {
  readonly file: string;
  /** The name of an export. Default: the first of `default`, `auth` and `options` that there is. */
  readonly name: string | undefined;
  readonly timeoutMs: number;
}

/**
 * The options of a router that a file exports, or those of one with the `auth` that it exports.
 *
 * @throws UsageError for what cannot be loaded, and for what is no such thing.
 */
export async function loadConfig(place: ConfigPlace, terminal: Terminal): Promise<object> {
  const exported = await loadExports(place, terminal);
  const names = place.name === undefined ? ["default", "auth", "options"] : [place.name];
  const name = names.find((each) => exported[each] !== undefined);
  if (name === undefined) {
    const there = Object.keys(exported).join(", ") || "nothing";
    throw new UsageError(`--config: exports no ${names.join(", and no ")}. It exports: ${there}`);
  }
  return routerOptions(`--config: the export ${name}`, exported[name]);
}

type Exports = Readonly<Record<string, unknown>>;

async function loadExports({ file, timeoutMs }: ConfigPlace, terminal: Terminal): Promise<Exports> {
  const path = resolve(file);
  try {
    if (extname(path) === ".json") return { default: parseJson(readFileSync(path, "utf8")) };
    const loading = terminal.importModule(pathToFileURL(path).href) as Promise<Exports>;
    const loaded = await withTimeout(loading, timeoutMs, { keepsAlive: true });
    if (loaded !== TIMED_OUT) return namedExports(loaded);
  } catch (error) {
    throw new UsageError(`--config: ${whyNotLoaded(error, path)}`);
  }
  throw new UsageError(
    `--config: was not loaded within ${timeoutMs / 1000} s: what does it await, that does not come?`,
  );
}

/** Security decision: Node's own error repeats a piece of what cannot be parsed, in which a key may be. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const [position = ""] = /at position \d+/.exec((error as Error).message) ?? [];
    throw new SyntaxError(`it is no JSON ${position}`.trim(), { cause: error });
  }
}

/** What compilers write as an ES module in CommonJS is all in the default export. */
function namedExports(loaded: Exports): Exports {
  const inner = loaded["default"];
  const isCompiled = typeof inner === "object" && inner !== null && "__esModule" in inner;
  return isCompiled ? inner : loaded;
}

function whyNotLoaded(error: unknown, path: string): string {
  const { code, message, name } = Object(error) as Partial<NodeJS.ErrnoException>;
  if (code === "ERR_UNKNOWN_FILE_EXTENSION" && /^\.[cm]?ts$/.test(extname(path))) {
    return 'this Node loads no TypeScript: set NODE_OPTIONS="--import tsx", with tsx installed';
  }
  const isMissing = code === "ENOENT" || (code === "ERR_MODULE_NOT_FOUND" && !existsSync(path));
  if (isMissing) return "there is no such file";
  if (code === "ERR_UNSUPPORTED_DIR_IMPORT") return "it is a directory";
  // In the words of whoever wrote the file, or of Node: without them nobody finds the fault.
  return `could not be loaded: ${name ?? errorName(error)}: ${message ?? "it threw no error"}`;
}

/** What `auth` of an endpoint says, and the rest of its options where there is any. */
function routerOptions(what: string, value: unknown): object {
  if (value === false || Array.isArray(value)) return withServer({ auth: value });
  if (typeof value === "function") {
    throw new UsageError(
      "guard" in value
        ? `${what} is a router. Export the options that it is made of`
        : `${what} is a function. Export what it returns`,
    );
  }
  if (isThenable(value)) {
    throw new UsageError(`${what} is a promise. Export what it comes to: await it at the top`);
  }
  if (typeof value === "object" && value !== null) {
    if ("auth" in value) return withServer(value);
    if ("type" in value || "strategies" in value || "authenticate" in value) {
      return withServer({ auth: value });
    }
  }
  throw new UsageError(
    `${what} is no configuration. Export what stands in auth, or the options of a router with auth in them`,
  );
}

/** No session is opened, so it does not matter where servers come from. */
function withServer(options: object): object {
  return { createServer: noServer, ...options };
}

function noServer(): never {
  throw new Error("No session is opened here.");
}
