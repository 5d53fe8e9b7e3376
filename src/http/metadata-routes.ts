import type { IncomingMessage, ServerResponse } from "node:http";
import type { AuthMethod } from "../auth/auth-method.js";
import { describeResource, WELL_KNOWN_PATH } from "../auth/protected-resource.js";
import { McpSseError } from "../shared/errors.js";
import { sendJson } from "../shared/send.js";

/** What of an endpoint's URL is configured. */
export interface EndpointUrl {
  /** URL of the mount as clients see it; `undefined` where each request shows it. */
  readonly publicUrl: URL | undefined;
  /** Path of the event stream below the mount. */
  readonly endpoint: string;
}

/** Where a router is mounted, as its clients see it. */
export interface PublicMount {
  /** Scheme, host and port. */
  readonly origin: string;
  /** Path of the mount, empty at the root. */
  readonly base: string;
}

/** The mount as the operator wrote it down; it counts for every request. */
export function configuredMount({
  publicUrl,
}: Pick<EndpointUrl, "publicUrl">): PublicMount | undefined {
  if (publicUrl === undefined) return undefined;
  return { origin: publicUrl.origin, base: publicUrl.pathname.replace(/\/$/, "") };
}

/** URL of the mount itself, without a slash at its end. */
export function mountUrl({ origin, base }: PublicMount): string {
  return `${origin}${base}`;
}

/** URL of the event stream: the identifier of the protected resource. @see RFC 9728, section 1.2 */
export function resourceUrl(
  { origin, base }: PublicMount,
  { endpoint }: Pick<EndpointUrl, "endpoint">,
): string {
  return `${origin}${base}${endpoint}`;
}

/**
 * URL of the document about the event stream, below the mount itself: it answers there whatever
 * the rest of the application does with its root.
 *
 * @see RFC 9728, section 5.1
 */
export function metadataUrl(
  { origin, base }: PublicMount,
  { endpoint }: Pick<EndpointUrl, "endpoint">,
): string {
  return `${origin}${base}${WELL_KNOWN_PATH}${endpoint}`;
}

/** For browsers the document is open to every page: it holds nothing but what a 401 tells. */
const OPEN_CORS = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Allow-Methods": "GET, OPTIONS",
  "Access-Control-Allow-Headers": "Mcp-Protocol-Version",
};

/** Seconds for which clients may keep the document. It names the request's host, so shared caches may not. */
const CACHE_CONTROL = "private, max-age=300";

/**
 * Sends the protected-resource document.
 *
 * @throws McpSseError for another method than GET.
 * @see RFC 9728, section 3.2
 */
export function sendMetadata(
  req: IncomingMessage,
  res: ServerResponse,
  resource: string,
  ...protection: readonly [methods: readonly AuthMethod[], policyScopes: readonly string[]]
): void {
  sendDocument(req, res, describeResource(resource, ...protection));
}

/** Names under which an authorization server's metadata is looked for. @see RFC 8414, section 3 */
const SERVER_METADATA_PATHS = [
  "/.well-known/oauth-authorization-server",
  "/.well-known/openid-configuration",
];

/**
 * Whether a path leads to the metadata of the authorization server `issuer`.
 *
 * @param at `"root"` for a path at the root of the host, where the issuer's own path follows the
 * well-known one; `"mount"` for a path below the mount.
 * @see RFC 8414, section 3.1; OpenID Connect Discovery 1.0, section 4.1
 */
export function isServerMetadataPath(path: string, issuer: string, at: "root" | "mount"): boolean {
  const { pathname } = new URL(issuer);
  const suffix = at === "mount" || pathname === "/" ? "" : pathname;
  return SERVER_METADATA_PATHS.some((wellKnown) => path === `${wellKnown}${suffix}`);
}

/**
 * Sends a public document to a GET.
 *
 * @throws McpSseError for another method than GET.
 */
export function sendDocument(req: IncomingMessage, res: ServerResponse, document: object): void {
  for (const [name, value] of Object.entries(OPEN_CORS)) res.setHeader(name, value);
  if (req.method === "OPTIONS") {
    res.writeHead(204, { "Content-Length": "0" }).end();
    return;
  }
  if (req.method !== "GET") {
    throw new McpSseError("method_not_allowed", "This path takes GET only.", {
      headers: { Allow: "GET, OPTIONS" },
    });
  }
  sendJson(res, 200, document, { "Cache-Control": CACHE_CONTROL });
}
