import { optionError } from "../../../src/shared/check.js";
import { isSecureUrl } from "../../../src/shared/loopback.js";
import * as opt from "../../../src/shared/option.js";
import type { SignInOptions } from "./sign-in-config.js";
import { parseUrl } from "../../../src/shared/url.js";

/** A provider that publishes no metadata. */
export const ENDPOINTS = opt.objectOf({
  authorizationUrl: secureUrl(),
  tokenUrl: secureUrl(),
} satisfies opt.Declares<NonNullable<SignInOptions["endpoints"]>>);

/** A URL to which secrets go, or from which pictures come: https, or this machine. */
export function secureUrl(): opt.Option<string> {
  return { ...opt.checked(opt.text(), checkSecureUrl), type: "https URL" };
}

function checkSecureUrl(option: string, value: string): string {
  const url = parseUrl(value);
  const isSafe = url !== undefined && isSecureUrl(url);
  if (isSafe && url.username + url.password + url.hash === "") return value;
  throw optionError(option, "is no https URL", "Plain http is for loopback only.");
}
