import { McpSseError, retryAfter } from "../shared/errors.js";
import { fieldText, quotedText } from "../shared/foreign-text.js";
import type { AuthMethod, Challenge } from "./auth-method.js";
import type { Outcome } from "./outcome.js";

/** Protection space of all challenges. @see RFC 9110, section 11.5 */
const REALM = "mcp";

/** What clients are told that look for a token. */
export interface TokenHints {
  /** URL of the document that tells where to get one; only with OAuth. */
  readonly resourceMetadata?: string | undefined;
  /** Scopes to ask for beside those that everybody needs. Default: none. */
  readonly moreScopes?: readonly string[] | undefined;
}

/**
 * The answer to a caller who was not let in: 401 when a new credential can help, 403 when it
 * cannot, 503 when nobody can tell.
 *
 * Security decision: the body says where a credential was searched, never what was found there.
 *
 * @see RFC 6750, section 3; RFC 9728, section 5.1
 */
export function refusalAnswer(
  outcome: Exclude<Outcome, { kind: "authenticated" }>,
  methods: readonly AuthMethod[],
  hints: TokenHints = {},
): McpSseError {
  const challenges = { "WWW-Authenticate": challengesFor(outcome, methods, hints) };
  switch (outcome.kind) {
    case "no-credential":
      return new McpSseError(
        "missing_credential",
        `No credential was sent. Searched: ${searchedPlaces(methods)}.`,
        { headers: challenges },
      );
    case "invalid":
      return new McpSseError(
        "invalid_token",
        `The credential was refused: ${outcome.reason}. Searched: ${searchedPlaces(methods)}.`,
        { headers: challenges },
      );
    case "insufficient-scope":
      return new McpSseError(
        "insufficient_scope",
        outcome.required.length > 0
          ? `${outcome.description ?? "The credential lacks a scope"}. Needed: ${outcome.required.join(" ")}.`
          : "The credential does not permit this.",
        { headers: challenges },
      );
    case "unavailable":
      return new McpSseError(
        "temporarily_unavailable",
        "The credential cannot be checked at the moment. It may be good: try again with the same one.",
        { headers: retryAfter(outcome.retryAfterSeconds), cause: outcome.cause },
      );
  }
}

/** One line for the log: why a caller was turned away, without any value that was sent. */
export function refusalReason(
  outcome: Exclude<Outcome, { kind: "authenticated" }>,
  methods: readonly AuthMethod[],
): string {
  const where = `searched: ${searchedPlaces(methods)}`;
  switch (outcome.kind) {
    case "no-credential":
      return `no credential (${where})`;
    case "invalid":
      return `${outcome.reason}${noteOf(outcome)} (${where})`;
    case "insufficient-scope":
      return `a scope is missing, needed: ${outcome.required.join(" ")}`;
    case "unavailable":
      return outcome.reason;
  }
}

function noteOf({ note }: { readonly note?: string }): string {
  return note === undefined ? "" : `; ${note}`;
}

/** All places in which any method looks. */
function searchedPlaces(methods: readonly AuthMethod[]): string {
  const places = methods.flatMap(
    (method) => method.searched ?? [`wherever ${method.name} looks for it`],
  );
  return [...new Set(places)].join(", ");
}

/**
 * The `WWW-Authenticate` field lines, one for each scheme, `Bearer` first: official clients read
 * the parameters of the first challenge only.
 */
function challengesFor(
  outcome: Exclude<Outcome, { kind: "authenticated" }>,
  methods: readonly AuthMethod[],
  hints: TokenHints,
): readonly string[] {
  const lines = new Map<string, string>();
  for (const { challenge } of methods) {
    if (challenge === undefined) continue;
    const scheme = challenge.scheme.toLowerCase();
    if (lines.has(scheme)) continue;
    const isBearer = scheme === "bearer";
    const full = isBearer ? bearerChallenge(challenge, outcome, methods, hints) : challenge;
    lines.set(scheme, formatChallenge(full));
  }
  // A strategy's own words count for a scheme that no method declared.
  for (const challenge of "challenges" in outcome ? outcome.challenges : []) {
    const own = fieldText(challenge);
    const scheme = own.split(" ", 1)[0]?.toLowerCase() ?? "";
    if (scheme !== "" && !lines.has(scheme)) lines.set(scheme, own);
  }
  if (methods.length === 0) {
    // An open endpoint, whose server asks for scopes all the same.
    const full = bearerChallenge({ scheme: "Bearer" }, outcome, methods, hints);
    lines.set("bearer", formatChallenge(full));
  }
  // A 401 must name some challenge; the strategy's name is the best word for a scheme unsaid.
  if (lines.size === 0) {
    for (const { name } of methods) lines.set(name, formatChallenge({ scheme: schemeOf(name) }));
  }
  const bearer = lines.get("bearer");
  lines.delete("bearer");
  return bearer === undefined ? [...lines.values()] : [bearer, ...lines.values()];
}

/** `error` only after a credential was sent. @see RFC 6750, section 3.1 */
function bearerChallenge(
  challenge: Challenge,
  outcome: Outcome,
  methods: readonly AuthMethod[],
  hints: TokenHints,
): Challenge {
  const params: Record<string, string> = { ...challenge.params };
  if (outcome.kind === "invalid" && outcome.bearer) {
    params["error"] = "invalid_token";
    params["error_description"] = outcome.reason;
  }
  if (outcome.kind === "insufficient-scope") {
    params["error"] = "insufficient_scope";
    if (outcome.description !== undefined) params["error_description"] = outcome.description;
  }
  // The scopes are named in every challenge: official clients ask for what the first one names
  // and never step up later.
  const scopes = scopesToAskFor(outcome, methods, hints);
  if (scopes.length > 0) params["scope"] = [...new Set(scopes)].join(" ");
  const { resourceMetadata } = hints;
  if (resourceMetadata !== undefined) params["resource_metadata"] = resourceMetadata;
  return { scheme: challenge.scheme, params };
}

/** Of a caller who is known, those of the method that knows them; else all, because any may be tried. */
function scopesToAskFor(
  outcome: Outcome,
  methods: readonly AuthMethod[],
  { moreScopes = [] }: TokenHints,
): readonly string[] {
  if (outcome.kind === "insufficient-scope" && outcome.required.length > 0) return outcome.required;
  return [...methods.flatMap((method) => method.scopes?.required ?? []), ...moreScopes];
}

/** A challenge as it goes over the wire. @see RFC 9110, section 11.6.1 */
function formatChallenge({ scheme, params }: Challenge): string {
  const all = { realm: REALM, ...params };
  const written = Object.entries(all).map(([name, value]) => `${name}="${quotedText(value)}"`);
  return `${scheme} ${written.join(", ")}`;
}

/** @see RFC 9110, sections 11.1 and 15.5.2 */
function schemeOf(name: string): string {
  return name.replace(/[^\w!#$%&'*+.^`|~-]/g, "-");
}
