import type { IncomingMessage } from "node:http";
import { McpSseError, RETRY_SOON_SECONDS } from "../shared/errors.js";
import { EXPIRED_CREDENTIAL } from "./expired-credential.js";
import type { AuthMethod, FoundCredential } from "./auth-method.js";
import { LogNote } from "./log-note.js";
import type { Refusal } from "./outcome.js";
import type { StrategyAnswer } from "./strategy-runner.js";

/** What a strategy's answer comes to, if it is not a success. */
export function refusalOf(
  method: AuthMethod,
  answer: Exclude<StrategyAnswer, { kind: "success" }>,
  req: IncomingMessage,
  credential: FoundCredential | undefined,
): Refusal {
  const bearer = isBearerToken(method, credential);
  switch (answer.kind) {
    case "redirect":
      return { kind: "invalid", reason: `${method.name} wants an interactive login`, bearer };
    case "pass":
      return { kind: "invalid", reason: `${method.name} did not decide`, bearer };
    case "error":
      if (answer.error instanceof McpSseError) {
        return refusalOfError(method, answer.error, credential);
      }
      return {
        kind: "unavailable",
        reason: `${method.name} failed while checking the credential: ${kindOf(answer.error)}`,
        retryAfterSeconds: RETRY_SOON_SECONDS,
      };
    case "failure":
      return refusalOfFailure(method, answer, req, credential);
  }
}

/** Whether a credential is a bearer token, in the header or, where no method wants it, in the URL. @see RFC 6750, section 2 */
function isBearerToken(method: AuthMethod, credential: FoundCredential | undefined): boolean {
  if (credential?.place !== "query") return credential?.place === "bearer";
  return method.challenge?.scheme.toLowerCase() === "bearer";
}

/**
 * What kind of error a strategy of somebody else's gave.
 *
 * Security decision: its message is not repeated. A database that quotes its query, say, would
 * write the credential into the log.
 */
function kindOf(error: unknown): string {
  if (!(error instanceof Error)) return "no error object";
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? `${error.name} ${code}` : error.name;
}

function refusalOfFailure(
  method: AuthMethod,
  { info, status }: { info: unknown; status: unknown },
  req: IncomingMessage,
  credential: FoundCredential | undefined,
): Refusal {
  const bearer = isBearerToken(method, credential);
  if (info instanceof McpSseError) return refusalOfError(method, info, credential);
  if (status === 403) {
    return { kind: "insufficient-scope", required: method.scopes?.required ?? [] };
  }
  const challenge = typeof info === "string" ? { challenges: [info] } : undefined;
  // A third-party strategy fails the same way with and without a credential.
  const sentOne = credential !== undefined || req.headers.authorization !== undefined;
  if (!sentOne) return { kind: "no-credential", ...challenge };
  const reason = `${method.name} refused the credential`;
  return { kind: "invalid", reason, bearer, ...challenge };
}

function refusalOfError(
  method: AuthMethod,
  error: McpSseError,
  credential: FoundCredential | undefined,
): Refusal {
  const bearer = isBearerToken(method, credential);
  switch (error.code) {
    case "missing_credential":
      return {
        kind: "no-credential",
        ...(credential !== undefined && { unclaimed: { reason: error.message, bearer } }),
      };
    case "invalid_token":
      return {
        kind: "invalid",
        reason: error.message,
        bearer,
        ...(error.cause === EXPIRED_CREDENTIAL && { isExpired: true }),
        ...(error.cause instanceof LogNote && { note: error.cause.text }),
      };
    case "too_many_failures":
      return { kind: "invalid", reason: error.message, bearer, isUnasked: true };
    case "insufficient_scope":
      return { kind: "insufficient-scope", required: method.scopes?.required ?? [] };
    default: {
      const seconds = Number(error.headers["Retry-After"]);
      return {
        kind: "unavailable",
        reason: error.message,
        retryAfterSeconds: seconds > 0 ? seconds : RETRY_SOON_SECONDS,
        cause: error.cause,
      };
    }
  }
}
