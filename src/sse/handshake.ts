import type { JsonRpcMessage } from "../shared/json-rpc.js";
import type { ResumeOptions } from "./resume-options.js";
import { StaleClient } from "./stale-client.js";
import type { ClientInfo } from "../session/session-info.js";

/** How far a client has come in beginning its conversation. */
type Phase = "new" | "initializing" | "initialized";

/** The beginning of a conversation, and whether its client knows that it is one. */
export class Handshake {
  #phase: Phase = "new";
  /** `undefined` for a client that knows which session it has. */
  #lost: StaleClient | undefined;
  /** Whether no other process has the client's cookies. */
  keepsOwnCookies = false;
  /** Whether the client names the protocol version with its messages; `undefined` before it can. */
  namesVersion: boolean | undefined;
  #client: ClientInfo | undefined;

  get isNew(): boolean {
    return this.#phase === "new";
  }

  get isInitializing(): boolean {
    return this.#phase === "initializing";
  }

  get isInitialized(): boolean {
    return this.#phase === "initialized";
  }

  /** The client came back to a session that is gone. @param write writes to its stream. */
  expectLost(options: ResumeOptions, write: (frame: string) => void): void {
    this.#lost = new StaleClient(options, write);
  }

  /** The client has a stream. */
  attached(): void {
    this.#lost?.attached();
  }

  /** Whether a message is none of somebody who goes on as if an old session were still there. */
  allows(message: JsonRpcMessage): boolean {
    return this.#lost === undefined || isInitialize(message);
  }

  /** What the client says of itself, once it has sent `initialize`. */
  get client(): ClientInfo | undefined {
    return this.#client;
  }

  /** Notes a message that was taken. @returns whether the client has come further. */
  note(message: JsonRpcMessage): boolean {
    this.#lost?.settled();
    this.#lost = undefined;
    if (this.#phase === "initialized") return false;
    const begins = isInitialize(message);
    if (this.#phase === "new") this.keepsOwnCookies = MCP_REMOTE.test(clientNameIn(message));
    this.#phase = begins ? "initializing" : "initialized";
    if (begins) this.#client = clientOf(message);
    return true;
  }

  /** Makes a client close whose session is gone. */
  closeLost(): void {
    this.#lost?.close();
  }

  /** The session has ended. */
  end(): void {
    this.#lost?.settled();
  }
}

/** What mcp-remote adds to the name of the client that it works for. Its cookies are its process's own. */
const MCP_REMOTE = / \(via mcp-remote [\w.+-]*\)$/;

function clientNameIn(message: JsonRpcMessage): string {
  const { params } = message as { params?: { clientInfo?: { name?: unknown } | null } };
  const name = params?.clientInfo?.name;
  return typeof name === "string" ? name : "";
}

function isInitialize(message: JsonRpcMessage): boolean {
  return "method" in message && message.method === "initialize";
}

/** Longest name and version that are kept of a client, in characters. */
const MAX_NAME_LENGTH = 100;

/** Bounded, because it is kept for as long as the session. */
function clientOf(message: JsonRpcMessage): ClientInfo | undefined {
  const { params } = message as { readonly params?: { readonly clientInfo?: unknown } };
  const info = (params?.clientInfo ?? {}) as {
    readonly name?: unknown;
    readonly version?: unknown;
  };
  if (typeof info.name !== "string") return undefined;
  const version = typeof info.version === "string" ? { version: shorten(info.version) } : {};
  return { name: shorten(info.name), ...version };
}

function shorten(text: string): string {
  // A slice would keep the whole message alive that it is cut from.
  return Buffer.from(text.slice(0, MAX_NAME_LENGTH)).toString();
}
