import type { Credential, Target } from "../doctor/contract.js";
import { examine } from "../doctor/examine.js";
import type { Report } from "../doctor/report.js";
import { CREDENTIAL_HELP, CREDENTIAL_OPTIONS, readCredentials } from "./credentials.js";
import { SECRET_HELP } from "./read-secret.js";
import { reportText } from "./report-text.js";
import { createPaint } from "./terminal.js";
import type { Terminal } from "./terminal.js";
import { parseOptions, readTimeout, STATUS, UsageError } from "./usage.js";
import type { Command } from "./usage.js";
import { parseUrl } from "../shared/url.js";

const OPTIONS = {
  ...CREDENTIAL_OPTIONS,
  origin: { type: "string" },
  timeout: { type: "string", default: "10" },
  quick: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  "no-color": { type: "boolean", default: false },
} as const;

/** Examines a URL as clients use it, and says what is wrong and what to change. */
export const doctor: Command = {
  help: `doctor <url> [options]

Examines an MCP server over HTTP, of whatever make: what strangers, clients of every wire and browsers get at the URL.
Says what was seen, the likely cause, and what to change. Asks the URL, and what its documents name; shows credentials
to the URL's own origin only.

${CREDENTIAL_HELP}
  --origin URL          also asks as a browser does for a page of this origin
  --quick               does not wait for signs of life on an idle stream
  --timeout SECONDS     how long one answer is waited for; default: 10
  --json                prints JSON (docs/doctor.md has its schema)
  --no-color            prints no colours, as with NO_COLOR in the environment

${SECRET_HELP}

Exit status: 0 if callers get in (there may be warnings), 1 if something keeps them out, 2 if it was called wrongly.`,

  async run(args, terminal) {
    const { values, positionals } = parseOptions(args, OPTIONS, 1);
    const url = readUrl(positionals[0]);
    const target: Target = {
      url,
      origin: readOrigin(values.origin),
      timeoutMs: readTimeout(values.timeout),
      isQuick: values.quick,
      credentials: onePerPlace(await readCredentials(values, terminal), url),
    };
    const signal = terminal.interruption();
    const report = await examineWithProgress(target, terminal, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    if (report === undefined) return STATUS.interrupted;
    if (values.json) terminal.out.write(`${JSON.stringify(report, null, 2)}\n`);
    else {
      const paint = createPaint(terminal.out, terminal.env, values["no-color"]);
      terminal.out.write(reportText(report, paint, terminal.out.columns));
    }
    const isBad = report.findings.some(({ severity }) => severity === "error");
    return isBad ? STATUS.found : STATUS.fine;
  },
};

/** A request has room for one credential at each place: what is shown must be what was meant. */
function onePerPlace(credentials: readonly Credential[], url: URL): readonly Credential[] {
  const taken = new Set([...url.searchParams.keys()].map((name) => `the parameter ${name}`));
  for (const credential of credentials) {
    const place = placeOf(credential);
    if (taken.has(place)) throw new UsageError(`${place} is there twice`);
    taken.add(place);
  }
  return credentials;
}

function placeOf(credential: Credential): string {
  if (credential.kind === "query") return `the parameter ${credential.name}`;
  return `the header ${credential.kind === "bearer" ? "authorization" : credential.name.toLowerCase()}`;
}

/** Says on a terminal what is waited for. */
async function examineWithProgress(
  target: Target,
  { err, env }: Terminal,
  signal: AbortSignal,
): Promise<Report> {
  if (!err.isTTY) return examine(target, { signal });
  const paint = createPaint(err, env);
  const show = (text: string) => err.write(`\r\u001b[K${text}`);
  try {
    const onStep = ({ title }: { title: string }) => show(paint("dim", `${title} …`));
    return await examine(target, { onStep, signal });
  } finally {
    show("");
  }
}

function readUrl(text: string | undefined): URL {
  if (text === undefined) {
    throw new UsageError("needs the URL of a server, such as http://127.0.0.1:8080/mcp");
  }
  const url = parseUrl(text);
  if (url === undefined && /^\s*https?:\/\/[^/]/i.test(text)) {
    throw new UsageError("the URL has a host or a port that there cannot be");
  }
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new UsageError("the URL must begin with http:// or https://");
  }
  if (url.username !== "" || url.password !== "") {
    throw new UsageError("the URL has a user name or a password in it: use --header instead");
  }
  url.hash = "";
  return url;
}

function readOrigin(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const origin = parseUrl(text)?.origin ?? "null";
  if (origin === "null") {
    throw new UsageError("--origin must be the URL of a web page, such as https://app.example.com");
  }
  return origin;
}
