import type { JsonRpcMessage } from "../shared/json-rpc.js";
import { UNKNOWN } from "./policy-call.js";
import type { Arguments } from "./policy-call.js";
import type { PolicyKind } from "./policy.js";

/** What a message is about. */
export interface Target {
  readonly kind: PolicyKind;
  readonly name: string;
  readonly arguments: Arguments;
  /** Whether it counts towards `perMinute`. */
  readonly counts: boolean;
  /** Whether the name is a URI that a server interprets, not a text that it compares. */
  readonly isUri: boolean;
}

type Params = Readonly<Record<string, unknown>>;

/** What there is to judge of a request; `undefined` if it has not the form that its method has. */
type Reader = (params: Params) => Target | undefined;

const NO_ARGUMENTS = Object.freeze({});

const readers = new Map<string, Reader>([
  ["tools/call", ({ name, arguments: given }) => named("tool", name, given)],
  ["prompts/get", ({ name, arguments: given }) => named("prompt", name, given)],
  ["resources/read", ({ uri }) => resource(uri, true)],
  ["resources/subscribe", ({ uri }) => resource(uri, true)],
  ["resources/unsubscribe", ({ uri }) => resource(uri, false)],
  ["resources/directory/read", ({ uri }) => resource(uri, true)],
  ["skills/get", ({ uri }) => resource(uri, true)],
  ["completion/complete", ({ ref }) => completed(ref)],
]);

/**
 * What a conversation is made of, and the lists, which are answered with what their caller may have. Their
 * subscriptions are judged by what comes of them.
 */
const ALWAYS: ReadonlySet<string> = new Set([
  ...["initialize", "ping", "logging/setLevel", "server/discover", "subscriptions/listen"],
  ...["tools/list", "prompts/list", "resources/list", "resources/templates/list"],
  "skills/list",
]);

/** Whether no rule of `methods` could say anything of a method. */
export function isSpokenFor(method: string): boolean {
  return ALWAYS.has(method) || readers.has(method) || method.startsWith("notifications/");
}

/** What a message is judged as: `undefined` where it is always permitted, `"malformed"` where nobody can tell. */
export function targetOf(message: JsonRpcMessage): Target | "malformed" | undefined {
  if (!("method" in message && "id" in message)) return undefined;
  const { method, params = NO_ARGUMENTS } = message;
  if (ALWAYS.has(method)) return undefined;
  const read = readers.get(method);
  if (read !== undefined) return read(params) ?? "malformed";
  return { kind: "method", name: method, arguments: NO_ARGUMENTS, counts: true, isUri: false };
}

function named(kind: PolicyKind, name: unknown, given: unknown): Target | undefined {
  if (typeof name !== "string") return undefined;
  const isObject = typeof given === "object" && given !== null;
  const args = isObject ? (given as Params) : NO_ARGUMENTS;
  return { kind, name, arguments: args, counts: true, isUri: false };
}

function resource(uri: unknown, counts: boolean): Target | undefined {
  if (typeof uri !== "string") return undefined;
  return { kind: "resource", name: uri, arguments: NO_ARGUMENTS, counts, isUri: true };
}

/** A prompt by its name, or a template by its text; of their arguments some are not known yet. */
function completed(ref: unknown): Target | undefined {
  const { type, name, uri } = Object(ref) as Record<string, unknown>;
  if (type === "ref/prompt" && typeof name === "string") return entryTarget("prompt", name);
  if (type === "ref/resource" && typeof uri === "string") return entryTarget("resource", uri);
  return undefined;
}

/** What is listed, or completed: by what it is called, whatever its arguments. */
export function entryTarget(kind: PolicyKind, name: string, isUri = false): Target {
  const hasArguments = kind === "tool" || kind === "prompt";
  const given = hasArguments ? UNKNOWN : NO_ARGUMENTS;
  return { kind, name, arguments: given, counts: false, isUri };
}
