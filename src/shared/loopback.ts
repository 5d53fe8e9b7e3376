/**
 * What is on this machine. There are two rules for names, because browsers and Node look them up
 * in different ways.
 */

/** The loopback addresses of IPv4, in the only spelling that Node and URL parsers produce. */
const LOOPBACK_IPV4 = /^127(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}$/;

/**
 * Whether a connection that Node opens to a host, as a URL names it, ends on this machine, whatever
 * a name server says: for where this server sends secrets and asks for keys.
 *
 * Security decision: names below `.localhost` do not count. Browsers keep them on the machine,
 * but Node asks the system's resolver, which may ask the network, and secrets go to the answer.
 *
 * @see RFC 6761, section 6.3
 */
export function isLocalToNode(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || LOOPBACK_IPV4.test(hostname);
}

/** Whether nobody on the way reads or changes what goes to a URL and comes from it: https, or http to this machine. */
export function isSecureUrl({ protocol, hostname }: URL): boolean {
  return protocol === "https:" || (protocol === "http:" && isLocalToNode(hostname));
}

/**
 * Whether a browser reaches a host on its own machine only, whatever a name server says: for the
 * `Host` of its requests, and for where an answer sends it. IPv6 addresses are in brackets.
 *
 * Security decision: names below `.localhost` count, since browsers resolve them themselves.
 *
 * @see RFC 6761, section 6.3
 */
export function isLocalToBrowser(hostname: string): boolean {
  return isLocalToNode(hostname) || hostname.endsWith(".localhost");
}

/** Whether an address, of a socket or to listen on, is a loopback address. */
export function isLoopbackAddress(address: string | undefined): boolean {
  if (address === undefined) return false;
  return address === "::1" || LOOPBACK_IPV4.test(address.replace(/^::ffff:/, ""));
}
