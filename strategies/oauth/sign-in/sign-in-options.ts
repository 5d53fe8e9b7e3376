import type { PassportStrategy } from "../../../src/auth/auth-method.js";
import { checkNumber, checkOptionNames, checkTextList, optionError } from "../../../src/errors.js";
import { isLoopbackUrl } from "../issuer-url.js";
import { readBrand, readKeys, readStorage } from "./keeping-options.js";
import type { SignInKeys } from "./key-ring.js";
import { readFunction, readLoginStep } from "./login-options.js";
import type { LoginStep } from "./login-options.js";
import type { LoginField } from "./other-pages.js";
import type { Brand } from "./page.js";
import { fetchPublic } from "./public-fetch.js";
import type { FetchDocument } from "./public-fetch.js";
import type { SignInProfile } from "./records.js";
import { KNOWN_APP_SCHEMES } from "./redirect-uri.js";
import type { SignInStorage } from "./storage.js";

/** Options of `signIn`. */
export interface SignInOptions {
  /**
   * Scopes asked of the provider. Default: `openid profile email`; none with `endpoints`. Many
   * providers give a refresh token only for `offline_access`.
   */
  readonly scopes?: readonly string[];
  /** More parameters of the authorization request: `{ access_type: "offline" }`. Default: none. */
  readonly authorizationParams?: Readonly<Record<string, string>>;
  /**
   * What must outlive a request. Default: `new MemoryStorage()`, with which everybody signs in
   * again after a restart.
   */
  readonly storage?: SignInStorage;
  /** Default: made when first needed, and kept in `storage`. */
  readonly keys?: SignInKeys;
  /** How the pages name this server. Default: the host of `publicUrl`. */
  readonly consent?: { readonly name?: string; readonly logoUrl?: string };
  /** Endpoints of a provider that publishes no metadata. Needs `profile`. Default: discovery. */
  readonly endpoints?: { readonly authorizationUrl: string; readonly tokenUrl: string };
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
  /** What a success of `strategy` means. A throw ends the login. */
  readonly principal?: (user: unknown, info: unknown) => SignInProfile | Promise<SignInProfile>;
  /** Fields that `strategy` reads from `req.body`; a page asks for them. Default: no page. */
  readonly form?: readonly LoginField[];
  /**
   * Whether a person may still come in, asked again when a client refreshes its tokens: `false`
   * ends the login, a throw counts as an outage, and so does no answer within 15 seconds. Default: the identity provider, by refreshing its
   * token or, while its access token lasts, by its userinfo endpoint or `profile`; a `strategy`
   * cannot be asked.
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
   * are asked as often. From 60000 to 7776000000 (90 days). Default: 86400000 (24 hours).
   */
  readonly signInAgainAfterMs?: number;
  /**
   * Times a minute that clients may register, from one network (an IPv4 address, or the first 64 bits
   * of an IPv6 one); twice that from an IPv6 /48, ten times in all. Default: 20.
   */
  readonly registrationsPerMinute?: number;
  /**
   * More schemes without a dot under which apps may take their answers: `["myeditor"]`. Beside them
   * count `claude`, `cursor`, `vscode`, `vscode-insiders` and `windsurf`, and every scheme with a dot
   * (`com.example.app`). Security: whatever program of a person's device has the scheme is opened
   * with a URL that a stranger may have chosen. Default: none.
   */
  readonly appSchemes?: readonly string[];
  /**
   * Seconds that an access token counts. From 60 to 3600. Default: 600 (10 minutes). A token whose
   * grant was revoked does not count, however long it has left.
   */
  readonly accessTokenSeconds?: number;
  /** Days that a refresh token counts since it was last used. From 1 to 90. Default: 30. */
  readonly refreshTokenDays?: number;
  /**
   * Gets the metadata documents of clients. Security: the URL is a stranger's; a function of your
   * own, for example through an egress proxy, must refuse private addresses itself. Default: only
   * https, only public addresses, no redirects.
   */
  readonly fetchClientMetadata?: FetchDocument;
}

/** {@link SignInOptions}, checked and complete. */
export interface SignInSettings {
  /** Our own issuer: the URL of the mount. */
  readonly issuer: string;
  /** What access tokens are for: the URL of the event stream. */
  readonly resource: string;
  readonly login: LoginStep;
  readonly revalidate: SignInOptions["revalidate"];
  readonly revalidateMs: number;
  readonly signInAgainAfterMs: number;
  readonly storage: SignInStorage;
  readonly keys: SignInKeys | undefined;
  readonly brand: Brand;
  readonly registrationsPerMinute: number;
  /** Schemes without a dot that redirect URIs may have. */
  readonly appSchemes: readonly string[];
  readonly accessTokenSeconds: number;
  readonly refreshTokenDays: number;
  readonly fetchClientMetadata: FetchDocument;
}

