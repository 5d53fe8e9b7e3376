import type { Caller } from "../auth/outcome.js";
import { hasLapsed } from "../auth/verified-cache.js";
import { McpSseError, retryAfter } from "../shared/errors.js";
import type { Logger } from "../shared/logger.js";
import { isThenable } from "../shared/thenable.js";
import { TIMED_OUT, withTimeout } from "../shared/timeout.js";
import type { McpServerLike, McpTransport, ServerFactory } from "./mcp-transport.js";
import type { MessageGate } from "./message-gate.js";
import type { RouterSession, Sessions } from "./router-session.js";
import { SessionTransport } from "./session-transport.js";
import type { CarriedSession } from "./session-transport.js";
import { onResponseEnd } from "./response-end.js";
import type { Shutdown } from "./shutdown.js";
import type { AdmittedRequest } from "./incoming-request.js";

/** What opening sessions takes, whatever their transport. */
export interface OpeningContext {
  readonly options: {
    /** Milliseconds that making a server, and connecting it, may take. */
    readonly openTimeoutMs: number;
    readonly logger: Logger;
  };
  readonly sessions: Sessions;
  readonly createServer: ServerFactory;
  /** Is told of the servers that are being closed. */
  readonly shutdown: Shutdown;
  /** Says what clients may hear; `undefined` where there is no policy. */
  readonly gate: MessageGate | undefined;
  /** Makes sessions known to other nodes; `undefined` where there are none. A `SessionKeeper` does. */
  readonly keeper: Registrar | undefined;
}

export interface Registrar {
  /** @throws McpSseError where nobody could be told. */
  register(session: RouterSession, since: number): Promise<void>;
}

/**
 * Every server that a session has had. One server for two sessions would send each client the
 * other's answers.
 *
 * @see https://github.com/advisories/GHSA-345p-7cg4-v4c7
 */
const usedServers = new WeakSet<McpServerLike>();

/**
 * Opens a session that is counted already: makes its server, connects the two, and announces it.
 *
 * The answer is untouched until there is a server, so that every failure has its status. A client
 * that leaves meanwhile ends the session, and nobody is answered.
 *
 * @param request the one that opens it.
 * @throws McpSseError `server_error` or `server_unavailable`; then the session has ended.
 */
export async function openSession(
  session: RouterSession,
  { req, res, caller }: AdmittedRequest,
  context: OpeningContext,
): Promise<void> {
  // Until there is a channel that looks for itself.
  const forget = onResponseEnd(res, () => session.end("client-disconnected"));
  try {
    await connectServer(session, caller, context, () => req.socket.destroyed);
  } finally {
    forget();
  }
}

/**
 * The same, whether somebody waits for it or not.
 *
 * @param hasLeft whether the client has. Default: that does not matter.
 */
export async function connectServer(
  session: RouterSession,
  caller: Caller,
  { options, sessions, createServer, shutdown, keeper, gate }: OpeningContext,
  hasLeft: () => boolean = () => false,
): Promise<void> {
  try {
    const server = await makeServer(session, createServer, options);
    session.onClosed(() => shutdown.closings.add(closeServer(session, server, options)));
    // A connection that was just cut says so only later, when nobody listens any more.
    if (hasLeft()) {
      session.end("client-disconnected");
      return;
    }
    // What let the caller in may have been withdrawn while the server was made.
    if (hasLapsed(caller)) session.end("credential-expired");
    if (session.state === "closed") throw endedWhileOpening();
    if (keeper !== undefined) await register(session, caller, keeper);
    gate?.open(session, caller, server);
    await connectInTime(server, new SessionTransport(session as CarriedSession), options);
    finishOpening(session, sessions);
  } catch (error) {
    session.end("failed-to-open");
    throw error;
  }
}

/**
 * Makes the server of a session.
 *
 * @throws McpSseError `server_error` or `server_unavailable`.
 */
export async function makeServer(
  session: RouterSession,
  createServer: ServerFactory,
  { openTimeoutMs, logger }: OpeningContext["options"],
): Promise<McpServerLike> {
  try {
    // The call itself may throw; either way it is the server's mistake, not the client's.
    const creating = createServer(session);
    if (!isThenable(creating)) return checkServer(creating);
    const server = await withTimeout(creating, openTimeoutMs);
    if (server === TIMED_OUT) {
      throw createdTooLate(Promise.resolve(creating), openTimeoutMs, logger);
    }
    return checkServer(server);
  } catch (cause) {
    if (cause instanceof McpSseError) throw cause;
    throw new McpSseError("server_error", "The MCP server could not be created.", { cause });
  }
}

/** Not before there is a server, and before the client hears of it: its first message may go to any node. */
async function register(
  session: RouterSession,
  { principal, verifiedAt }: Caller,
  keeper: Registrar,
): Promise<void> {
  // Nobody is verified on an open endpoint.
  const ageMs = principal === undefined ? 0 : performance.now() - verifiedAt;
  await keeper.register(session, Date.now() - ageMs);
  // Whether it has ended meanwhile, the compiler does not expect.
  if ((session as { readonly state: string }).state === "closed") throw endedWhileOpening();
}

/** Everything is being closed, or the application closed this session. */
function endedWhileOpening(): McpSseError {
  return new McpSseError("server_unavailable", "The session ended while it was being opened.", {
    headers: retryAfter(),
  });
}

function finishOpening(session: RouterSession, sessions: Sessions): void {
  if (session.state === "open") sessions.announceOpened(session);
  if (session.state !== "opening") return;
  // The transport was not started: nothing would ever be sent, and nothing would end the session.
  throw new McpSseError("server_error", "The MCP server could not be connected.", {
    cause: new TypeError("the server's connect() did not start the transport"),
  });
}

/** A server that arrives after its time is closed again, since no session will ever do it. */
function createdTooLate(
  creating: Promise<McpServerLike>,
  openTimeoutMs: number,
  logger: OpeningContext["options"]["logger"],
): McpSseError {
  creating
    // A server that another session has is not ours to close.
    .then((server) => checkServer(server).close())
    .catch(() => logger.warn("A server that was created too late could not be closed."));
  return new McpSseError("server_unavailable", "The MCP server could not be created in time.", {
    headers: retryAfter(),
    cause: new Error(`createServer did not return within ${openTimeoutMs} ms`),
  });
}

function checkServer(server: McpServerLike): McpServerLike {
  // Users without TypeScript return anything.
  const given = server as Partial<McpServerLike> | undefined | null;
  if (typeof given?.connect !== "function" || typeof given.close !== "function") {
    throw new TypeError("createServer must return an SDK server: McpServer or Server.");
  }
  if (usedServers.has(server)) {
    throw new Error("createServer returned a server that another session has: make a new one.");
  }
  usedServers.add(server);
  return server;
}

async function closeServer(
  session: RouterSession,
  server: McpServerLike,
  { logger }: OpeningContext["options"],
): Promise<void> {
  try {
    await server.close();
  } catch {
    logger.error(`session ${session.id}: its server could not be closed`);
  }
}

async function connectInTime(
  server: McpServerLike,
  transport: McpTransport,
  { openTimeoutMs }: OpeningContext["options"],
): Promise<void> {
  try {
    if ((await withTimeout(server.connect(transport), openTimeoutMs)) !== TIMED_OUT) return;
  } catch (cause) {
    throw new McpSseError("server_error", "The MCP server could not be connected.", { cause });
  }
  throw new McpSseError("server_unavailable", "The MCP server could not be connected in time.", {
    headers: retryAfter(),
    cause: new Error(`connect() did not return within ${openTimeoutMs} ms`),
  });
}
