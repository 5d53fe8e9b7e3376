import type OAuth2Strategy from "passport-oauth2";
import type { PassportStrategy } from "../../../../src/auth/auth-method.js";
import packages from "../../../../src/shared/packages.cjs";
import { requestTokens } from "./token-client.js";
import type { TokenEndpoint, TokenResponse } from "./token-client.js";

/** Where, and as whom, passport-oauth2 asks. */
export interface OAuth2Client {
  readonly authorizationUrl: string;
  readonly token: TokenEndpoint;
  /** Where the provider sends the browser back to; registered there, character by character. */
  readonly callbackUrl: string;
  readonly scopes: readonly string[];
}

type Done<T> = (error: unknown, value?: T) => void;

/**
 * A strategy for one request, which it answers with a redirect to the provider: `state`, and PKCE
 * S256.
 *
 * @param keep Keeps the PKCE verifier, and says under which `state`. It stays on this server: the
 * browser has neither key nor copy.
 * @see OAuth 2.1, section 4.1.1; RFC 7636
 */
export function authorizationStrategy(
  client: OAuth2Client,
  params: Readonly<Record<string, string>>,
  keep: (verifier: string) => Promise<string>,
): PassportStrategy {
  const store = (
    _req: object,
    verifier: string,
    _state: unknown,
    _meta: unknown,
    done: Done<string>,
  ) => settle(keep(verifier), done);
  const strategy = createStrategy(client, { store }, () => undefined);
  strategy.authorizationParams = () => ({ ...params });
  return strategy;
}

/**
 * A strategy for one request, whose code it redeems.
 *
 * @param toUser Whom it succeeds with.
 * @see OAuth 2.1, section 4.1.3
 */
export function redemptionStrategy<User>(
  client: OAuth2Client,
  verifier: string,
  toUser: (response: TokenResponse) => Promise<User>,
): PassportStrategy {
  const verify = (_req: object, _state: string, _meta: unknown, done: Done<string>) =>
    done(null, verifier);
  const strategy = createStrategy(
    client,
    { verify },
    (_accessToken, _refreshToken, response, _profile, done) => settle(toUser(response), done),
  );
  // The package's own request has no limit of time or size, and always sends the secret in the body.
  strategy._oauth2.getOAuthAccessToken = (code, parameters, done) => {
    requestTokens(client.token, { ...parameters, code }).then(
      (response) => done(null, response["access_token"], response["refresh_token"], response),
      (error: unknown) => done(error),
    );
  };
  return strategy;
}

/** passport-oauth2, as far as its own types leave it out. */
type Strategy = PassportStrategy & {
  authorizationParams: () => object;
  readonly _oauth2: {
    getOAuthAccessToken: (
      code: string,
      parameters: Readonly<Record<string, string>>,
      done: (error: unknown, access?: unknown, refresh?: unknown, response?: TokenResponse) => void,
    ) => void;
  };
};

function createStrategy(
  { authorizationUrl, token, callbackUrl, scopes }: OAuth2Client,
  store: object,
  verify: (
    accessToken: string,
    refreshToken: string | undefined,
    response: TokenResponse,
    profile: unknown,
    done: Done<unknown>,
  ) => void,
): Strategy {
  const Base = packages.passportOAuth2() as typeof OAuth2Strategy;
  const options = {
    authorizationURL: authorizationUrl,
    tokenURL: token.url,
    clientID: token.credentials.id,
    clientSecret: token.credentials.secret,
    callbackURL: callbackUrl,
    scope: [...scopes],
    pkce: true,
    state: true,
    store: store as OAuth2Strategy.StateStore,
    skipUserProfile: true,
  };
  return new Base(options, verify as never) as unknown as Strategy;
}

function settle<T>(work: Promise<T>, done: Done<T>): void {
  work.then(
    (value) => done(null, value),
    (error: unknown) => done(error),
  );
}
