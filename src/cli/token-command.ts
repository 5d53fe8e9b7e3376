import { proposalCode, proposeOptions } from "../doctor/accepting-options.js";
import type { Proposal } from "../doctor/accepting-options.js";
import { terminalJson } from "../doctor/json-text.js";
import { dateText, distanceText } from "../doctor/moment.js";
import { describeToken, readToken } from "../doctor/read-token.js";
import type { ReadToken } from "../doctor/read-token.js";
import { logText } from "../shared/log-text.js";
import { readSecret, SECRET_HELP } from "./read-secret.js";
import { createPaint } from "./terminal.js";
import type { Paint } from "./terminal.js";
import { parseOptions, STATUS, UsageError } from "./usage.js";
import type { Command } from "./usage.js";

const OPTIONS = {
  json: { type: "boolean", default: false },
  "no-color": { type: "boolean", default: false },
} as const;

/** Shows what a token says, and which options would accept it. */
export const token: Command = {
  help: `token [S] [options]

Shows what a token says: its header, its claims with their times as dates, what kind of token it seems to be, and the
options of "auth" that would accept it. Nothing is verified, and nothing is sent anywhere.

  S                     the token; without it, standard input is read
  --json                prints JSON (docs/doctor.md has its schema)
  --no-color            prints no colours, as with NO_COLOR in the environment

${SECRET_HELP}

The claims are printed, and may name a person. The signature is not, so that nobody can use what is printed as a token.

Exit status: 0, or 2 if it was called wrongly or what was given is no token.`,

  async run(args, terminal) {
    const { values, positionals } = parseOptions(args, OPTIONS, 1);
    const text = tokenIn(await readSecret(positionals[0] ?? "-", "the token", terminal));
    const read = readToken(text);
    refuseBroken(text, read);
    const now = Date.now();
    const proposal = proposeOptions(read);
    if (values.json) terminal.out.write(`${terminalJson(tokenReport(read, proposal), 2)}\n`);
    else {
      const paint = createPaint(terminal.out, terminal.env, values["no-color"]);
      terminal.out.write(`${tokenText(read, proposal, now, paint)}\n`);
    }
    return STATUS.fine;
  },
};

/** The token alone, if it was copied with its header or in quotes. */
function tokenIn(text: string): string {
  return text
    .trim()
    .replace(/^(["'])(.*)\1$/s, "$2")
    .replace(/^(?:authorization: *)?bearer +/i, "");
}

/** @throws UsageError for what cannot be a token, or is a JWT that did not come whole. */
function refuseBroken(text: string, read: ReadToken): void {
  if (/\s/.test(text)) {
    throw new UsageError("there is a space or a line break in it, which no token has");
  }
  if (read.form !== "opaque") return;
  if (!text.startsWith("eyJ") && text.split(".").length !== 3) return;
  throw new UsageError(
    "it looks like a JWT and cannot be decoded: it was cut off, or is not copied as it was",
  );
}

/** Claims that are times. @see RFC 7519, section 4.1; OpenID Connect Core 1.0, section 2 */
const TIMES = ["exp", "nbf", "iat", "auth_time"];

function tokenText(read: ReadToken, proposal: Proposal, now: number, paint: Paint): string {
  const lines = [
    paint("bold", `It is ${describeToken(read, now)}.`),
    "Nothing was verified: only the key of its issuer tells whether it is genuine.",
  ];
  if ("header" in read) lines.push("", paint("bold", "Header"), ...membersText(read.header, now));
  if ("claims" in read) lines.push("", paint("bold", "Claims"), ...membersText(read.claims, now));
  lines.push("", ...proposalText(proposal, paint));
  return lines.join("\n");
}

function membersText(members: Readonly<Record<string, unknown>>, now: number): string[] {
  const entries = Object.entries(members).map(
    ([name, value]) => [logText(name), name, value] as const,
  );
  const width = Math.min(24, Math.max(0, ...entries.map(([shown]) => shown.length)));
  return entries.map(([shown, name, value]) => {
    const date = TIMES.includes(name) ? dateText(value) : undefined;
    const moment =
      date === undefined ? "" : `  ${date}, ${distanceText(Number(value) * 1_000, now)}`;
    return `  ${shown.padEnd(width)}  ${terminalJson(value)}${moment}`;
  });
}

function proposalText(proposal: Proposal, paint: Paint): string[] {
  if ("refusedBecause" in proposal) {
    return [`There are no options that would accept it: ${proposal.refusedBecause}.`];
  }
  return proposal.auths.flatMap((auth, index) => {
    const title = index === 0 ? "Options that would accept it" : "Or these";
    return [...(index === 0 ? [] : [""]), paint("bold", title), "", proposalCode(auth)];
  });
}

/** For programs. `schema` changes when something is renamed, removed or means something else. */
function tokenReport(read: ReadToken, proposal: Proposal): object {
  const claims = "claims" in read ? read.claims : {};
  const dates = TIMES.flatMap((name) => {
    const date = dateText(claims[name]);
    return date === undefined ? [] : [[name, date] as const];
  });
  return {
    schema: 1,
    ...read,
    dates: Object.fromEntries(dates),
    ...("auths" in proposal
      ? {
          auth: proposal.auths.map(({ type, options }) => ({
            type,
            options: Object.fromEntries(
              options.map(({ name, value, variable }) => [
                name,
                variable === undefined ? value : { env: variable },
              ]),
            ),
          })),
        }
      : proposal),
  };
}
