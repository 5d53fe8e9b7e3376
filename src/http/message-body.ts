import type { IncomingMessage } from "node:http";
import { parse as parseContentType } from "content-type";
import { McpSseError } from "../shared/errors.js";
import { checkMessage } from "../shared/check-message.js";
import type { JsonRpcMessage } from "../shared/json-rpc.js";
import { wasRead } from "../shared/was-read.js";
import { readBody } from "./read-body.js";
import type { BodyRead } from "./read-body.js";
import { partsOf } from "./request-parts.js";
import type { RequestParts } from "./request-parts.js";
import { weighJson, weighValue } from "../shared/weigh.js";

/** A POST, read by us or by a parser that ran before us. */
export interface BodyOptions {
  /** Longest body, in bytes. */
  readonly maxBytes: number;
  /** What an earlier parser made of the body; then the socket is not read. */
  readonly parsedBody?: unknown;
  /** Whether the body was read, if that is known: see {@link wasRead}. */
  readonly isRead?: boolean;
  /** Of the request, if they were read before. */
  readonly parts?: RequestParts;
  /** Milliseconds that may pass between two pieces of the body; four times as many for all of it. */
  readonly timeoutMs?: number;
  /** Says when the body may be read. Default: at once. */
  readonly admission?: BodyAdmission;
}

/** Decides when there is memory for a body. */
export interface BodyAdmission {
  /** Whether a body of so many bytes, at the most, may be read now. @throws McpSseError if never. */
  mayRead(bytes: number): boolean;
  /** Calls one of the two when that is known, or none if the client has left. */
  waitToRead(read: () => void, refuse: (error: McpSseError) => void): void;
  /** @param weight what the body takes in memory once it is parsed. @throws McpSseError if that is too much. */
  weigh(weight: number): void;
}

const DRAINED =
  "The body was read before it came here and is not in req.body. Mount express.json() before this " +
  "route, or nothing that reads bodies.";

/** The message of a POST; reading it throws an McpSseError where there is none. */
export type ReadMessage = () => JsonRpcMessage;

/**
 * Reads the message in a POST's body, from the socket or from what a parser has left.
 *
 * @param onRead is called once, perhaps at once, with a function that returns the message, or
 * throws McpSseError: 415 for another type than JSON in UTF-8, 413 for a body that is too large,
 * 400 for one that is cut off, no JSON, or no JSON-RPC message. Not a promise, since there is one
 * of these for each message. `isLate` says whether time has passed since the call.
 */
export function readMessage(
  req: IncomingMessage,
  options: BodyOptions,
  onRead: (message: ReadMessage, isLate: boolean) => void,
): void {
  const take: BodyTaker<JsonRpcMessage> = {
    parsed: (value) => checkMessage(fromParser(value, req, options)),
    body: (body) => checkMessage(fromBody(body, options)),
  };
  readPosted(req, options, take, onRead);
}

/**
 * The same for the text of the body, which is for somebody else to parse: that it is no message is
 * theirs to find out.
 */
export function readText(
  req: IncomingMessage,
  options: BodyOptions,
  onRead: (text: () => string, isLate: boolean) => void,
): void {
  const take: BodyTaker<string> = {
    parsed: (value) => textFromParser(value, req, options.maxBytes),
    body: (body) => textOf(body, options.maxBytes),
  };
  readPosted(req, options, take, onRead);
}

/** What is made of a body, as a parser has left it or as it came. */
interface BodyTaker<T> {
  parsed(value: unknown): T;
  body(body: BodyRead): T;
}

function readPosted<T>(
  req: IncomingMessage,
  options: BodyOptions,
  take: BodyTaker<T>,
  onRead: (read: () => T, isLate: boolean) => void,
): void {
  const { maxBytes, parsedBody, isRead = wasRead(req), parts = partsOf(req), admission } = options;
  const announced = announcedLength(parts);
  let mayRead = true;
  try {
    checkType(parts.headers);
    // An announced size is refused before a byte of it is read.
    if (announced !== undefined && announced > maxBytes) throw tooLarge(maxBytes);
    if (parsedBody === undefined && isRead) throw new McpSseError("message_unreadable", DRAINED);
    if (parsedBody === undefined) mayRead = admission?.mayRead(announced ?? maxBytes) ?? true;
  } catch (error) {
    refuse(error, onRead);
    return;
  }
  if (parsedBody !== undefined) {
    onRead(() => take.parsed(parsedBody), false);
    return;
  }
  const read = (): void =>
    readBody(req, { maxBytes, announced, timeoutMs: options.timeoutMs }, (body, isLate) =>
      onRead(() => take.body(body), isLate || !mayRead),
    );
  if (mayRead) read();
  else admission?.waitToRead(read, (error) => refuse(error, onRead));
}

