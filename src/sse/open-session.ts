import type { IncomingMessage, ServerResponse } from "node:http";
import type { Caller } from "../auth/outcome.js";
import { hasLapsed } from "../auth/verified-cache.js";
import { McpSseError, retryAfter } from "../shared/errors.js";
import type { MessageExtra } from "../http/message-extra.js";
import type { McpServerLike } from "../options/options.js";
import type { Shutdown } from "../http/shutdown.js";
import type { ResolvedOptions } from "../options/resolve.js";
import { Session } from "../session/session.js";
import { SSEServerTransport } from "./sse-server-transport.js";
import type { EventStream } from "./event-stream.js";
import { withTimeout, TIMED_OUT } from "../shared/timeout.js";
import type { RouterSession, ServerFactory, Sessions } from "../http/router-session.js";

/** What opening a session needs. */
export interface OpeningContext {
  readonly options: ResolvedOptions;
  readonly sessions: Sessions;
  readonly createServer: ServerFactory;
  /** Is told of the servers that are being closed. */
  readonly shutdown: Shutdown;
}

/** Of a transport that is given its stream. */
const NO_OPTIONS = {};

/** When to come back after a server that could not be made in time, in seconds. */
const RETRY_AFTER_SECONDS = 5;

/**
 * Every server that a session has had. One server for two sessions would send each client the
 * other's answers.
 *
 * @see https://github.com/advisories/GHSA-345p-7cg4-v4c7
 */
const usedServers = new WeakSet<McpServerLike>();

/** Who opens a session, and how. */
export interface Opening {
  readonly caller: Caller;
  /** Path that the client is to post to, without the session. */
  readonly endpoint: string;
  /** Path of the event stream as the client sees it. */
  readonly streamPath: string;
  /** Path of the mount as requests arrive here. */
  readonly mount: string;
  /** Name of the client process, if its user gave it one. */
  readonly instance?: string | undefined;
  /** Whom the GET came from. */
  readonly address?: string | undefined;
  /** A stream that is open already, since its client had to be asked something. */
  readonly stream?: EventStream;
  /** The place that it has had since then. */
  readonly place?: RouterSession;
  /** Whether the client came back to a session that is gone. */
  readonly isLost?: boolean;
}

/**
 * Opens a session on a GET: makes its server, connects the two, and sends the endpoint event.
 *
 * The response is untouched until there is a server, so that every failure has its status.
 *
 * @param streamFor makes the stream of a session that has a server now.
 * @throws McpSseError `server_error` or `server_unavailable`, before anything was sent.
 */
export async function openSession(
  req: IncomingMessage,
  res: ServerResponse,
  opening: Opening,
  { options, sessions, createServer, shutdown }: OpeningContext,
  streamFor: (session: RouterSession) => EventStream,
): Promise<void> {
  // The client may have left while it was asked for its session: then nobody waits for a server.
  if (hasLeft(req)) return;
  const session = opening.place ?? takePlace(req, opening, { options, sessions });
  // Until there is a stream that looks for itself. The socket is asked too, because a response
  // that waits behind another one on its connection is not told when that breaks.
  const leave = (): void => session.end("client-disconnected");
  const places = [res, req.socket];
  for (const place of places) place.once("close", leave);
  try {
    const server = await createServerInTime(session, createServer, options);
    session.onClosed(() => shutdown.closings.add(closeServer(session, server, options)));
    // A connection that was just cut says so only later, when nobody listens any more.
    if (hasLeft(req)) {
      leave();
      return;
    }
    // What let the caller in may have been withdrawn while the server was made.
    if (hasLapsed(opening.caller)) session.end("credential-expired");
    if (session.state === "closed") throw endedWhileOpening();
    const transport = new SSEServerTransport(opening.endpoint, res, NO_OPTIONS, {
      session: session as Session<unknown, MessageExtra | undefined>,
      stream: streamFor(session),
    });
    await connectInTime(server, transport, options);
    finishOpening(session, sessions);
  } catch (error) {
    session.end("failed-to-open");
    // Its status was sent long ago; the client tries again, unless its access was withdrawn.
    opening.stream?.end(session.closeReason === "revoked" ? undefined : options.resume?.retryMs);
    throw error;
  } finally {
    for (const place of places) place.off("close", leave);
  }
}

/** A session that is counted, and ends with those of its owner, although it has no server yet. */
export function takePlace(
  req: IncomingMessage,
  opening: Opening,
  { options, sessions }: Pick<OpeningContext, "options" | "sessions">,
): RouterSession {
  const session = createSession(req, opening, options);
  sessions.add(session);
  return session;
}

/** Whether nobody is left to hear an answer. */
export function hasLeft({ socket }: IncomingMessage): boolean {
  return socket.destroyed;
}

function createSession(
  req: IncomingMessage,
  { caller, streamPath, mount, instance, address, isLost = false }: Opening,
  { endsWithCredential, resume, limits }: ResolvedOptions,
): RouterSession {
  const { principal, ownerKey, validUntil, upstream } = caller;
  return new Session({
    principal,
    ownerKey,
    request: req,
    validUntil: endsWithCredential ? validUntil : undefined,
    ...(upstream !== undefined && { upstream }),
    resume,
    mount,
    path: streamPath,
    instance,
    address,
    isLost,
    limits,
  });
}

async function createServerInTime(
  session: RouterSession,
  createServer: ServerFactory,
  { openTimeoutMs, logger }: ResolvedOptions,
): Promise<McpServerLike> {
  // The call itself may throw; either way it is the server's mistake, not the client's.
  const creating = Promise.resolve().then(() => createServer(session));
  try {
    const server = await withTimeout(creating, openTimeoutMs);
    if (server === TIMED_OUT) throw createdTooLate(creating, openTimeoutMs, logger);
    return checkServer(server);
  } catch (cause) {
    if (cause instanceof McpSseError) throw cause;
    throw new McpSseError("server_error", "The MCP server could not be created.", { cause });
  }
}

/** Everything is being closed, or the application closed this session. */
function endedWhileOpening(): McpSseError {
  return new McpSseError("server_unavailable", "The session ended while it was being opened.", {
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

async function closeServer(
  session: RouterSession,
  server: McpServerLike,
  { logger }: ResolvedOptions,
): Promise<void> {
  try {
    await server.close();
  } catch {
    logger.error(`session ${session.id}: its server could not be closed`);
  }
}

async function connectInTime(
  server: McpServerLike,
  transport: SSEServerTransport,
  { openTimeoutMs }: ResolvedOptions,
): Promise<void> {
  try {
    if ((await withTimeout(server.connect(transport), openTimeoutMs)) !== TIMED_OUT) return;
  } catch (cause) {
    throw new McpSseError("server_error", "The MCP server could not be connected.", { cause });
  }
  throw new McpSseError("server_unavailable", "The MCP server could not be connected in time.", {
    headers: retryAfter(RETRY_AFTER_SECONDS),
    cause: new Error(`connect() did not return within ${openTimeoutMs} ms`),
  });
}
