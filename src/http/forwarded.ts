import { isHost } from "../shared/http-syntax.js";
import type { RequestParts } from "./request-parts.js";

/**
 * Whether an application trusts the proxy at an address, which is so many hops away. A client that
 * comes through a Unix socket has no address, and Express asks about that as well.
 */
export type TrustsProxy = (address: string | undefined, hop: number) => boolean;

/** Each says by itself that a proxy forwarded the request. */
const FORWARDING_HEADERS = [
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-forwarded-prefix",
] as const;

/** Whether the peer is a proxy that the application trusts, and says that it forwards. */
export function wasForwarded({ headers, socket }: RequestParts, trustsProxy: TrustsProxy): boolean {
  if (!trustsProxy(socket.remoteAddress, 0)) return false;
  return FORWARDING_HEADERS.some((name) => name in headers);
}

/**
 * Scheme, host and port, as a URL has them; `undefined` where the host is none.
 *
 * Security decision: all of it is the sender's to choose, so only what can be nothing else goes
 * into a URL.
 */
export function originFrom(scheme: string, host: string): string | undefined {
  return isHost(host) && /^https?$/.test(scheme) ? `${scheme}://${host}` : undefined;
}
