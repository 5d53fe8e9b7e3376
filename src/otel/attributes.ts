import type { Attributes } from "@opentelemetry/api";
import type { CallEnded, CallTarget, SessionRef } from "../observe/facts.js";
import { OTHER } from "./few-values.js";
import { parseUrl } from "../shared/url.js";

/** Requests that MCP knows, of clients and of servers. */
const METHODS: ReadonlySet<string> = new Set([
  "initialize",
  "ping",
  "server/discover",
  "subscriptions/listen",
  "tools/list",
  "tools/call",
  "resources/list",
  "resources/templates/list",
  "resources/read",
  "resources/subscribe",
  "resources/unsubscribe",
  "prompts/list",
  "prompts/get",
  "completion/complete",
  "logging/setLevel",
  "tasks/get",
  "tasks/list",
  "tasks/result",
  "tasks/cancel",
  "tasks/update",
  "sampling/createMessage",
  "elicitation/create",
  "roots/list",
]);

/**
 * A method as a series or a span may be named by it.
 *
 * Security decision: a caller can ask for any method, so that one which MCP does not know is not named.
 */
export function methodName(method: string): string {
  return METHODS.has(method) ? method : OTHER;
}

/** Revisions of MCP that there are. */
const VERSIONS: ReadonlySet<string> = new Set([
  "2024-10-07",
  "2024-11-05",
  "2025-03-26",
  "2025-06-18",
  "2025-11-25",
  "2026-07-28",
]);

/**
 * Adds which revision of MCP is spoken, once that is known.
 *
 * Security decision: a caller can name any, so that one which there is not is not named.
 */
export function addVersion(
  attributes: Attributes,
  { protocolVersion: version }: Pick<SessionRef, "protocolVersion">,
): void {
  if (version === undefined) return;
  attributes["mcp.protocol.version"] = VERSIONS.has(version) ? version : OTHER;
}

/** Longest text of a caller's that a span shows, in characters. */
const MAX_TEXT = 200;

/** A text that a caller chose, as a span shows it. */
export function shown(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}

/**
 * A resource's URI as a span shows it.
 *
 * Security decision: user names, passwords, queries and fragments of URIs are where credentials are written. What is no
 * URI is not shown at all.
 */
export function shownUri(uri: string): string | undefined {
  const url = parseUrl(uri);
  if (url === undefined) return undefined;
  url.username = "";
  url.password = "";
  url.search = "";
  url.hash = "";
  return shown(url.href);
}

/** What a measurement and a span say of the way that messages travel. */
export function wireAttributes(router: string, { transport, era }: SessionRef): Attributes {
  return {
    "express_mcp_sse.router": router,
    "express_mcp_sse.transport": transport,
    ...(era !== undefined && { "express_mcp_sse.era": era }),
    ...(transport === "stdio"
      ? { "network.transport": "pipe" }
      : { "network.transport": "tcp", "network.protocol.name": "http" }),
  };
}

/*
 * What is made for each call is written into one object: to spread what may not be there costs several times as much.
 */

/** Adds what is called, by the names that `nameOf` gives; a resource has none that is one of few. */
export function addTarget(
  attributes: Attributes,
  target: CallTarget | undefined,
  nameOf: (target: CallTarget) => string,
): void {
  if (target?.kind === "tool") {
    attributes["gen_ai.operation.name"] = "execute_tool";
    attributes["gen_ai.tool.name"] = nameOf(target);
  } else if (target?.kind === "prompt") attributes["gen_ai.prompt.name"] = nameOf(target);
}

/**
 * The class of a failure; `undefined` for what is none.
 *
 * @see OpenTelemetry, semantic conventions for MCP, `error.type`
 */
function errorType(outcome: CallEnded["outcome"], code: string | undefined): string | undefined {
  if (outcome === "ok") return undefined;
  if (outcome === "tool-error") return "tool_error";
  return outcome === "error" ? (code ?? OTHER) : outcome;
}

/** As a span shows it. */
export function statusCode(rpcCode: number | undefined): string | undefined {
  return rpcCode === undefined ? undefined : String(rpcCode);
}

/**
 * As a series may be named by it: JSON-RPC reserves these for what is known.
 *
 * @see JSON-RPC 2.0, section 5.1
 */
export function fewStatusCode(rpcCode: number | undefined): string | undefined {
  if (rpcCode === undefined) return undefined;
  return rpcCode >= -32_768 && rpcCode <= -32_000 ? String(rpcCode) : OTHER;
}

/** Adds how something ended. @param code what `rpc.response.status_code` is to be. */
export function addOutcome(
  attributes: Attributes,
  outcome: CallEnded["outcome"],
  code: string | undefined,
): void {
  const type = errorType(outcome, code);
  if (type !== undefined) attributes["error.type"] = type;
  if (code !== undefined) attributes["rpc.response.status_code"] = code;
}
