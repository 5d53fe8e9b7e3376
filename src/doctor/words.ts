import { STATUS_CODES } from "node:http";
import type { Answered, Reply } from "./contract.js";
import { shownUrl } from "./fingerprint.js";
import { resultOf, typeOf } from "./messages.js";

/** As much of a server's text as is quoted, in characters. */
const QUOTED = 200;

/** What was asked, and what came back: "GET https://… was answered with 404 Not Found (text/html)." */
export function told(reply: Reply): string {
  const asked = `${reply.method} ${shownUrl(reply.url)}`;
  if (reply.kind === "unanswered") return `${asked} got no answer: ${reply.code}. ${reply.reason}`;
  const type = typeOf(reply);
  return `${asked} was answered with ${statusOf(reply)}${type === "" ? "" : ` (${type})`}.`;
}

/** In a word or two, for the line of a step: "401", or "ECONNREFUSED". */
export function inShort(reply: Reply | undefined): string {
  if (reply === undefined) return "not asked";
  return reply.kind === "answered" ? String(reply.status) : reply.code;
}

/** A duration: "1.5 s". */
export function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}

/** What `tools/list` came to: "3 tools". */
export function toolsIn(reply: Reply | undefined, listed: unknown): string {
  if (reply === undefined) return "no tools";
  const tools = resultOf(listed)?.["tools"];
  if (!Array.isArray(tools)) return `tools/list ${inShort(reply)}`;
  return `${tools.length} tool${tools.length === 1 ? "" : "s"}`;
}

/** A status with its name. */
export function statusOf({ status }: Answered): string {
  const name = STATUS_CODES[status];
  return name === undefined ? String(status) : `${status} ${name}`;
}

/** A text of the server's, shortened, in quotation marks. */
export function quoted(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return `"${line.length > QUOTED ? `${line.slice(0, QUOTED)}…` : line}"`;
}
