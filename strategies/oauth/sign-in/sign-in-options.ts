import type { PassportStrategy } from "../../../src/auth/auth-method.js";
import {
  checkNumber,
  checkOptionNames,
  checkText,
  checkTextList,
  optionError,
} from "../../../src/errors.js";
import { checkScopes } from "../../check-options.js";
import { isStrategy } from "../../passport.js";
import { isLoopbackUrl } from "../issuer-url.js";
import { checkEndpoint, readBrand, readKeys, readStorage } from "./keeping-options.js";
import type { SignInKeys } from "./key-ring.js";
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
   * login. Default: the verified ID token, else the provider's userinfo endpoint.
   */
  readonly profile?: (accessToken: string) => SignInProfile | Promise<SignInProfile>;
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
   * Times a minute that clients may register, from one network (an IPv4 address, or the first 64 bits
   * of an IPv6 one); ten times that in all. Default: 20.
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

/** The step in which somebody proves who they are. */
export type LoginStep =
  | {
      readonly kind: "provider";
      readonly scopes: readonly string[];
      readonly params: Readonly<Record<string, string>>;
      readonly endpoints: SignInOptions["endpoints"];
      readonly profile: SignInOptions["profile"];
    }
  | {
      readonly kind: "strategy";
      readonly strategy: PassportStrategy;
      readonly principal: NonNullable<SignInOptions["principal"]>;
      readonly form: readonly LoginField[] | undefined;
    };

/** {@link SignInOptions}, checked and complete. */
export interface SignInSettings {
  /** Our own issuer: the URL of the mount. */
  readonly issuer: string;
  /** What access tokens are for: the URL of the event stream. */
  readonly resource: string;
  readonly login: LoginStep;
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

/** Cookies and codes go there, so it is https, or this machine. */
function checkOwnUrl(path: string, mountUrl: string): void {
  const url = new URL(mountUrl);
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

function readFunction<K extends "profile" | "principal" | "fetchClientMetadata">(
  path: string,
  name: K,
  options: SignInOptions,
): SignInOptions[K] {
  const value: unknown = options[name];
  if (value === undefined || typeof value === "function") return options[name];
  throw optionError(`${path}.${name}`, "must be a function", "Leave it out for the default.");
}

function readLoginStep(options: SignInOptions, path: string): LoginStep {
  if (options.strategy !== undefined) return readStrategyStep(options, path);
  for (const name of ["principal", "form"] as const) {
    if (options[name] === undefined) continue;
    throw optionError(`${path}.${name}`, "goes with strategy only", "Leave it out.");
  }
  const endpoints = readEndpoints(`${path}.endpoints`, options.endpoints);
  const profile = readFunction(path, "profile", options);
  if (endpoints !== undefined && profile === undefined) {
    throw optionError(
      `${path}.profile`,
      "is missing, and without metadata nobody says whose a token is",
      "Write profile: async (accessToken) => ({ id: … }), which asks the provider.",
    );
  }
  const scopes = checkScopes(`${path}.scopes`, options.scopes);
  return {
    kind: "provider",
    scopes: scopes ?? (endpoints === undefined ? ["openid", "profile", "email"] : []),
    params: readParams(`${path}.authorizationParams`, options.authorizationParams),
    endpoints,
    profile,
  };
}

function readStrategyStep(options: SignInOptions, path: string): LoginStep {
  const { strategy, principal, form } = options;
  if (!isStrategy(strategy)) {
    throw optionError(`${path}.strategy`, "must be a Passport strategy", "Pass an instance.");
  }
  for (const name of ["scopes", "authorizationParams", "endpoints", "profile"] as const) {
    if (options[name] === undefined) continue;
    throw optionError(`${path}.${name}`, "does not go with strategy", "Tell it to the strategy.");
  }
  if (typeof principal !== "function") {
    throw optionError(
      `${path}.principal`,
      "is missing",
      "Write principal: (user) => ({ id: user.id }).",
    );
  }
  return { kind: "strategy", strategy, principal, form: readForm(`${path}.form`, form) };
}

function readForm(option: string, value: unknown): readonly LoginField[] | undefined {
  if (value === undefined) return undefined;
  const fields: unknown[] = Array.isArray(value) ? value : [];
  if (fields.length === 0) {
    throw optionError(option, "must be a list of fields", 'Write [{ name, label, type: "text" }].');
  }
  return fields.map((field, index) => {
    const path = `${option}[${index}]`;
    checkOptionNames(path, field, ["name", "label", "type"]);
    const { type = "text" } = field as Partial<LoginField>;
    if (!["text", "password", "email"].includes(type)) {
      throw optionError(`${path}.type`, "is unknown", 'Write "text", "password" or "email".');
    }
    const name = checkText(`${path}.name`, field["name"]);
    if (name === "token") {
      throw optionError(`${path}.name`, "is the name of a field of ours", "Choose another.");
    }
    return { name, label: checkText(`${path}.label`, field["label"]), type };
  });
}

function readEndpoints(option: string, value: unknown): SignInOptions["endpoints"] {
  if (value === undefined) return undefined;
  checkOptionNames(option, value, ["authorizationUrl", "tokenUrl"]);
  return {
    authorizationUrl: checkEndpoint(`${option}.authorizationUrl`, value["authorizationUrl"]),
    tokenUrl: checkEndpoint(`${option}.tokenUrl`, value["tokenUrl"]),
  };
}

/** Parameters that the login step sets itself. */
const RESERVED_PARAMS: ReadonlySet<string> = new Set([
  "client_id",
  "client_secret",
  "code_challenge",
  "code_challenge_method",
  "nonce",
  "redirect_uri",
  "request",
  "request_uri",
  "response_mode",
  "response_type",
  "scope",
  "state",
]);

function readParams(option: string, value: unknown = {}): Readonly<Record<string, string>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw optionError(option, "must be an object", 'Write { access_type: "offline" }.');
  }
  for (const [name, text] of Object.entries(value)) {
    checkText(`${option}.${name}`, text);
    if (!RESERVED_PARAMS.has(name)) continue;
    throw optionError(`${option}.${name}`, "is set by the login step itself", "Leave it out.");
  }
  return { ...(value as Record<string, string>) };
}
