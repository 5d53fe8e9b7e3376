import { UpstreamError } from "../../../shared/upstream-error.js";

/** Error codes that speak of the person or their grant, and not of us or of the moment. */
const DEFINITE: ReadonlySet<string> = new Set([
  "invalid_grant",
  "access_denied",
  "login_required",
  "consent_required",
  "interaction_required",
  // GitHub's word for it.
  "bad_refresh_token",
]);

/**
 * Whether an error at the provider's token endpoint ends the login.
 *
 * Security decision: only what is said of this grant does. `invalid_client`, say, is a mistake in
 * our own configuration, and would sign everybody out.
 *
 * @see RFC 6749, section 5.2; OpenID Connect Core 1.0, section 3.1.2.6
 */
export function endsLogin(error: unknown): boolean {
  return (
    error instanceof UpstreamError && error.fault === "refused" && DEFINITE.has(error.code ?? "")
  );
}