function refuse(error: unknown, onRead: (read: () => never, isLate: boolean) => void): void {
  onRead(() => {
    throw error;
  }, false);
}

/** A length beside a transfer coding means nothing. @see RFC 9112, section 6.3 */
function announcedLength({ headers }: RequestParts): number | undefined {
  const { "content-length": length, "transfer-encoding": coding } = headers;
  return length === undefined || coding !== undefined ? undefined : Number(length);
}

/** @see RFC 8259, section 8.1: JSON that is exchanged is UTF-8 */
function checkType(headers: IncomingMessage["headers"]): void {
  const field = headers["content-type"] ?? "";
  // The form that every official client sends needs no parser.
  if (field !== "application/json" && !isJsonInUtf8(field)) {
    throw new McpSseError(
      "unsupported_media_type",
      "The body must be application/json in UTF-8: set Content-Type.",
    );
  }
  const encoding = headers["content-encoding"] ?? "identity";
  if (encoding !== "identity") {
    throw new McpSseError(
      "unsupported_media_type",
      "The body must not be compressed: leave out Content-Encoding.",
    );
  }
}

function isJsonInUtf8(field: string): boolean {
  try {
    const { type, parameters } = parseContentType(field);
    const charset = parameters["charset"] ?? "utf-8";
    return type === "application/json" && /^utf-?8$/i.test(charset);
  } catch {
    return false;
  }
}

function fromBody(body: BodyRead, { maxBytes, admission }: BodyOptions): unknown {
  if ("text" in body) admission?.weigh(weighJson(body.text, body.bytes));
  return parse(textOf(body, maxBytes));
}

function textOf(body: BodyRead, maxBytes: number): string {
  if ("text" in body) return body.text;
  if (body.problem === "too-large") throw tooLarge(maxBytes);
  if (body.problem === "too-slow") {
    throw new McpSseError("message_timeout", "The body did not come in time.", {
      headers: { Connection: "close" },
    });
  }
  throw new McpSseError("message_unreadable", "The body ended before it was complete.");
}

function fromParser(parsed: unknown, req: IncomingMessage, options: BodyOptions): unknown {
  const { maxBytes, admission } = options;
  checkParsed(parsed, req, maxBytes);
  if (!isText(parsed)) {
    admission?.weigh(weighValue(parsed));
    return parsed;
  }
  const text = parsed.toString("utf8");
  admission?.weigh(weighJson(text, Buffer.byteLength(text)));
  return parse(text);
}

function textFromParser(parsed: unknown, req: IncomingMessage, maxBytes: number): string {
  checkParsed(parsed, req, maxBytes);
  if (isText(parsed)) return parsed.toString("utf8");
  try {
    return JSON.stringify(parsed);
  } catch {
    throw new McpSseError("message_invalid", "The message is nested too deeply.");
  }
}

/** A parser before us may have had a larger limit than ours, so its result is measured again. */
function checkParsed(parsed: unknown, req: IncomingMessage, maxBytes: number): void {
  if (req.headers["content-length"] !== undefined) return;
  const size = isText(parsed) ? Buffer.byteLength(parsed) : jsonBytes(parsed, maxBytes);
  if (size > maxBytes) throw tooLarge(maxBytes);
}

function isText(parsed: unknown): parsed is string | Buffer {
  return typeof parsed === "string" || Buffer.isBuffer(parsed);
}

/**
 * How long a value is as JSON; counting ends beyond `limit`.
 *
 * Not `JSON.stringify(…).length`: that calls itself for each level, and clients choose how many
 * there are.
 */
function jsonBytes(value: unknown, limit: number): number {
  const rest = [value];
  let size = 0;
  while (rest.length > 0 && size <= limit) {
    const next = rest.pop();
    if (typeof next !== "object" || next === null) {
      size += Buffer.byteLength(typeof next === "string" ? JSON.stringify(next) : String(next));
      continue;
    }
    const values = Object.values(next) as unknown[];
    // Brackets, and the commas between the items.
    size += 2 + Math.max(0, values.length - 1);
    if (!Array.isArray(next)) {
      for (const name of Object.keys(next)) size += Buffer.byteLength(JSON.stringify(name)) + 1;
    }
    for (const item of values) rest.push(item);
  }
  return size;
}

function tooLarge(maxBytes: number): McpSseError {
  return new McpSseError("message_too_large", `The body is larger than ${maxBytes} bytes.`);
}

/** May be ignored, and other parsers do. @see RFC 8259, section 8.1 */
const BYTE_ORDER_MARK = "\uFEFF";

function parse(text: string): unknown {
  try {
    return JSON.parse(text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text);
  } catch {
    throw new McpSseError("message_not_json", "The body is not valid JSON.");
  }
}
