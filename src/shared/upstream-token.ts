/**
 * An access token of the identity provider at which a caller signed in, for tools that call the
 * provider's own interfaces on the caller's behalf.
 */
export interface UpstreamToken {
  /** The token. Not enumerable, so that printing this object does not print it. Never send it to an MCP client. */
  readonly accessToken: string;
  /** Milliseconds since the epoch; `undefined` when the provider did not say. */
  readonly expiresAt?: number | undefined;
  /** What the token permits at the provider; empty when it did not say. */
  readonly scopes: readonly string[];
}

/** The answer of `session.upstream()` where nobody signed in. */
export function noUpstream(): Error {
  return new Error('The caller did not sign in here. Write auth type "oauth" with signIn.');
}
