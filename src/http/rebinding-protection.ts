import type { IncomingHttpHeaders } from "node:http";
import { optionError } from "../shared/check.js";
import * as opt from "../shared/option.js";

/** The SDK's options against DNS rebinding, as its transports have them. */
export interface RebindingProtection {
  /** `Host` values that requests may carry, compared as they are. Default: any. */
  allowedHosts?: string[];
  /** `Origin` values that requests may carry, compared as they are. Default: any. */
  allowedOrigins?: string[];
  /** Whether the two lists above are looked at; the SDK does not either, unless told to. Default: false. */
  enableDnsRebindingProtection?: boolean;
}

/** {@link RebindingProtection}. */
export const REBINDING_OPTIONS = {
  allowedHosts: opt.optional(opt.custom("list of texts", readList)),
  allowedOrigins: opt.optional(opt.custom("list of texts", readList)),
  enableDnsRebindingProtection: opt.flag(false),
} satisfies opt.Declares<RebindingProtection>;

/**
 * Empty it may be: an application may write into it later.
 *
 * Security decision: a text has an `includes` as well, by which `https://app.example.co` is in
 * `https://app.example.com`.
 */
function readList(name: string, value: unknown): readonly string[] {
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  const example = typeof value === "string" ? value : "…";
  throw optionError(name, "must be a list of texts", `Write [${JSON.stringify(example)}].`);
}

/** The SDK's check, with the SDK's exact comparison. @returns what is wrong, if something is. */
export function rebindingProblem(
  { host, origin }: IncomingHttpHeaders,
  { enableDnsRebindingProtection, allowedHosts, allowedOrigins }: RebindingProtection,
): string | undefined {
  if (enableDnsRebindingProtection !== true) return undefined;
  if (allowedHosts !== undefined && allowedHosts.length > 0) {
    if (!allowedHosts.includes(host ?? "")) return "Invalid Host header";
  }
  if (allowedOrigins !== undefined && allowedOrigins.length > 0) {
    if (origin !== undefined && !allowedOrigins.includes(origin)) return "Invalid Origin header";
  }
  return undefined;
}
