import { hash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { throttleKey } from "../../../../src/auth/throttle-key.js";

/**
 * Who causes a record, and so makes room for it when its kind is full: a person once there is one,
 * before that the network that the request came from.
 *
 * Security decision: what one of them causes pushes out what is their own, and nobody else's.
 */

/**
 * Whoever sent a request, of whom nothing else is known: of IPv6 the /56 that homes are given.
 *
 * @see RFC 6177, section 2
 */
export function ownerByRequest(req: IncomingMessage): string {
  return `network ${widerNetwork(sourceOf(req), 56)}`;
}

/**
 * Where a request comes from: Express knows the address in front of the proxies that the
 * application trusts.
 *
 * Security decision: of an IPv6 address only its network counts, since whoever has one address of
 * it has all of them.
 */
export function sourceOf(req: IncomingMessage): string {
  const { ip } = req as { readonly ip?: string };
  return throttleKey(ip ?? req.socket.remoteAddress);
}

/** The network around an IPv6 /64; anything else stays as it is. */
export function widerNetwork(source: string, bits: 48 | 56): string {
  const groups = /^([\da-f]+):([\da-f]+):([\da-f]+):([\da-f]+)::\/64$/.exec(source)?.slice(1);
  if (groups === undefined) return source;
  const [first, second, third, last = ""] = groups;
  const end = bits === 48 ? "0" : (Number.parseInt(last, 16) & 0xff00).toString(16);
  return `${[first, second, third, end].join(":")}::/${bits}`;
}

/** A client that proves who it is with its own key. */
export function ownerByClient(clientId: string): string {
  return `client ${clientId}`;
}

/** The person who signed in. */
export function ownerByLogin(loginId: string): string {
  return `person ${loginId.split(".")[0] ?? ""}`;
}

/** The part of a login's id that all logins of one person have in common. */
export function personTag(profileId: string): string {
  return hash("sha256", profileId, "base64url").slice(0, 22);
}
