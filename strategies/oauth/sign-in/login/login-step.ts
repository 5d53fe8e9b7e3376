import { McpSseError } from "../../../../src/shared/errors.js";
import { UpstreamError } from "../../../shared/upstream-error.js";
import type { Login } from "../storage/login.js";

/** What an authorization request that failed answers to the client. @see RFC 6749, section 4.1.2.1 */
export type LoginFailure = "access_denied" | "temporarily_unavailable" | "server_error";

/** What a login step can come to. */
export type LoginOutcome =
  | { readonly kind: "redirect"; readonly url: string }
  /** A form has to be filled in; `failed` when that did not work before. */
  | { readonly kind: "form"; readonly failed: boolean }
  | { readonly kind: "signed-in"; readonly uid: string; readonly login: Login }
  | {
      readonly kind: "failed";
      readonly uid: string;
      readonly error: LoginFailure;
      readonly description: string;
      /** What happened underneath, for the log. */
      readonly cause?: unknown;
    };

/** The authorization request that a login belongs to, and the browser it runs in. */
export interface LoginContext {
  /** Id of the request at the engine. */
  readonly uid: string;
  /** Id of the browser, from its signed cookie. */
  readonly browser: string;
}

/** Cannot be sent back to any client, because it does not belong to a request of this browser. */
export class SignInProblem extends Error {
  override readonly name = "SignInProblem";

  constructor(
    readonly status: number,
    readonly title: string,
    message: string,
  ) {
    super(message);
  }
}

/** The answer came too late, a second time, or was made up. */
export function unknownLogin(): SignInProblem {
  return new SignInProblem(
    400,
    "This sign-in is over",
    "It took longer than ten minutes, was finished before, or was not started here. Start again in the application.",
  );
}

/**
 * The answer belongs to a login that another browser started.
 *
 * Security decision: nothing of it is used. Whoever sends somebody else the provider's link would
 * otherwise get a client signed in as that person, or the person signed in as them.
 *
 * @see RFC 9700, section 4.7
 */
export function otherBrowser(): SignInProblem {
  return new SignInProblem(
    400,
    "This sign-in was started in another browser",
    "Nobody was signed in. If somebody sent you a link, do not use it. Otherwise start again in the application.",
  );
}

/** A strategy's answer by which nobody is signed in. */
type Refusal =
  { readonly kind: "failure" | "redirect" } | { readonly kind: "error"; readonly error: unknown };

/** What a failed or surprising answer of a strategy comes to. */
export function failureOf(uid: string, answer: Refusal): Extract<LoginOutcome, { kind: "failed" }> {
  if (answer.kind === "failure") {
    return { kind: "failed", uid, error: "access_denied", description: "the sign-in was refused" };
  }
  const cause =
    answer.kind === "error" ? unwrap(answer.error) : new Error("the strategy redirected again");
  return { kind: "failed", uid, ...explain(cause), cause: forLog(cause) };
}

/**
 * What the log may say of an error.
 *
 * Security decision: the message of an error from a strategy or a function of the operator's is
 * not repeated; it may quote the request, and the provider's token with it.
 */
export function forLog(error: unknown): unknown {
  if (!(error instanceof Error)) return new Error("no error object");
  // Their messages are written here, and hold no value of the exchange.
  if (error instanceof UpstreamError || error instanceof McpSseError) return error;
  const { code } = error as { readonly code?: unknown };
  const kind = typeof code === "string" ? `${error.name} ${code}` : error.name;
  return new Error(`the strategy, profile() or principal() failed: ${kind}`);
}

/** passport-oauth2 wraps what went wrong at the token endpoint. */
function unwrap(error: unknown): unknown {
  const { oauthError } = (error ?? {}) as { readonly oauthError?: unknown };
  return oauthError instanceof Error ? oauthError : error;
}

function explain(error: unknown): { readonly error: LoginFailure; readonly description: string } {
  const fault = error instanceof UpstreamError ? error.fault : undefined;
  if (fault === "refused" || fault === "unusable") {
    return { error: "server_error", description: "the identity provider's answer was not usable" };
  }
  const isOutage =
    fault === "unreachable" ||
    (error instanceof McpSseError && error.code === "temporarily_unavailable");
  return isOutage
    ? {
        error: "temporarily_unavailable",
        description: "the identity provider cannot be reached at the moment",
      }
    : { error: "server_error", description: "the sign-in failed" };
}

/** How a provider's error answer is passed on. @see RFC 6749, section 4.1.2.1 */
export function failureOfProvider(
  uid: string,
  error: string,
): Extract<LoginOutcome, { kind: "failed" }> {
  switch (error) {
    case "access_denied":
    case "login_required":
    case "consent_required":
    case "interaction_required":
      return { kind: "failed", uid, error: "access_denied", description: "the sign-in was denied" };
    case "temporarily_unavailable":
      return {
        kind: "failed",
        uid,
        error: "temporarily_unavailable",
        description: "the identity provider cannot be reached at the moment",
      };
    default:
      return {
        kind: "failed",
        uid,
        error: "server_error",
        description: "the identity provider refused the request",
        // The code is the provider's; it is quoted, because it may hold anything.
        cause: new Error(`the provider answered ${JSON.stringify(error.slice(0, 100))}`),
      };
  }
}

/** The login may be good, and nobody can tell at the moment. */
export class ConfirmLaterError extends Error {
  override readonly name = "ConfirmLaterError";
}

/** The answer to a form that did not come from our page. */
export function forgedForm(): SignInProblem {
  return new SignInProblem(
    403,
    "This form was not sent from our page",
    "Nothing was changed. Go back, load the page again, and answer there.",
  );
}
