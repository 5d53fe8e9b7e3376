import { optionError } from "../../../src/shared/check.js";
import * as opt from "../../../src/shared/option.js";
import { isSecureUrl } from "../../../src/shared/loopback.js";
import { CONSENT, KEYS, storage } from "./storage-options.js";
import { LEAVE_OUT, LOGIN_OPTIONS, toLoginStep } from "./login-options.js";
import type { SignInSettings } from "./sign-in-settings.js";
import type { FetchDocument, SignInAdvancedOptions, SignInOptions } from "./sign-in-config.js";

/** Schemes without a dot under which well-known MCP clients take their responses. */
export const KNOWN_APP_SCHEMES = ["claude", "cursor", "vscode", "vscode-insiders", "windsurf"];

export type { SignInOptions } from "./sign-in-config.js";

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** Schemes that no app has for itself: a browser acts on them, or another host is asked in the clear. */
const BROWSERS_OWN =
  /^(?:https?|wss?|ftp|file|javascript|data|vbscript|blob|about|filesystem|view-source)$/;

/** Tuning of {@link SignInOptions}. */
const SIGN_IN_ADVANCED = opt.block({
  registrationsPerMinute: opt.number("registrations", 20, { min: 1, max: 10_000 }),
} satisfies opt.Declares<SignInAdvancedOptions>);

/** {@link SignInOptions}. */
export const SIGN_IN = opt.objectOf({
  ...LOGIN_OPTIONS,
  storage,
  keys: opt.optional(KEYS),
  consent: CONSENT,
  revalidate: opt.optional(opt.callback<NonNullable<SignInOptions["revalidate"]>>(LEAVE_OUT)),
  revalidateMs: opt.number("milliseconds", HOUR_MS, { min: 0, max: 30 * DAY_MS }),
  signInAgainAfterMs: opt.number("milliseconds", DAY_MS, { min: 60_000, max: 90 * DAY_MS }),
  appSchemes: opt.checked(opt.texts(), checkAppSchemes),
  accessTokenSeconds: opt.checked(opt.number("seconds", 600, { min: 60, max: 3600 }), wholeUnits),
  refreshTokenDays: opt.checked(opt.number("days", 30, { min: 1, max: 90 }), wholeUnits),
  fetchClientMetadata: opt.optional(opt.callback<FetchDocument>(LEAVE_OUT)),
  advanced: SIGN_IN_ADVANCED,
  ...opt.movedTo("advanced", "registrationsPerMinute"),
} satisfies opt.Declares<SignInOptions>);

/** What the endpoint around a sign-in knows. */
export interface SignInContext {
  readonly resource?: string | undefined;
  readonly otherResources?: readonly string[] | undefined;
  readonly mountUrl?: string | undefined;
}

/** @throws TypeError for a wrong option; it says which, and what to write instead. */
export function readSignInOptions(
  value: unknown,
  path: string,
  { resource, otherResources = [], mountUrl }: SignInContext,
): SignInSettings {
  const given: unknown = value === true ? {} : value;
  const { consent, ...settings } = SIGN_IN.read(path, given);
  if (resource === undefined || mountUrl === undefined) {
    throw optionError(
      path,
      "needs publicUrl, because the server becomes an authorization server under that name",
      'Write publicUrl: "https://api.example.com/mcp", the URL of the mount as clients see it.',
    );
  }
  checkOwnUrl(path, mountUrl);
  const { name = new URL(mountUrl).host, logoUrl } = consent;
  const { advanced } = given as SignInOptions;
  return {
    ...settings,
    ...opt.readMoved(SIGN_IN_ADVANCED, `${path}.advanced`, advanced, { [path]: given }),
    issuer: mountUrl,
    resource,
    otherResources,
    login: toLoginStep(settings, path),
    brand: { name, ...(logoUrl !== undefined && { logoUrl }) },
  };
}

function checkAppSchemes(option: string, given: readonly string[] | undefined): readonly string[] {
  for (const scheme of given ?? []) {
    if (/^[a-z][a-z0-9+.-]*$/.test(scheme) && !BROWSERS_OWN.test(scheme)) continue;
    throw optionError(
      option,
      "must name schemes that apps have for themselves",
      'Write the part before the colon, in lower case: ["myeditor"] for myeditor://callback.',
    );
  }
  return [...KNOWN_APP_SCHEMES, ...(given ?? [])];
}

function wholeUnits(_option: string, value: number): number {
  return Math.floor(value);
}

/** Cookies and codes go there, so it is https, or this machine, and its path one that cookies can have. */
function checkOwnUrl(path: string, mountUrl: string): void {
  const url = new URL(mountUrl);
  if (url.pathname.includes(";")) {
    throw optionError(path, "needs a publicUrl without ;", "No cookie can have such a path.");
  }
  if (isSecureUrl(url)) return;
  throw optionError(path, "needs a publicUrl with https", "Plain http is for loopback only.");
}
