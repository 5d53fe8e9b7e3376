import type { IncomingMessage } from "node:http";
import { withoutQuery } from "../shared/url.js";
import { originFrom, wasForwarded } from "./forwarded.js";
import type { TrustsProxy } from "./forwarded.js";

/** Where an endpoint stands in its host's application, as a request shows it. */
export interface Mount {
  /** Path of the mount as clients see it; empty at the root. */
  readonly base: string;
  /** The same as requests arrive here, without what a proxy took away. */
  readonly routedBase: string;
  /** Scheme, host and port as clients see them; `undefined` when the request's Host is none. */
  readonly origin: string | undefined;
  readonly trustsProxy: TrustsProxy;
}

/**
 * A request as its host hands it over. An Express app adds all of these. Without one, in
 * `node:http`, connect, Vite, or Fastify with middie, a router is a function like any other, and
 * finds what that host has left.
 */
export interface HostRequest extends IncomingMessage {
  readonly app?: { get(setting: string): unknown };
  /** What routers of Express have taken off the URL. */
  readonly baseUrl?: string;
  /** The URL before anybody took a mount path off it. */
  readonly originalUrl?: string;
  readonly path?: string;
  readonly protocol?: string;
  readonly ip?: string | undefined;
}

/** Path of a request below its mount, without the query. */
export function pathOf({ app, path, url = "" }: HostRequest): string {
  if (app !== undefined && path !== undefined) return path;
  return withoutQuery(withoutOrigin(url));
}

/** A client may name the whole URL, as to a proxy. @see RFC 9112, section 3.2.2 */
function withoutOrigin(url: string): string {
  return url.startsWith("/") ? url : url.replace(/^https?:\/\/[^/?]*/i, "");
}

/** @param base path of the mount within the host. */
export function mountOf(req: HostRequest, base = baseOf(req)): Mount {
  const trustsProxy = (req.app?.get("trust proxy fn") as TrustsProxy | undefined) ?? trustsNone;
  const viaTrustedProxy = wasForwarded(req, trustsProxy);
  const prefix = viaTrustedProxy ? forwardedPrefix(req) : "";
  return {
    base: `${prefix}${base}`,
    routedBase: base,
    origin: originOf(req, viaTrustedProxy),
    trustsProxy,
  };
}

/** Whom a request comes from; its host looks at what proxies say only where it trusts them. */
export function addressOf(req: HostRequest): string | undefined {
  return req.ip ?? req.socket.remoteAddress;
}

/** Path of the mount within the host. */
export function baseOf(req: HostRequest): string {
  const { app, baseUrl = "" } = req;
  // Express says it. An app may have written another URL onto the request, so the two that there
  // are say nothing. Other hosts only take their prefix off the one, and keep the other.
  if (app !== undefined) return baseUrl;
  const { originalUrl, url = "" } = req;
  if (originalUrl === undefined) return baseUrl;
  const [whole, rest] = [withoutOrigin(originalUrl), withoutOrigin(url)];
  if (whole.endsWith(rest)) return whole.slice(0, whole.length - rest.length);
  // What is left of a mount path itself is nothing, and a slash is put in its place.
  const [, query] = /^\/($|\?.*)/s.exec(rest) ?? [];
  if (query === undefined || !whole.endsWith(query)) return baseUrl;
  return whole.slice(0, whole.length - query.length);
}

/** Without an application that says so, no proxy is trusted: `publicUrl` says what clients see. */
function trustsNone(): boolean {
  return false;
}

/** Scheme, host and port of a request; those that a trusted proxy names, if there is one. */
function originOf(req: HostRequest, viaTrustedProxy: boolean): string | undefined {
  const { headers, socket } = req;
  const forwarded = viaTrustedProxy ? headers["x-forwarded-host"]?.toString() : undefined;
  const host = forwarded?.split(",", 1)[0]?.trim() ?? headers.host ?? "";
  const scheme = "encrypted" in socket ? "https" : "http";
  return originFrom(req.app === undefined ? scheme : (req.protocol ?? scheme), host);
}

/** The path that a trusted proxy took away, if it says so in a form that is a plain path. */
function forwardedPrefix({ headers }: HostRequest): string {
  const value = headers["x-forwarded-prefix"]?.toString() ?? "";
  return /^(?:\/[\w.~-]+)+\/?$/.test(value) ? value.replace(/\/$/, "") : "";
}

/** A URL below a mount, as it is in front of it. A mount itself has two spellings for routers, which see `/` for both, and one before them. */
export function urlBelow(base: string, url: string): string {
  return base !== "" && AT_MOUNT.test(url) ? `${base}${url.slice(1)}` : `${base}${url}`;
}

const AT_MOUNT = /^\/(?:\?|$)/;
