import { isInitialize } from "../shared/json-rpc.js";
import type { JsonRpcMessage } from "../shared/json-rpc.js";
import type { ClientInfo } from "./client-info.js";

/** `uninitialized` until the client's first message, which is `initialize` from those that keep to the protocol. */
type Phase = "uninitialized" | "initializing" | "initialized";

/**
 * How far a client has come with MCP's initialization, and what it said of itself.
 *
 * @see MCP 2024-11-05, basic/lifecycle, "Initialization"
 */
export class Handshake {
  #phase: Phase = "uninitialized";
  #client: ClientInfo | undefined;

  /** Whether the client has sent nothing yet. */
  get isUninitialized(): boolean {
    return this.#phase === "uninitialized";
  }

  get isInitializing(): boolean {
    return this.#phase === "initializing";
  }

  get isInitialized(): boolean {
    return this.#phase === "initialized";
  }

  /** What the client says of itself: in `initialize`, or in its first message where there is none. */
  get client(): ClientInfo | undefined {
    return this.#client;
  }

  /** Notes a message that was taken. @returns whether the client has come further. */
  note(message: JsonRpcMessage): boolean {
    if (this.#phase === "initialized") return false;
    const isFirst = isInitialize(message);
    if (isFirst || this.#phase === "uninitialized") this.#client = clientOf(message);
    this.#phase = isFirst ? "initializing" : "initialized";
    return true;
  }
}

/** Longest name and version that are kept of a client, in characters. */
const MAX_NAME_LENGTH = 100;

/** Bounded, because it is kept for as long as the session. */
function clientOf(message: JsonRpcMessage): ClientInfo | undefined {
  const { name, version } = clientInfoIn(message);
  if (typeof name !== "string") return undefined;
  return {
    name: shorten(name),
    ...(typeof version === "string" && { version: shorten(version) }),
  };
}

/** The revision of MCP that the answer to `initialize` says. */
export function agreedVersion(answer: JsonRpcMessage): string | undefined {
  const { result } = answer as { readonly result?: { readonly protocolVersion?: unknown } | null };
  const version = result?.protocolVersion;
  return typeof version === "string" ? version : undefined;
}

/** In `_meta` of the requests of 2026-07-28, which has no `initialize`. */
const CLIENT_INFO = "io.modelcontextprotocol/clientInfo";

/** What a message says of its client: anything at all. */
export function clientInfoIn(message: JsonRpcMessage): { name?: unknown; version?: unknown } {
  const { params } = message as {
    params?: {
      clientInfo?: object | null;
      _meta?: { readonly [CLIENT_INFO]?: object | null } | null;
    } | null;
  };
  return params?.clientInfo ?? params?._meta?.[CLIENT_INFO] ?? {};
}

function shorten(text: string): string {
  // A slice would keep the whole message alive that it is cut from.
  return Buffer.from(text.slice(0, MAX_NAME_LENGTH)).toString();
}
