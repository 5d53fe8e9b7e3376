import type { IncomingMessage, ServerResponse } from "node:http";
import type { Caller } from "./auth/authenticate.js";
import type { Principal } from "./auth/principal.js";
import { McpSseError, retryAfter } from "./errors.js";
import type { MessageExtra } from "./message-extra.js";
import type { McpServerLike, ResolvedOptions } from "./options.js";
import type { SessionRegistry } from "./session/session-registry.js";
import { Session } from "./session/session.js";
import { SSEServerTransport } from "./sse-server-transport.js";

/** A session as the router keeps it. */
export type RouterSession = Session<Principal | undefined, MessageExtra>;

/** The sessions of a router. */
export type Sessions = SessionRegistry<Principal | undefined, MessageExtra>;

/** Makes the SDK server of a session. */
export type ServerFactory = (session: RouterSession) => McpServerLike | Promise<McpServerLike>;

/** What opening a session needs. */
export interface OpeningContext {
  readonly options: ResolvedOptions;
  readonly sessions: Sessions;
  readonly createServer: ServerFactory;
}

/** When to come back after a server that could not be made in time, in seconds. */
const RETRY_AFTER_SECONDS = 5;

/**
 * Every server that a session has had. One server for two sessions would send each client the
 * other's answers.
 *
 * @see https://github.com/advisories/GHSA-345p-7cg4-v4c7
 */
const usedServers = new WeakSet<McpServerLike>();

/**
 * Opens a session on a GET: makes its server, connects the two, and sends the endpoint event.
 *
 * The response is untouched until there is a server, so that every failure has its status.
 *
 * @throws McpSseError `server_error` or `server_unavailable`, before anything was sent.
 */
export async function openSession(
  req: IncomingMessage,
  res: ServerResponse,
  { caller, endpoint }: { caller: Caller; endpoint: string },
  { options, sessions, createServer }: OpeningContext,
): Promise<void> {
  const session: RouterSession = new Session({ ...caller, request: req });
  sessions.add(session);
  const leave = (): void => session.end("client-disconnected");
  res.once("close", leave);
  try {
    const server = await createServerInTime(session, createServer, options);
    disposeWithSession(session, server, options);
    if (session.state === "closed") throw endedWhileOpening();
    const transport = new SSEServerTransport(
      endpoint,
      res,
      options.stream,
      session as Session<unknown, MessageExtra | undefined>,
    );
    await connect(server, transport);
    finishOpening(session, sessions);
  } catch (error) {
    session.end("failed-to-open");
    throw error;
  } finally {
    res.off("close", leave);
  }
}

async function createServerInTime(
  session: RouterSession,
  createServer: ServerFactory,
  { openTimeoutMs, logger }: ResolvedOptions,
): Promise<McpServerLike> {
  // The call itself may throw; either way it is the server's mistake, not the client's.
  const creating = Promise.resolve().then(() => createServer(session));
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), openTimeoutMs).unref();
  });
  try {
    const server = await Promise.race([creating, late]);
    if (server === "late") throw createdTooLate(creating, openTimeoutMs, logger);
    return checkServer(server);
  } catch (cause) {
    if (cause instanceof McpSseError) throw cause;
    throw new McpSseError("server_error", "The MCP server could not be created.", { cause });
  } finally {
    clearTimeout(timer);
  }
}

/** The client has left, and hears nothing of this; or everything is being closed. */
function endedWhileOpening(): McpSseError {
  return new McpSseError("shutting_down", "The server is shutting down.", {
    headers: retryAfter(RETRY_AFTER_SECONDS),
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
  logger: ResolvedOptions["logger"],
): McpSseError {
  creating
    // A server that another session has is not ours to close.
    .then((server) => checkServer(server).close())
    .catch(() => logger.warn("A server that was created too late could not be closed."));
  return new McpSseError("server_unavailable", "The MCP server could not be created in time.", {
    headers: retryAfter(RETRY_AFTER_SECONDS),
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

function disposeWithSession(
  session: RouterSession,
  server: McpServerLike,
  { logger }: ResolvedOptions,
): void {
  session.onClosed(() => {
    Promise.resolve()
      .then(() => server.close())
      .catch(() => logger.error(`session ${session.id}: its server could not be closed`));
  });
}

async function connect(server: McpServerLike, transport: SSEServerTransport): Promise<void> {
  try {
    await server.connect(transport);
  } catch (cause) {
    throw new McpSseError("server_error", "The MCP server could not be connected.", { cause });
  }
}
