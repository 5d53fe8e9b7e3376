import { randomUUID } from "node:crypto";
import { McpSseError, retryAfter } from "../shared/errors.js";
import type { JsonRpcId, JsonRpcMessage, JsonRpcResponse } from "../shared/json-rpc.js";
import { TIMED_OUT, withTimeout } from "../shared/timeout.js";
import { sessionNotFound } from "./find-session.js";
import type { MessageExtra } from "./mcp-transport.js";
import type { KeptHandshake } from "./moved-session.js";
import type { RouterSession } from "./router-session.js";

/** What a new server is told of what its client once said. */
export interface ReplayInit {
  readonly said: KeptHandshake;
  /** Of the request that asks for the session to go on: its caller was verified. */
  readonly extra: MessageExtra;
  /** Whether the client still waits for the answer to `initialize`, and gets it. */
  readonly isForClient: boolean;
  /** Milliseconds that all of it may take. */
  readonly timeoutMs: number;
  /** Whether the caller may still say so. */
  readonly mayRepeat: (message: JsonRpcMessage) => Promise<boolean>;
}

/**
 * Brings the new server of a session as far as the one before: its client's own `initialize`, that it is
 * initialized, its level for log messages, and its subscriptions. The client hears none of the answers.
 *
 * @returns the revision of MCP that the server speaks; `undefined` where its client never asked.
 * @throws McpSseError 404 where the two have to agree anew, 503 when it takes too long.
 */
export async function replay(
  session: RouterSession,
  init: ReplayInit,
): Promise<string | undefined> {
  const { said, timeoutMs } = init;
  if (said.id === undefined) {
    session.receive(NOTHING, init.extra);
    return undefined;
  }
  const replaying = new Replaying(session, init).run(said, init.isForClient);
  const version = await withTimeout(replaying, timeoutMs);
  if (version === TIMED_OUT) throw notInTime();
  return version;
}

/** Begins the ids of what is repeated; nobody else can have one that begins so, and goes on at random. */
const PREFIX = "express-mcp-sse-replay-";

/** From a client that skipped `initialize`: a message that says no more than that it is there. */
const NOTHING: JsonRpcMessage = {
  jsonrpc: "2.0",
  method: "notifications/cancelled",
  params: { requestId: `${PREFIX}nothing` },
};

/** One conversation with a server in its client's place. */
class Replaying {
  readonly #session: RouterSession;
  readonly #extra: MessageExtra;
  readonly #mayRepeat: ReplayInit["mayRepeat"];
  /** What waits for its answer: the last that was asked. */
  #asked:
    { readonly id: JsonRpcId; readonly answered: (answer: JsonRpcResponse) => void } | undefined;

  constructor(session: RouterSession, { extra, mayRepeat }: ReplayInit) {
    this.#session = session;
    this.#extra = extra;
    this.#mayRepeat = mayRepeat;
  }

  async run(said: KeptHandshake, isForClient: boolean): Promise<string> {
    const version = await this.#initialize(said, isForClient);
    if (said.isInitialized) this.#tell("notifications/initialized");
    if (said.level !== undefined) await this.#ask("logging/setLevel", { level: said.level });
    for (const uri of said.subscriptions) await this.#subscribe(uri);
    return version;
  }

  /** What the client may not hear of any more, nobody asks for. */
  async #subscribe(uri: string): Promise<void> {
    const method = "resources/subscribe";
    const params = { uri };
    if (!(await this.#mayRepeat({ jsonrpc: "2.0", id: PREFIX, method, params }))) return;
    await this.#ask(method, params);
  }

  async #initialize(said: KeptHandshake, isForClient: boolean): Promise<string> {
    const { protocolVersion } = said;
    // What the two have agreed upon is what the client names since; servers of before may have known less.
    const params = {
      ...(said.params as object | undefined),
      ...(protocolVersion !== undefined && { protocolVersion }),
    };
    const answer = await this.#ask("initialize", params, isForClient ? said.id : undefined);
    const { result } = answer as { result?: { protocolVersion?: unknown } };
    const version = result?.protocolVersion;
    // Its server refuses, or does not speak as the client does.
    const agrees = protocolVersion === undefined || version === protocolVersion;
    if (typeof version !== "string" || !agrees) throw sessionNotFound();
    return version;
  }

  #tell(method: string): void {
    this.#session.receive({ jsonrpc: "2.0", method }, this.#extra);
  }

  /** @param clientId by which the client waits for the answer itself. Default: it does not. */
  async #ask(method: string, params: object, clientId?: JsonRpcId): Promise<JsonRpcResponse> {
    const session = this.#session;
    const id = clientId ?? `${PREFIX}${randomUUID()}`;
    const answer = await new Promise<JsonRpcResponse | undefined>((resolve) => {
      this.#asked = { id, answered: resolve };
      session.onClosed(() => resolve(undefined));
      this.#listen(clientId === undefined);
      session.receive({ jsonrpc: "2.0", id, method, params } as JsonRpcMessage, this.#extra);
    });
    // Whoever ended it meanwhile has ended it for good.
    if (answer === undefined) throw sessionNotFound();
    return answer;
  }

  /** Hears the answer. @param isOurs whether the client does not. */
  #listen(isOurs: boolean): void {
    const { journey } = this.#session;
    if (journey === undefined) return;
    journey.swallow = (message) => {
      const asked = this.#asked;
      if (asked === undefined || "method" in message || message.id !== asked.id) return false;
      this.#asked = undefined;
      journey.swallow = undefined;
      asked.answered(message);
      return isOurs;
    };
  }
}

function notInTime(): McpSseError {
  return new McpSseError("server_unavailable", "The session could not be restored in time.", {
    headers: retryAfter(),
  });
}
