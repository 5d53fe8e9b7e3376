import {
  checkNumber,
  checkTextList,
  checkOptionNames,
  optionError,
} from "../../../src/shared/check.js";
import { isLocalToNode } from "../../../src/shared/loopback.js";
import { readBrand, readKeys, readStorage } from "./storage-options.js";
import type { SignInKeys } from "./signing-key.js";
import { readFunction, readLoginStep } from "./login-options.js";
import type { LoginStep } from "./login-options.js";
import type { Brand } from "../sign-in/pages/page.js";
import type { FetchDocument } from "../sign-in/requests/public-fetch.js";
import type { SignInOptions } from "./sign-in-config.js";
import type { SignInStorage } from "../../storage/storage.js";

/** Schemes without a dot under which well-known MCP clients take their responses. */
export const KNOWN_APP_SCHEMES = ["claude", "cursor", "vscode", "vscode-insiders", "windsurf"];

export type { SignInOptions } from "./sign-in-config.js";

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
  /** `undefined` for the one that asks public hosts only. */
  readonly fetchClientMetadata: FetchDocument | undefined;
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
    fetchClientMetadata: readFunction(path, "fetchClientMetadata", options),
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
  if (url.protocol === "https:" || isLocalToNode(url.hostname)) return;
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
