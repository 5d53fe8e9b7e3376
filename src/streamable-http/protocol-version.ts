import type { IncomingMessage } from "node:http";
import { McpSseError } from "../shared/errors.js";
import { isInitialize } from "../shared/json-rpc.js";
import type { JsonRpcMessage } from "../shared/json-rpc.js";

/** Revisions of MCP that have a handshake. */
const KNOWN: ReadonlySet<string> = new Set([
  "2024-10-07",
  "2024-11-05",
  "2025-03-26",
  "2025-06-18",
  "2025-11-25",
]);

/** The first revision without a handshake. Revisions are dates, and those to come are none with one. */
const FIRST_MODERN = "2026-07-28";

/** In `_meta` of each request of 2026-07-28 and later, which have no handshake. */
const ENVELOPE = "io.modelcontextprotocol/protocolVersion";

/** What a client takes for granted that does not name a revision. */
const UNSAID = "2025-03-26";

/** From here on clients know events without data, which give them an id to come back with. */
const PRIMING_SINCE = "2025-11-25";

/**
 * Checks in which revision of MCP a message was sent. `initialize` is not asked for its header: its
 * body says which one the client wants, and the server answers which one it gets.
 *
 * @param header `MCP-Protocol-Version`.
 * @param negotiated the revision that the session has, once it has one.
 * @throws McpSseError for a revision that is unknown, or has no sessions. Its code is none of
 * 2026-07-28, by which clients that speak both are told to go on with `initialize`.
 * @see MCP 2025-11-25, basic/transports, "Protocol Version Header"
 */
export function checkVersion(
  message: JsonRpcMessage | undefined,
  header: string | undefined,
  negotiated: string | undefined,
): void {
  const isFirst = message !== undefined && isInitialize(message);
  if (header === undefined || isFirst || KNOWN.has(header) || header === negotiated) return;
  throw unsupported("MCP-Protocol-Version is none that is known here, nor the session's.");
}

/** Whether a request says by its headers that it is of a revision without a handshake. */
export function isModern({ headers }: Pick<IncomingMessage, "headers">): boolean {
  const version = headers["mcp-protocol-version"];
  if (version === undefined || headers["mcp-method"] === undefined) return false;
  return version.toString() >= FIRST_MODERN;
}

/** The revision of MCP that a request names. */
export function versionHeaderOf({ headers }: Pick<IncomingMessage, "headers">): string | undefined {
  return headers["mcp-protocol-version"]?.toString();
}

/** The revision in which a message was sent. */
export function versionOf(message: JsonRpcMessage, header: string | undefined): string {
  if (!isInitialize(message)) return header ?? UNSAID;
  const { params } = message as { params?: { protocolVersion?: unknown } };
  const wanted = params?.protocolVersion;
  return typeof wanted === "string" ? wanted : UNSAID;
}

/** The revision that a request names, if it has a handshake. */
export function knownVersion(header: string | undefined): string | undefined {
  return header !== undefined && KNOWN.has(header) ? header : undefined;
}

/** Whether a client of a revision takes an event that has an id and no data. */
export function takesPriming(version: string): boolean {
  return KNOWN.has(version) && version >= PRIMING_SINCE;
}

/** Whether a message says of itself that it is of a revision without a handshake. */
export function hasEnvelope(message: JsonRpcMessage): boolean {
  if (!("method" in message)) return false;
  const { _meta: meta } = (message.params ?? {}) as { _meta?: object | null };
  return typeof meta === "object" && meta !== null && Object.hasOwn(meta, ENVELOPE);
}

/**
 * What a message of a revision without a handshake hears. By this, clients that know both go on with
 * `initialize`.
 */
export function onlyWithSessions(): McpSseError {
  return unsupported("This endpoint has sessions: begin one with initialize.");
}

function unsupported(why: string): McpSseError {
  return new McpSseError("protocol_version_unsupported", why);
}
