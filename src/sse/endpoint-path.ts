import type { IncomingMessage } from "node:http";
import type { Caller } from "../auth/outcome.js";
import { McpSseError } from "../shared/errors.js";
import { isPlainPath } from "../shared/plain-path.js";
import { queryOf } from "../shared/url.js";

/** What of the message route's URL is configured. */
export interface MessageUrl {
  /** URL of the mount as clients see it; `undefined` where each request shows it. */
  readonly publicUrl: URL | undefined;
  /** Path of the message route below the mount. */
  readonly messageEndpoint: string;
}

/**
 * The path that the client posts to: never with a host, which clients would refuse when a proxy
 * changed it.
 *
 * A query credential is repeated in it, because a client that can only be given a URL sends it
 * nowhere else.
 */
export function endpointFor(options: MessageUrl, base: string, { credential }: Caller): string {
  const path = `${publicBase(options, base)}${options.messageEndpoint}`;
  if (credential?.place !== "query") return path;
  return `${path}?${new URLSearchParams({ [credential.name]: credential.text }).toString()}`;
}

/**
 * The mount path as clients resolve it. Two slashes at the start would be read as a host, and
 * which slashes there are shows only once dot segments and backslashes are resolved: "/..//x" is
 * "//x".
 */
export function publicBase({ publicUrl }: Pick<MessageUrl, "publicUrl">, base: string): string {
  if (publicUrl === undefined && (base === "" || isPlainPath(base))) return base;
  const { pathname } = publicUrl ?? new URL(`http://path.invalid${base === "" ? "/" : base}`);
  const path = pathname.replace(/^\/+/, "/");
  return path.endsWith("/") ? path.slice(0, -1) : path;
}

/** Path, query and hash of `endpoint`, with the session's id, a UUID, in the query. */
export function endpointPath(endpoint: string, sessionId: string): string {
  if (isPlainPath(endpoint)) return `${endpoint}?sessionId=${sessionId}`;
  const url = new URL(endpoint, "http://path.invalid");
  url.searchParams.set("sessionId", sessionId);
  return url.pathname + url.search + url.hash;
}

/** The endpoint of a session's nth stream. Some clients wait until it changes. */
export function nthEndpoint(endpoint: string, count: number): string {
  if (count === 0) return endpoint;
  return `${endpoint}${endpoint.includes("?") ? "&" : "?"}r=${count}`;
}

/**
 * The session that a POST names.
 *
 * @throws McpSseError `session_id_required` unless it names exactly one.
 */
export function sessionIdOf(req: IncomingMessage): string {
  const ids = queryOf(req.url).getAll("sessionId");
  const [id] = ids;
  if (id !== undefined && ids.length === 1) return id;
  throw new McpSseError(
    "session_id_required",
    "The query must name exactly one sessionId, as in the endpoint event.",
  );
}
