import { hash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { networkOf } from "../../../../src/shared/network.js";
import type { Ipv6Prefix } from "../../../../src/shared/network.js";

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
  return `network ${sourceOf(req, 56)}`;
}

/**
 * Where a request comes from: Express knows the address in front of the proxies that the
 * application trusts.
 */
export function sourceOf(req: IncomingMessage, prefix?: Ipv6Prefix): string {
  const { ip } = req as { readonly ip?: string };
  return networkOf(ip ?? req.socket.remoteAddress, prefix);
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
