import { fetchJson } from "../../../shared/fetch-json.js";
import type { MethodReports } from "../../../shared/method-reports.js";
import { UpstreamError } from "../../../shared/upstream-error.js";
import { authenticatedForm, chooseClientAuth } from "../../client-authentication.js";
import type { ClientAuthMethod, ClientCredentials } from "../../client-authentication.js";
import type { UpstreamTokens } from "../storage/login.js";

/** Bounds of one request to a token endpoint: 10 seconds, 256 KiB. */
const LIMITS = { timeoutMs: 10_000, maxBytes: 262_144 };

/** Where and how we get tokens as the provider's registered client. */
export interface TokenEndpoint {
  readonly url: string;
  readonly credentials: ClientCredentials;
  /** How clients may authenticate there. @see RFC 8414, section 2 */
  readonly authMethods: readonly string[];
  /** Where it is told what was asked. */
  readonly reports: MethodReports;
}

/** What a token endpoint answers. @see RFC 6749, section 5.1 */
export type TokenResponse = Readonly<Record<string, unknown>>;

/**
 * Asks a token endpoint.
 *
 * @throws UpstreamError `refused` when the answer holds no token.
 */
export async function requestTokens(
  endpoint: TokenEndpoint,
  parameters: Readonly<Record<string, string>>,
): Promise<TokenResponse> {
  const method: ClientAuthMethod = chooseClientAuth(endpoint.authMethods) ?? "client_secret_basic";
  const { headers, body } = authenticatedForm(method, endpoint.credentials, parameters);
  const ask = () => fetchJson(endpoint.url, LIMITS, { method: "POST", headers, body });
  const response = await endpoint.reports.asking("token", ask).catch((error: unknown) => {
    throw isRefusal(error) ? refused(`the provider ${error.message}`, error.code) : error;
  });
  const { access_token: accessToken, token_type: type = "bearer", error } = response;
  // GitHub answers errors with 200.
  if (typeof accessToken !== "string" || accessToken === "") {
    const code = typeof error === "string" ? error : undefined;
    throw refused("the provider's answer holds no access token", code);
  }
  if (String(type).toLowerCase() !== "bearer") {
    throw refused("the provider's token is no bearer token");
  }
  return response;
}

/** An answer that refuses is no outage. */
function isRefusal(error: unknown): error is UpstreamError {
  const { status = 0 } = error instanceof UpstreamError ? error : {};
  return status >= 400 && status < 500;
}

function refused(problem: string, code?: string): UpstreamError {
  return new UpstreamError("refused", problem, { code });
}

/** An answer as it is kept; what it leaves out stays as it was `before`. */
export function toUpstreamTokens(
  response: TokenResponse,
  before: Partial<UpstreamTokens> = {},
  now = Date.now(),
): UpstreamTokens {
  const { refresh_token: refreshToken, expires_in: seconds, scope } = response;
  // Some providers write the number as text.
  const lifetimeMs = Number(seconds) * 1000;
  return {
    accessToken: String(response["access_token"]),
    refreshToken: typeof refreshToken === "string" ? refreshToken : before.refreshToken,
    expiresAt: Number.isFinite(lifetimeMs) && lifetimeMs > 0 ? now + lifetimeMs : undefined,
    scopes:
      typeof scope === "string" ? scope.split(/[ ,]+/).filter(Boolean) : (before.scopes ?? []),
  };
}
