import type { PassportStrategy } from "../../../src/auth/auth-method.js";
import type { SignInKeys } from "./signing-key.js";
import type { SignInProfile } from "../sign-in/storage/login.js";
import type { SignInStorage } from "../../storage/sign-in-storage.js";

/** As much of `fetch` as a sign-in uses. */
export type FetchDocument = (url: string | URL, init?: RequestInit) => Promise<Response>;

/** A field of a login form. */
export interface LoginField {
  /** Where the strategy looks for it in `req.body`. */
  readonly name: string;
  /** What the page calls it. */
  readonly label: string;
  /** The kind of field. Default: `"text"`. */
  readonly type?: "text" | "password" | "email";
}

/** Tuning of a sign-in that there is no reason to change before something was measured. */
export interface SignInAdvancedOptions {
  /**
   * Times a minute that clients may register, from one network (an IPv4 address, or the first 64
   * bits of an IPv6 one); twice that from an IPv6 /48, ten times in all. From 1 to 10000. Default:
   * 20.
   */
  readonly registrationsPerMinute?: number;
}

/** Options of `signIn`. */
export interface SignInOptions {
  /**
   * Scopes asked of the provider. Many providers give a refresh token only for `offline_access`.
   * Default: `openid profile email`; none with `endpoints`.
   */
  readonly scopes?: readonly string[];
  /** More parameters of the authorization request: `{ access_type: "offline" }`. Default: none. */
  readonly authorizationParams?: Readonly<Record<string, string>>;
  /**
   * What must outlive a request. Default: `new MemoryStorage()`, with which everybody signs in
   * again after a restart.
   */
  readonly storage?: SignInStorage;
  /** Keys of the sign-in, newest first. Default: made when first needed, and kept in `storage`. */
  readonly keys?: SignInKeys;
  /** How the pages name this server. Default: the host of `publicUrl`. */
  readonly consent?: {
    /** The name. Default: the host of `publicUrl`. */
    readonly name?: string;
    /** URL of a picture: https, or http to loopback. Default: none. */
    readonly logoUrl?: string;
  };
  /** Endpoints of a provider that publishes no metadata. Needs `profile`. Default: discovery. */
  readonly endpoints?: {
    /** Where people sign in. */
    readonly authorizationUrl: string;
    /** Where codes and refresh tokens are redeemed. */
    readonly tokenUrl: string;
  };
  /**
   * Who an access token of the provider belongs to, asked of the provider itself. A throw ends the
   * login. When it is asked again later, `undefined` or another id ends it too, and a throw counts
   * as an outage. Default: the verified ID token, else the provider's userinfo endpoint.
   */
  readonly profile?: (
    accessToken: string,
  ) => SignInProfile | undefined | Promise<SignInProfile | undefined>;
  /**
   * Another Passport strategy as the login step. A strategy that redirects comes back to
   * `<publicUrl>/oauth/callback`. Needs `principal`. Default: passport-oauth2 at the provider.
   */
  readonly strategy?: PassportStrategy;
  /** Who a success of `strategy` is; needed with it. A throw ends the login. Default: none. */
  readonly principal?: (user: unknown, info: unknown) => SignInProfile | Promise<SignInProfile>;
  /** Fields that `strategy` reads from `req.body`; a page asks for them. Default: no page. */
  readonly form?: readonly LoginField[];
  /**
   * Whether a person may still come in, asked again when a client refreshes its tokens: `false`
   * ends the login, a throw counts as an outage, and so does no answer within 15 seconds. Default:
   * the identity provider, by refreshing its token or, while its access token lasts, by its
   * userinfo endpoint or `profile`; a `strategy` cannot be asked.
   */
  readonly revalidate?: (profile: SignInProfile) => boolean | Promise<boolean>;
  /**
   * How old the last word on a person may be, in milliseconds, when a client refreshes its tokens
   * or a browser that is signed in comes back; then it is asked again. From 0 to 2592000000 (30
   * days). Security: whoever was removed at the provider keeps access for this time and
   * `accessTokenSeconds`; during an outage of the provider, for twice as long. Default: 3600000 (1
   * hour).
   */
  readonly revalidateMs?: number;
  /**
   * How long a sign-in counts, in milliseconds, where nobody can be asked again: the provider gave
   * no refresh token and its access token is over, or there is a `strategy` without `revalidate`.
   * Then the person signs in again. Where it is shorter than `revalidateMs`, those who can be asked
   * are asked as often. From 60000 to 7776000000 (90 days). Default: 86400000 (1 day).
   */
  readonly signInAgainAfterMs?: number;
  /**
   * More schemes without a dot under which apps may take their answers: `["myeditor"]`. Beside them
   * count `claude`, `cursor`, `vscode`, `vscode-insiders` and `windsurf`, and every scheme with a
   * dot (`com.example.app`). Security: whatever program of a person's device has the scheme is
   * opened with a URL that a stranger may have chosen. Default: none.
   */
  readonly appSchemes?: readonly string[];
  /**
   * Seconds that an access token counts. From 60 to 3600. A token whose grant was revoked does not
   * count, however long it has left. Default: 600 (10 minutes).
   */
  readonly accessTokenSeconds?: number;
  /** Days that a refresh token counts since it was last used. From 1 to 90. Default: 30. */
  readonly refreshTokenDays?: number;
  /**
   * Gets the metadata documents of clients, for example through an egress proxy, which must then
   * refuse private addresses itself. Security: the URL is a stranger's. Default: only
   * https, only public addresses, no redirects.
   */
  readonly fetchClientMetadata?: FetchDocument;
  /** Tuning that there is no reason to change before something was measured. Default: see {@link SignInAdvancedOptions}. */
  readonly advanced?: SignInAdvancedOptions;
  /** @deprecated Write `advanced.registrationsPerMinute`. */
  readonly registrationsPerMinute?: number;
}
