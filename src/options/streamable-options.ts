import { optionError } from "../shared/check.js";
import * as opt from "../shared/option.js";
import type { AuthInfo, Principal } from "../auth/principal.js";
import { refuseUnused } from "./unused-options.js";

/** How Streamable HTTP behaves where HTTP+SSE knows no difference. */
export interface StreamableOptions {
  /**
   * How calls are answered. `"auto"`: by JSON, and by an event stream where something is said before the
   * answer, or `sseAfterMs` have passed. `"json"`: by JSON alone, for gateways that hold streams back. What
   * is said in the course of a call then goes on the stream of a GET, and on 2026-07-28 nowhere; an answer
   * whose client was cut off is lost. Default: `"auto"`.
   */
  responses?: "auto" | "json";
  /**
   * Milliseconds after which a call without an answer is answered by an event stream, so that its
   * client can come back if it is cut off; until then by JSON. 0 for at once. Default: 1000 (1 second).
   */
  sseAfterMs?: number;
  /**
   * Milliseconds that a session may be without a message and without a connection, before it ends;
   * 0 for as long as `sessions.idleMs`. Many clients open a session for each call and never end it.
   * Default: 1800000 (30 minutes).
   */
  streamlessIdleMs?: number;
  /**
   * How 2026-07-28 is served, which has no sessions: `createServer` is called for each request, and must
   * return servers of SDK v2. With servers of v1 its clients are sent to `initialize`, as with `false`.
   * Where the application's copy of `@modelcontextprotocol/server` is not the one that this package
   * finds, give `createMcpHandler` of it. Default: true.
   */
  modern?: boolean | CreateMcpHandler;
  /**
   * Whether a principal may hear that something has changed: asked for each subscriber of 2026-07-28 and
   * each event of `router.notify`. Only `true` lets it hear. Subscribers name any URI that they like:
   * who may not read a resource should not hear of it either. `undefined` is everybody's principal on
   * an open endpoint. Default: everybody may hear everything.
   */
  mayHear?: (principal: Principal | undefined, event: ServerEvent) => boolean;
  /**
   * Requests of 2026-07-28 that one principal may have without an answer; more are refused with 429.
   * On an open endpoint all callers together may have `sessions.maxSessions`. 0 for no limit. Default: 1000.
   */
  maxCallsPerPrincipal?: number;
  /**
   * Subscriptions of 2026-07-28 that one principal may have; for one more the oldest ends. Of everybody
   * there are at most `sessions.maxSessions`. 0 for no limit. Default: 20.
   */
  maxSubscriptionsPerPrincipal?: number;
}

/** SDK v2's `createMcpHandler`. */
export type CreateMcpHandler = (factory: never, options: never) => McpHandler;

/** What SDK v2's `createMcpHandler` returns, as far as it is used. */
export interface McpHandler {
  /**
   * Answers one request.
   *
   * @param options `parsedBody`: the message; the request's own body is not read.
   */
  fetch(
    request: Request,
    options?: { authInfo?: AuthInfo; parsedBody?: unknown },
  ): Promise<Response>;
}

/** What has changed, in the words of SDK v2. */
export type ServerEvent =
  | { readonly kind: "tools_list_changed" | "prompts_list_changed" | "resources_list_changed" }
  | { readonly kind: "resource_updated"; readonly uri: string };

/** Which wires an endpoint serves. */
export interface WireOptions {
  /** Whether HTTP+SSE is served beside Streamable HTTP, at `endpoint` and `messageEndpoint`. Default: true. */
  sse?: boolean;
  /** How Streamable HTTP behaves. Default: see {@link StreamableOptions}. */
  streamable?: StreamableOptions;
}

function readModern(name: string, value: unknown = true): boolean | CreateMcpHandler {
  if (typeof value === "boolean" || typeof value === "function") {
    return value as boolean | CreateMcpHandler;
  }
  throw optionError(
    name,
    "must be true, false or a function",
    'Give createMcpHandler of "@modelcontextprotocol/server" itself, not what it returns.',
  );
}

/** {@link WireOptions}. */
export const WIRE_OPTIONS = {
  sse: opt.flag(true),
  streamable: opt.block({
    responses: opt.choice("auto", "json"),
    sseAfterMs: opt.milliseconds(1_000, 0),
    streamlessIdleMs: opt.wholeNumber("milliseconds", 1_800_000, "for as long as idleMs"),
    modern: opt.custom("boolean, or createMcpHandler of SDK v2", readModern, true),
    mayHear: opt.optional(
      opt.callback<NonNullable<StreamableOptions["mayHear"]>>(
        "Write mayHear: (principal, event) => true or false.",
      ),
    ),
    maxCallsPerPrincipal: opt.wholeNumber("calls", 1_000, "for no limit"),
    maxSubscriptionsPerPrincipal: opt.wholeNumber("subscriptions", 20, "for no limit"),
  } satisfies opt.Declares<StreamableOptions>),
} satisfies opt.Declares<WireOptions>;

/** {@link StreamableOptions}, checked and complete. */
export type StreamableSettings = opt.Resolved<typeof WIRE_OPTIONS>["streamable"];

/** Which wires an endpoint serves, checked and complete. */
export interface Wires {
  readonly hasSse: boolean;
  /** `undefined` where Streamable HTTP is not served. */
  readonly streamable: StreamableSettings | undefined;
}

/**
 * Paths below the mount at which Streamable HTTP is served, by what `endpoint` is; the first is the one
 * that a document without a path speaks of.
 */
export type StreamablePaths = (options: { readonly endpoint: string }) => readonly string[];

/** HTTP+SSE and nothing else. */
export const SSE_ONLY: Wires = { hasSse: true, streamable: undefined };

/** Options that HTTP+SSE alone looks at, with the places where some once stood. */
export const OF_SSE = [
  "messageEndpoint",
  "advanced.probeMs",
  "advanced.closeLostClients",
  "resume.probeMs",
  "resume.closeLostClients",
];

/** Options that 2026-07-28 alone looks at. */
const OF_MODERN = ["mayHear", "maxCallsPerPrincipal", "maxSubscriptionsPerPrincipal"];

/** @throws TypeError for an option of a wire that is off. */
export function readWires(path: string, given: WireOptions): Wires {
  const { sse, streamable } = opt.readOptions(WIRE_OPTIONS, path, given);
  if (!sse) {
    refuseUnused(path, given, OF_SSE, "sse: false", "Leave it out: it is for HTTP+SSE alone.");
  }
  if (streamable.responses === "json") {
    const instead = "Leave it out: no call is answered by a stream.";
    refuseUnused(
      `${path}.streamable`,
      given.streamable,
      ["sseAfterMs"],
      'responses: "json"',
      instead,
    );
  }
  if (streamable.modern === false) {
    const instead = "Leave it out: it is for 2026-07-28 alone.";
    refuseUnused(`${path}.streamable`, given.streamable, OF_MODERN, "modern: false", instead);
  }
  return { hasSse: sse, streamable };
}
