import { isIPv4, isIPv6 } from "node:net";
import ipaddr from "ipaddr.js";

/**
 * How much of an IPv6 address counts, in bits: what one machine may use (64), what a home is given
 * (56), what costs nothing to get (48).
 *
 * @see RFC 6177, section 2
 */
export type Ipv6Prefix = 48 | 56 | 64;

/**
 * Whom an address stands for: an IPv4 address for itself, an IPv6 address for its network.
 *
 * Security decision: whoever has one address of an IPv6 network has all of them. And what is no
 * address (a proxy may forward anything) is one key for all, so that making addresses up gains
 * nothing.
 */
export function networkOf(address: string | undefined, prefix: Ipv6Prefix = 64): string {
  const plain = withoutPort(address ?? "");
  if (isIPv4(plain)) return plain;
  if (!isIPv6(plain)) return "unknown";
  const parsed = ipaddr.process(inHexadecimal(plain));
  if (!("parts" in parsed)) return parsed.toString();
  const [first = 0, second = 0, third = 0, fourth = 0] = parsed.parts;
  const groups = [first, second, third, fourth & (0xffff << (64 - prefix))];
  return `${groups.map((group) => group.toString(16)).join(":")}::/${prefix}`;
}

/** Some proxies forward the port too. */
function withoutPort(address: string): string {
  return /^\[(.*)\](?::\d+)?$/.exec(address)?.[1] ?? /^([\d.]+):\d+$/.exec(address)?.[1] ?? address;
}

/**
 * An IPv6 address without zone, and without an IPv4 address at its end: the package throws for what
 * Node takes (`2001:db8::192.0.2.1`), and whoever is forwarded may write it.
 */
function inHexadecimal(address: string): string {
  if (!/[.%]/.test(address)) return address;
  const [plain = ""] = address.split("%");
  return new URL(`http://[${plain}]`).hostname.slice(1, -1);
}
