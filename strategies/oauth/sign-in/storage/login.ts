/** Who signed in, as far as the sign-in needs it. */
export interface SignInProfile {
  /** Tells any two people apart and stays the same for each: the provider's `sub`. */
  readonly id: string;
  /** What the consent page calls the person: a name or an address. Default: the id. */
  readonly name?: string | undefined;
  /** What tools find in `principal.claims`, beside the token's claims. Default: none. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
}

/** Tokens of the provider, as they are kept. */
export interface UpstreamTokens {
  readonly accessToken: string;
  readonly refreshToken?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number | undefined;
  readonly scopes: readonly string[];
}

/** One time that somebody signed in. Everything that clients got since then hangs on it. */
export interface Login {
  readonly profile: SignInProfile;
  /** Tokens of the provider; `undefined` when the login step gave none. */
  readonly upstream?: UpstreamTokens | undefined;
  /** When the login step last vouched for the person, in milliseconds since the epoch. */
  readonly confirmedAt?: number | undefined;
  /** Which of the person's rounds it belongs to; a round ends when all their logins are ended. */
  readonly round?: string | undefined;
}

/** What somebody approved for a client. */
export interface Approval {
  readonly scopes: readonly string[];
  readonly redirectUri: string;
}
