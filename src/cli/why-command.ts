import { createRedact } from "../doctor/fingerprint.js";
import type { Redact } from "../doctor/fingerprint.js";
import type { Credential } from "../doctor/contract.js";
import { explainRequest } from "../express/explain-request.js";
import type { AskedRequest } from "../express/explain-request.js";
import { ALL_WIRES, HTTP_SSE } from "../express/read-endpoint.js";
import { TIMED_OUT, withTimeout } from "../shared/timeout.js";
import { CREDENTIAL_HELP, CREDENTIAL_OPTIONS, readCredentials } from "./credentials.js";
import { explanationText } from "./explanation-text.js";
import type { ShownExplanation } from "./explanation-text.js";
import { loadConfig } from "./load-config.js";
import { SECRET_HELP } from "./read-secret.js";
import { createPaint } from "./terminal.js";
import type { Terminal } from "./terminal.js";
import { parseOptions, readTimeout, STATUS, UsageError } from "./usage.js";
import type { Command } from "./usage.js";
import { parseUrl } from "../shared/url.js";

const OPTIONS = {
  ...CREDENTIAL_OPTIONS,
  config: { type: "string" },
  export: { type: "string" },
  method: { type: "string", default: "GET" },
  url: { type: "string" },
  sse: { type: "boolean", default: false },
  timeout: { type: "string", default: "30" },
  json: { type: "boolean", default: false },
  "no-color": { type: "boolean", default: false },
} as const;

/** Says what a configuration would make of a request, and why. */
export const why: Command = {
  help: `why --config FILE [options]

Loads a configuration, and has its authentication methods judge a request that nobody sent: what each one says, in their
order, with the reason that the log would have; who comes out of it; and what a caller hears who is refused. No server is
started. Issuers, key sets and functions of the configuration are asked as they are by a server.

  --config FILE         a module (.mjs, .cjs, .js, .json) that exports what stands in "auth", or the options of a router with
                        "auth" in them. For .ts, with a Node that does not load it: NODE_OPTIONS="--import tsx"
  --export NAME         which export; default: the first of default, auth and options that there is
  --sse                 the options are those of createSseRouter, and not of createMcpRouter
${CREDENTIAL_HELP}
  --method GET          the request's method
  --url URL             its URL; default: the mount of publicUrl, or http://localhost/mcp
  --timeout SECONDS     how long loading, and judging, may take; default: 30
  --json                prints JSON (docs/doctor.md says what is in it)
  --no-color            prints no colours, as with NO_COLOR in the environment

${SECRET_HELP}

Exit status: 0 if the request is let in, 1 if it is refused, 2 if the command or the configuration is wrong.`,

  async run(args, terminal) {
    const { values } = parseOptions(args, OPTIONS, 0);
    if (values.config === undefined) throw new UsageError("needs --config FILE");
    const timeoutMs = readTimeout(values.timeout);
    const credentials = await readCredentials(values, terminal);
    const url = readUrl(values.url);
    const asked = { method: values.method, url, ...requestOf(credentials) };
    const redact = createRedact({ credentials, url });
    const shown = await usable(redact, async () => {
      const place = { file: values.config ?? "", name: values.export, timeoutMs };
      const options = await loadConfig(place, terminal);
      const work = explainRequest(options, values.sse ? HTTP_SSE : ALL_WIRES, asked);
      return await withTimeout(work, timeoutMs, { keepsAlive: true });
    });
    if (shown === TIMED_OUT) return undecided(terminal, timeoutMs);
    const safe: ShownExplanation = { schema: 1, ...(redactAll(shown, redact) as typeof shown) };
    const paint = createPaint(terminal.out, terminal.env, values["no-color"]);
    terminal.out.write(
      values.json ? `${JSON.stringify(safe, null, 2)}\n` : explanationText(safe, paint),
    );
    return safe.isLetIn ? STATUS.fine : STATUS.found;
  },
};

function undecided({ err }: Terminal, timeoutMs: number): number {
  err.write(`Nothing was decided within ${timeoutMs / 1000} s: some method does not answer.\n`);
  return STATUS.found;
}

/** @throws UsageError for whatever is wrong with a configuration, in the words of the option that is. */
async function usable<T>(redact: Redact, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new UsageError(
      redact((Object(error) as Partial<Error>).message ?? "the configuration threw no error"),
    );
  }
}

function requestOf(credentials: readonly Credential[]): Pick<AskedRequest, "headers" | "query"> {
  return {
    headers: credentials.flatMap((credential) => {
      if (credential.kind === "query") return [];
      if (credential.kind === "header") return [[credential.name, credential.value] as const];
      return [["Authorization", `Bearer ${credential.value}`] as const];
    }),
    query: credentials.flatMap((credential) =>
      credential.kind === "query" ? [[credential.name, credential.value] as const] : [],
    ),
  };
}

/**
 * Every text in an explanation, made fit to be shown; but for its members' names and its verdicts, which are this program's
 * words: a secret may be one of them.
 *
 * Security decision: a function of the configuration may put what it was sent anywhere: into an error's code, the principal's id, a
 * challenge. So nothing is left out that might be harmless.
 */
function redactAll(value: unknown, redact: Redact, hasOwnNames = true): unknown {
  if (typeof value === "string") return redact(value);
  if (Array.isArray(value)) return value.map((each) => redactAll(each, redact));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([name, each]) => {
    if (!hasOwnNames) return [redact(name), redactAll(each, redact)];
    return [
      name,
      name === "verdict" ? (each as unknown) : redactAll(each, redact, name !== "headers"),
    ];
  });
  return Object.fromEntries(entries) as unknown;
}

function readUrl(text: string | undefined): URL | undefined {
  if (text === undefined) return undefined;
  const url = parseUrl(text);
  if (url !== undefined && /^https?:$/.test(url.protocol)) return url;
  throw new UsageError("--url must begin with http:// or https://");
}
