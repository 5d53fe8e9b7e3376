import { refusalAnswer, refusalReason } from "../auth/challenge.js";
import type { AuthMethod, FoundCredential } from "../auth/auth-method.js";
import type { Caller, Outcome, Refusal } from "../auth/outcome.js";
import type { Principal } from "../auth/principal.js";
import { RefusedCaller, toClientError } from "../http/refused-caller.js";
import { refusalLine } from "../http/refusals.js";
import { describeCause } from "../http/respond-error.js";
import type { ErrorCode, ErrorHeaders } from "../shared/errors.js";

/** What becomes of a request, and why. */
export interface Explanation {
  readonly isLetIn: boolean;
  /** Whether everybody is, without being asked. */
  readonly isOpen: boolean;
  /** In the order in which they are asked. */
  readonly methods: readonly ExplainedMethod[];
  /** Who it is, also where a scope is missing. */
  readonly caller?: ExplainedCaller;
  readonly missingScopes: readonly string[];
  /** What is answered to a caller who is not let in. */
  readonly answer?: ExplainedAnswer;
  /** The line of the log about that. */
  readonly log?: string;
  /** What the log says of the configuration. */
  readonly warnings: readonly string[];
}

/** What one method says of a request. */
export interface ExplainedMethod {
  readonly method: string;
  readonly verdict:
    | "let-in"
    | "no-credential"
    | "left-to-others"
    | "refused"
    | "lacks-scope"
    | "unavailable"
    | "not-asked";
  /** Where the credential stood that it found. */
  readonly found?: string;
  /** As the log has it. */
  readonly reason?: string;
}

/** Who calls, as servers are told. The claims are named only: their values may be anything. */
export interface ExplainedCaller extends Omit<Principal, "claims"> {
  readonly claims: readonly string[];
  /** Whether tools find the bearer token in `authInfo`; of those who are let in. */
  readonly toolsSeeToken?: boolean;
}

/** What a caller hears who is not let in. */
export interface ExplainedAnswer {
  readonly status: number;
  readonly code: ErrorCode;
  readonly message: string;
  readonly headers: ErrorHeaders;
}

/** What one method said. @param verdict `undefined` where it was not asked. */
export function explainMethod(
  method: AuthMethod,
  verdict: Outcome | undefined,
  found: FoundCredential | undefined,
): ExplainedMethod {
  const known = { method: method.name, ...(found !== undefined && { found: placeOf(found) }) };
  if (verdict === undefined) return { ...known, verdict: "not-asked" };
  if (verdict.kind === "authenticated") return { ...known, verdict: "let-in" };
  if (verdict.kind === "no-credential" && verdict.unclaimed !== undefined) {
    return { ...known, verdict: "left-to-others", reason: verdict.unclaimed.reason };
  }
  const cause = describeCause(refusalAnswer(verdict, [method]));
  const reason = `${refusalReason(verdict, [method])}${cause}`;
  return { ...known, verdict: VERDICTS[verdict.kind], reason };
}

const VERDICTS = {
  "no-credential": "no-credential",
  invalid: "refused",
  "insufficient-scope": "lacks-scope",
  unavailable: "unavailable",
} as const satisfies Record<Refusal["kind"], ExplainedMethod["verdict"]>;

function placeOf({ place, name }: FoundCredential): string {
  return place === "bearer" ? "Authorization: Bearer" : `${place} ${name}`;
}

/** Who was let in; nobody on an open endpoint. */
function explainPrincipal(
  principal: Principal | undefined,
  toolsSeeToken?: boolean,
): Pick<Explanation, "caller"> {
  if (principal === undefined) return {};
  const { claims, ...rest } = principal;
  return {
    caller: {
      ...rest,
      claims: Object.keys(claims),
      ...(toolsSeeToken !== undefined && { toolsSeeToken }),
    },
  };
}

/** A caller who was let in. */
export function explainCaller({ principal, authInfo }: Caller): Partial<Explanation> {
  return explainPrincipal(principal, authInfo !== undefined && authInfo.token !== "");
}

/** What came of a request that was refused, and who it was if a scope is all that is missing. */
export function explainRefusal(
  error: unknown,
  method: string,
  verdicts: Iterable<Outcome>,
): Pick<Explanation, "answer" | "log" | "caller" | "missingScopes"> {
  const told = toClientError(error);
  const { status, code, message, headers } = told;
  const reason = error instanceof RefusedCaller ? error.reason : message;
  const lacking = [...verdicts].find(({ kind }) => kind === "insufficient-scope");
  const { principal, missing } = lacking?.kind === "insufficient-scope" ? lacking : {};
  return {
    ...explainPrincipal(principal),
    missingScopes: missing ?? [],
    answer: { status, code, message, headers },
    log: refusalLine("refused", method, told, reason),
  };
}
