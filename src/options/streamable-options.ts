import { optionError } from "../shared/check.js";
import * as opt from "../shared/option.js";

/** How Streamable HTTP behaves where HTTP+SSE knows no difference. */
export interface StreamableOptions {
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
}

/** Which wires an endpoint serves. */
export interface WireOptions {
  /** Whether HTTP+SSE is served beside Streamable HTTP, at `endpoint` and `messageEndpoint`. Default: true. */
  sse?: boolean;
  /** How Streamable HTTP behaves. Default: see {@link StreamableOptions}. */
  streamable?: StreamableOptions;
}

/** {@link WireOptions}. */
export const WIRE_OPTIONS = {
  sse: opt.flag(true),
  streamable: opt.block({
    sseAfterMs: opt.milliseconds(1_000, 0),
    streamlessIdleMs: opt.wholeNumber("milliseconds", 1_800_000, "for as long as idleMs"),
  } satisfies opt.Declares<StreamableOptions>),
} satisfies opt.Declares<WireOptions>;

/** Which wires an endpoint serves, checked and complete. */
export interface Wires {
  readonly hasSse: boolean;
  /** `undefined` where Streamable HTTP is not served. */
  readonly streamable: opt.Resolved<typeof WIRE_OPTIONS>["streamable"] | undefined;
}

/** HTTP+SSE and nothing else. */
export const SSE_ONLY: Wires = { hasSse: true, streamable: undefined };

/** @throws TypeError for an option of HTTP+SSE where that is off. */
export function readWires(
  path: string,
  given: WireOptions & { readonly messageEndpoint?: unknown },
): Wires {
  const { sse, streamable } = opt.readOptions(WIRE_OPTIONS, path, given);
  if (!sse && given.messageEndpoint !== undefined) {
    throw optionError(
      `${path}.messageEndpoint`,
      "has no meaning with sse: false",
      "Leave it out: Streamable HTTP has one path for everything.",
    );
  }
  return { hasSse: sse, streamable };
}
