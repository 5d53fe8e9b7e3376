import { lookup as systemLookup } from "node:dns";
import type { LookupAddress, LookupOptions } from "node:dns";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import type { RequestOptions } from "node:https";
import { BlockList, isIP } from "node:net";
import type { LookupFunction } from "node:net";
import { readBounded } from "../../../shared/fetch-json.js";

/** Longest document that is read, in bytes. */
const MAX_BYTES = 65_536;

/** Ranges that are not for the public internet. @see RFC 6890 and the IANA special-purpose registries */
const SPECIAL_IPV4 = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
];

/** Of IPv6 only this is given out for the public internet; of that, these are not. */
const PUBLIC_IPV6 = "2000::/3";
const SPECIAL_IPV6 = ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"];

const specialV4 = listOf(SPECIAL_IPV4, "ipv4");
const specialV6 = listOf(SPECIAL_IPV6, "ipv6");
const publicV6 = listOf([PUBLIC_IPV6], "ipv6");

function listOf(ranges: readonly string[], family: "ipv4" | "ipv6"): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = "", bits] = range.split("/");
    list.addSubnet(address, Number(bits), family);
  }
  return list;
}

/**
 * Whether an address belongs to the public internet.
 *
 * Security decision: whatever is not known to be public is not. An IPv4 address written as IPv6
 * (`::ffff:127.0.0.1`) is outside of 2000::/3, and so refused like the rest.
 */
export function isPublicAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !specialV4.check(address, "ipv4");
    case 6:
      return publicV6.check(address, "ipv6") && !specialV6.check(address, "ipv6");
    default:
      return false;
  }
}

/** A URL to which no request is made. */
export class NotPublicError extends Error {
  override readonly name = "NotPublicError";

  constructor() {
    super("the URL does not lead to a public address");
  }
}

type LookupCallback = Parameters<LookupFunction>[2];

/**
 * Looks a name up, and fails when any of its addresses is not public.
 *
 * Security decision: the address that is checked here is the one that is connected to. A check
 * before the request would look the name up a second time, and a name server may answer
 * differently then (DNS rebinding).
 */
const lookupPublic: LookupFunction = (hostname, options, callback) => {
  const all: LookupOptions & { all: true } = { ...options, all: true };
  systemLookup(hostname, all, (error, addresses) => {
    if (error !== null) callback(error, "", 0);
    else answerLookup(addresses, options, callback);
  });
};

function answerLookup(
  addresses: readonly LookupAddress[],
  { all }: { readonly all?: boolean | undefined },
  callback: LookupCallback,
): void {
  const [first] = addresses;
  if (first === undefined || !addresses.every(({ address }) => isPublicAddress(address))) {
    callback(new NotPublicError(), "", 0);
  } else if (all === true) {
    callback(null, [...addresses]);
  } else {
    callback(null, first.address, first.family);
  }
}

/**
 * Gets a document whose URL a stranger chose: only over https, only from public addresses, without
 * following redirects, at most 64 KiB.
 *
 * @param connect Options of the connection, for tests.
 * @throws NotPublicError before any connection is opened; Error when the request fails.
 */
export function fetchPublic(
  url: string | URL,
  init: RequestInit = {},
  connect: Pick<RequestOptions, "lookup" | "ca"> = {},
): Promise<Response> {
  const target = new URL(url);
  const host = target.hostname.replace(/^\[|\]$/g, "");
  const isForeign = isIP(host) !== 0 && !isPublicAddress(host);
  if (target.protocol !== "https:" || isForeign) return Promise.reject(new NotPublicError());
  const headers = Object.fromEntries(new Headers(init.headers));
  const signal = init.signal ?? AbortSignal.timeout(5_000);
  return new Promise((resolve, reject) => {
    const sent = request(
      target,
      { method: "GET", headers, signal, lookup: lookupPublic, agent: false, ...connect },
      (response) => {
        readBounded(response, MAX_BYTES).then(
          (body) => resolve(toResponse(response, body)),
          (error: unknown) => reject(error as Error),
        );
      },
    );
    sent.on("error", reject);
    sent.end();
  });
}

function toResponse(
  { statusCode = 502, headers }: Pick<IncomingMessage, "statusCode" | "headers">,
  body: Buffer,
): Response {
  const copy = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) copy.set(name, [value].flat().join(", "));
  }
  const isEmpty = [204, 205, 304].includes(statusCode);
  return new Response(isEmpty ? null : new Uint8Array(body), { status: statusCode, headers: copy });
}
