import type { ExplainedCaller, ExplainedMethod, Explanation } from "../express/explanation.js";
import type { Paint } from "./terminal.js";

/** As programs get it. */
export interface ShownExplanation extends Explanation {
  /** Another one where a member is gone or means something else. */
  readonly schema: 1;
}

/** What a verdict is called, and how it is shown: never by its colour alone. */
const VERDICTS = {
  "let-in": { sign: "✓", word: "lets in", style: "green" },
  "no-credential": { sign: "–", word: "finds no credential", style: "dim" },
  "left-to-others": { sign: "–", word: "leaves it to others", style: "dim" },
  refused: { sign: "✗", word: "refuses", style: "red" },
  "lacks-scope": { sign: "✗", word: "misses a scope", style: "red" },
  unavailable: { sign: "!", word: "cannot tell", style: "yellow" },
  "not-asked": { sign: "–", word: "is not asked", style: "dim" },
} as const;

/** An explanation for people. */
export function explanationText(explanation: ShownExplanation, paint: Paint): string {
  const { isOpen, methods, caller, warnings } = explanation;
  return [
    ...(isOpen ? ["  The endpoint is open: nobody is asked who they are."] : []),
    ...methods.map((method, index) => methodText(method, index + 1, paint)),
    "",
    ...verdictLines(explanation, paint),
    ...(caller === undefined ? [] : callerLines(caller)),
    ...warnings.map((warning) => `${paint("yellow", "warning")} ${warning}`),
    "",
  ].join("\n");
}

function methodText(
  { method, verdict, found, reason }: ExplainedMethod,
  position: number,
  paint: Paint,
): string {
  const { sign, word, style } = VERDICTS[verdict];
  const place = found === undefined ? "" : ` (in ${found})`;
  const why = reason === undefined ? "" : `\n       ${reason}`;
  return `  ${position}. ${paint(style, `${sign} ${method} ${word}`)}${place}${why}`;
}

function verdictLines(
  { isLetIn, missingScopes, answer, log }: Explanation,
  paint: Paint,
): readonly string[] {
  if (isLetIn) return [paint(["green", "bold"], "Let in")];
  const headers = Object.entries(answer?.headers ?? {}).flatMap(([name, value]) =>
    [value].flat().map((line) => row(name, line)),
  );
  return [
    paint(["red", "bold"], `Refused: ${answer?.status ?? 500} ${answer?.code ?? "server_error"}`),
    row("the caller hears", answer?.message ?? ""),
    ...headers,
    ...(missingScopes.length > 0 ? [row("missing", missingScopes.join(" "))] : []),
    row("the log says", log ?? ""),
  ];
}

function callerLines(caller: ExplainedCaller): readonly string[] {
  const { id, method, issuer, clientId, scopes, expiresAt, claims, toolsSeeToken } = caller;
  const all: readonly (readonly [string, string | undefined])[] = [
    ["principal", id],
    ["method", method],
    ["issuer", issuer],
    ["client", clientId],
    ["scopes", scopes.join(" ") || "none"],
    ["ends", expiresAt === undefined ? "never" : timeText(expiresAt)],
    ["claims", claims.join(", ") || "none"],
    ["tools see", toolsSeeToken === undefined ? undefined : TOKEN_SEEN[`${toolsSeeToken}`]],
  ];
  return all.flatMap(([name, text]) => (text === undefined ? [] : [row(name, text)]));
}

const TOKEN_SEEN = { true: "the bearer token, in authInfo", false: "no token" } as const;

function timeText(seconds: number): string {
  const time = new Date(seconds * 1000);
  return Number.isNaN(time.getTime()) ? String(seconds) : time.toISOString();
}

function row(name: string, text: string): string {
  return `  ${name.padEnd(17)} ${text}`;
}
