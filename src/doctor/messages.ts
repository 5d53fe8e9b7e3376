import { createParser } from "eventsource-parser";
import type { Answered, Reply } from "./contract.js";

/** The newest revision of MCP that has a handshake. */
export const REVISION = "2025-11-25";

/** The first revision without a handshake. */
export const MODERN_REVISION = "2026-07-28";

/** As the doctor calls itself. */
export const CLIENT_INFO = { name: "express-mcp-sse-doctor", version: "1" };

/** What clients of Streamable HTTP accept. */
export const ACCEPT = "application/json, text/event-stream";

/** Begins a session. */
export function initializeRequest(id: number): object {
  const params = { protocolVersion: REVISION, capabilities: {}, clientInfo: CLIENT_INFO };
  return { jsonrpc: "2.0", id, method: "initialize", params };
}

/** Says that the answer to `initialize` is there. */
export const INITIALIZED = { jsonrpc: "2.0", method: "notifications/initialized" };

/** Asks for the tools. */
export function listRequest(id: number): object {
  return { jsonrpc: "2.0", id, method: "tools/list", params: {} };
}

/** The same in the revision without a handshake, where each request says who asks. */
export function modernListRequest(id: number): object {
  const prefix = "io.modelcontextprotocol";
  const _meta = {
    [`${prefix}/protocolVersion`]: MODERN_REVISION,
    [`${prefix}/clientCapabilities`]: {},
    [`${prefix}/clientInfo`]: CLIENT_INFO,
  };
  return { jsonrpc: "2.0", id, method: "tools/list", params: { _meta } };
}

/** More than body parsers take unless they are told to, and less than any server of MCP refuses. In bytes. */
const LARGE = 150 * 1024;

/** Does nothing, and is as large as a call with a small picture or a page of text. */
export function largePing(id: number): object {
  const params = { _meta: { padding: " ".repeat(LARGE) } };
  return { jsonrpc: "2.0", id, method: "ping", params };
}

/** An event of a stream. */
export interface StreamEvent {
  readonly event: string;
  readonly data: string;
}

/** The events of a stream that are whole. */
export function eventsIn(text: string): StreamEvent[] {
  const events: StreamEvent[] = [];
  const parser = createParser({
    onEvent: ({ event = "message", data }) => events.push({ event, data }),
  });
  parser.feed(text);
  return events;
}

/** A JSON-RPC message. */
export type Message = Readonly<Record<string, unknown>>;

/** The message in a text; `undefined` if it is none. */
export function messageIn(text: string): Message | undefined {
  const value = jsonIn(text);
  return value?.["jsonrpc"] === "2.0" ? value : undefined;
}

/** The JSON object in a text. */
export function jsonIn(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? (value as Message) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a stream has the answer to a request. For `AskInit.until`. */
export function untilAnswered(id: number): (text: string) => boolean {
  return (text) => answerOnStream(text, id) !== undefined;
}

/** The answer to a request among the events of a stream. */
function answerOnStream(text: string, id: number): Message | undefined {
  return eventsIn(text)
    .map(({ data }) => messageIn(data))
    .find((message) => message?.["id"] === id && message["method"] === undefined);
}

/** The answer to a request that was posted, which is JSON or an event. */
export function answerIn(reply: Reply, id: number): Message | undefined {
  if (reply.kind !== "answered") return undefined;
  return isEventStream(reply) ? answerOnStream(reply.text, id) : messageIn(reply.text);
}

/** The result in an answer; `undefined` where it is an error, or no answer. */
export function resultOf(answer: unknown): Message | undefined {
  return objectIn(answer, "result");
}

/** The error in an answer. */
export function errorOf(answer: unknown): Message | undefined {
  return objectIn(answer, "error");
}

/** The code in a body that says no, as express-mcp-sse and OAuth write it: of an error of JSON-RPC, too. */
export function codeIn({ text }: Answered): string | undefined {
  const body = jsonIn(text);
  const code = objectIn(objectIn(body, "error"), "data")?.["code"] ?? body?.["error"];
  return typeof code === "string" && code !== "" ? code : undefined;
}

/** A member that is an object. */
export function objectIn(value: unknown, name: string): Message | undefined {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  const member = (value as Message)[name];
  return typeof member === "object" && member !== null ? (member as Message) : undefined;
}

/** The revision of MCP on which an answer to `initialize` settles. */
export function versionOf(answer: unknown): string {
  const version = resultOf(answer)?.["protocolVersion"];
  return typeof version === "string" ? version : REVISION;
}

/** What names the session that an answer has begun; `undefined` where it has begun none that has a name. */
export function sessionHeaders(reply: Reply): Record<string, string> | undefined {
  const id = reply.kind === "answered" ? reply.headers.get("mcp-session-id") : null;
  if (id === null) return undefined;
  return { "mcp-session-id": id, "mcp-protocol-version": versionOf(answerIn(reply, 1)) };
}

/** Of which type the body of an answer is: without parameters, in small letters. */
export function typeOf({ headers }: Answered): string {
  return (headers.get("content-type") ?? "").split(";", 1).join("").trim().toLowerCase();
}

export function isEventStream(reply: Answered): boolean {
  return typeOf(reply) === "text/event-stream";
}