const OPTIONS = [
  "scopes",
  "authorizationParams",
  "storage",
  "keys",
  "consent",
  "endpoints",
  "profile",
  "strategy",
  "principal",
  "form",
  "revalidate",
  "revalidateMs",
  "signInAgainAfterMs",
  "registrationsPerMinute",
  "appSchemes",
  "accessTokenSeconds",
  "refreshTokenDays",
  "fetchClientMetadata",
] as const;

/** What the endpoint around a sign-in knows. */
export interface SignInContext {
  readonly resource?: string | undefined;
  readonly mountUrl?: string | undefined;
}

/** @throws TypeError for a wrong option; it says which, and what to write instead. */
export function readSignInOptions(
  value: unknown,
  path: string,
  { resource, mountUrl }: SignInContext,
): SignInSettings {
  const given: unknown = value === true ? {} : value;
  checkOptionNames(path, given, OPTIONS);
  const options = given as SignInOptions;
  if (resource === undefined || mountUrl === undefined) {
    throw optionError(
      path,
      "needs publicUrl, because the server becomes an authorization server under that name",
      'Write publicUrl: "https://api.example.com/mcp", the URL of the mount as clients see it.',
    );
  }
  checkOwnUrl(path, mountUrl);
  return {
    issuer: mountUrl,
    resource,
    login: readLoginStep(options, path),
    revalidate: readFunction(path, "revalidate", options),
    ...readRevalidationTimes(options, path),
    storage: readStorage(`${path}.storage`, options.storage),
    keys: readKeys(`${path}.keys`, options.keys),
    brand: readBrand(`${path}.consent`, options.consent, mountUrl),
    registrationsPerMinute: checkNumber(
      `${path}.registrationsPerMinute`,
      options.registrationsPerMinute,
      20,
      { min: 1, max: 10_000 },
    ),
    appSchemes: readAppSchemes(`${path}.appSchemes`, options.appSchemes),
    accessTokenSeconds: checkWhole(`${path}.accessTokenSeconds`, options.accessTokenSeconds, 600, {
      min: 60,
      max: 3600,
    }),
    refreshTokenDays: checkWhole(`${path}.refreshTokenDays`, options.refreshTokenDays, 30, {
      min: 1,
      max: 90,
    }),
    fetchClientMetadata: readFunction(path, "fetchClientMetadata", options) ?? fetchPublic,
  };
}

/** Schemes that no app has for itself: a browser acts on them, or another host is asked in the clear. */
const BROWSERS_OWN =
  /^(?:https?|wss?|ftp|file|javascript|data|vbscript|blob|about|filesystem|view-source)$/;

/** @throws TypeError for what is no scheme, or a browser's own. */
function readAppSchemes(option: string, value: unknown): readonly string[] {
  const given = checkTextList(option, value) ?? [];
  for (const scheme of given) {
    if (/^[a-z][a-z0-9+.-]*$/.test(scheme) && !BROWSERS_OWN.test(scheme)) continue;
    throw optionError(
      option,
      "must name schemes that apps have for themselves",
      'Write the part before the colon, in lower case: ["myeditor"] for myeditor://callback.',
    );
  }
  return [...KNOWN_APP_SCHEMES, ...given];
}

/** 1 hour, 24 hours, 30 days and 90 days, in milliseconds. */
const [HOUR_MS, DAY_MS, MONTH_MS, QUARTER_MS] = [
  3_600_000, 86_400_000, 2_592_000_000, 7_776_000_000,
];

function readRevalidationTimes(
  { revalidateMs, signInAgainAfterMs }: SignInOptions,
  path: string,
): Pick<SignInSettings, "revalidateMs" | "signInAgainAfterMs"> {
  const longest = { min: 60_000, max: QUARTER_MS };
  return {
    revalidateMs: checkNumber(`${path}.revalidateMs`, revalidateMs, HOUR_MS, {
      min: 0,
      max: MONTH_MS,
    }),
    signInAgainAfterMs: checkNumber(
      `${path}.signInAgainAfterMs`,
      signInAgainAfterMs,
      DAY_MS,
      longest,
    ),
  };
}

/** Cookies and codes go there, so it is https, or this machine, and its path one that cookies can have. */
function checkOwnUrl(path: string, mountUrl: string): void {
  const url = new URL(mountUrl);
  if (url.pathname.includes(";")) {
    throw optionError(path, "needs a publicUrl without ;", "No cookie can have such a path.");
  }
  if (url.protocol === "https:" || isLoopbackUrl(url)) return;
  throw optionError(path, "needs a publicUrl with https", "Plain http is for loopback only.");
}

function checkWhole(
  option: string,
  value: unknown,
  fallback: number,
  range: { readonly min: number; readonly max: number },
): number {
  return Math.floor(checkNumber(option, value, fallback, range));
}
