import { countLines } from "../shared/raw-headers.js";

/**
 * Whether a request has two `Authorization` headers. Node shows the first, a proxy may have
 * read the second: a request that two parties can read differently is refused.
 *
 * @see RFC 9110, section 11.6.2
 */
export function hasRepeatedAuthorization(rawHeaders: readonly string[]): boolean {
  return countLines(rawHeaders, "authorization") > 1;
}
