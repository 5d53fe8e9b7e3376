import { isIPv4, isIPv6 } from "node:net";

/**
 * What of an address counts: an IPv4 address; of an IPv6 address the first 64 bits, since a single
 * machine may use all the rest.
 *
 * Security decision: what is no address (a proxy may forward anything) is one key for all, so
 * that making addresses up gains nothing.
 *
 * @see RFC 6177, section 2
 */
export function throttleKey(address: string | undefined): string {
  const plain = withoutPort(address ?? "");
  if (isIPv4(plain)) return plain;
  if (!isIPv6(plain)) return "unknown";
  const groups = ipv6Groups(plain);
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (isMapped)
    return groups
      .slice(6)
      .flatMap((group) => [group >> 8, group & 0xff])
      .join(".");
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(":")}::/64`;
}

/** Some proxies forward the port too. */
function withoutPort(address: string): string {
  return /^\[(.*)\](?::\d+)?$/.exec(address)?.[1] ?? /^([\d.]+):\d+$/.exec(address)?.[1] ?? address;
}

/** The eight groups of a valid address. @see RFC 4291, section 2.2 */
function ipv6Groups(address: string): number[] {
  // The zone is no part of the address, and the URL parser takes every form that there is.
  const { hostname } = new URL(`http://[${address.replace(/%.*$/, "")}]`);
  const [head = "", tail] = hostname.slice(1, -1).split("::");
  const parse = (text: string): number[] =>
    text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
  const first = parse(head);
  if (tail === undefined) return first;
  const last = parse(tail);
  return [...first, ...new Array<number>(8 - first.length - last.length).fill(0), ...last];
}
