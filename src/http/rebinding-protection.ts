import type { IncomingHttpHeaders } from "node:http";
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
  allowedHosts: opt.unchecked<readonly string[] | undefined>("list of texts"),
  allowedOrigins: opt.unchecked<readonly string[] | undefined>("list of texts"),
  enableDnsRebindingProtection: opt.flag(false),
} satisfies opt.Declares<RebindingProtection>;

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
