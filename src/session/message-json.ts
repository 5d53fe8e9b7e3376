import { INTERNAL_ERROR } from "../shared/json-rpc.js";
import type { JsonRpcMessage } from "../shared/json-rpc.js";

/** A message as it is sent. */
export interface MessageJson {
  readonly json: string;
  /** Length of that in UTF-8. */
  readonly bytes: number;
  /** What it takes in memory while it is kept, in bytes. */
  readonly weight: number;
}

/** What V8 needs for a message that is kept beside its JSON, in bytes, as measured with 26,000 small answers. */
const KEPT_BYTES = 176;

/** One character beyond Latin-1 makes each of them take two bytes. */
export function weightOf(json: string, bytes: number): number {
  return KEPT_BYTES + (bytes === json.length ? bytes : Math.max(bytes, 2 * json.length));
}

/** A message of the application that cannot be written as JSON. */
export class NotJsonError extends TypeError {
  /** For the log: no content must get there. */
  readonly fault: string;
  /** For the client, of an answer. */
  readonly told = "the result of this call cannot be written as JSON";

  constructor(message: JsonRpcMessage, cause: unknown) {
    const what = "method" in message ? `a message ${message.method}` : "an answer";
    const fault = `${what} cannot be written as JSON`;
    super(`${fault}: ${String(cause)}`, { cause });
    this.fault = fault;
  }
}

/** @throws NotJsonError for a BigInt, a cycle, a `toJSON` that throws, or an answer without a result. */
export function toMessageJson(message: JsonRpcMessage): MessageJson {
  try {
    if (isEmptyAnswer(message)) throw new TypeError("it has no result");
    return fromJson(JSON.stringify(message));
  } catch (error) {
    throw new NotJsonError(message, error);
  }
}

/** What the client gets in place of an answer that cannot be sent: it would wait for ever. @param told why */
export function errorInPlaceOf(
  { id }: JsonRpcMessage & { id?: unknown },
  told: string,
): JsonRpcMessage {
  const message = `Internal error: ${told}.`;
  return { jsonrpc: "2.0", id, error: { code: INTERNAL_ERROR, message } } as JsonRpcMessage;
}

/** Users without TypeScript return anything; without a result the client would not take it for an answer. */
function isEmptyAnswer(message: JsonRpcMessage): boolean {
  if ("method" in message || "error" in message) return false;
  return (message as { result?: unknown }).result === undefined;
}

const LINE_BREAKS = /[\u0085\u2028\u2029]/g;

/** JSON that is written by somebody else, as it is sent; see {@link toMessageJson}. */
export function fromJson(json: string): MessageJson {
  const bytes = Buffer.byteLength(json);
  // All of it is ASCII: there is nothing to escape, and nothing to look at.
  return bytes === json.length ? weighed(json, bytes) : escapeLineBreaks(json, bytes);
}

/**
 * Line breaks to Unicode: a reader that splits lines as Python's `splitlines` does would take the
 * rest of the message for another line. What ends lines in ASCII is escaped in any JSON.
 */
function escapeLineBreaks(json: string, bytes: number): MessageJson {
  if (json.search(LINE_BREAKS) === -1) return weighed(json, bytes);
  const escaped = json.replace(
    LINE_BREAKS,
    (char) => String.raw`\u` + char.charCodeAt(0).toString(16).padStart(4, "0"),
  );
  return weighed(escaped, Buffer.byteLength(escaped));
}

function weighed(json: string, bytes: number): MessageJson {
  return { json, bytes, weight: weightOf(json, bytes) };
}
