import type { IncomingMessage, ServerResponse } from "node:http";
import { EventStream } from "../http/event-stream.js";
import type { MessageExtra } from "../http/mcp-transport.js";
import type { KeptOptions } from "../options/resume-options.js";
import type { EventStreamOptions } from "../options/stream-options.js";
import type { Passage } from "../policy/passage.js";
import { isInitialize } from "../shared/json-rpc.js";
import type { HeldCall } from "../session/held-call.js";
import { isCall } from "../shared/json-rpc.js";
import type { Session } from "../session/session.js";
import { McpSseError } from "../shared/errors.js";
import type { JsonRpcMessage } from "../shared/json-rpc.js";
import { acceptsOf } from "./accept.js";
import type { Accepts } from "./accept.js";
import { parsePosition } from "./event-position.js";
import { checkVersion, takesPriming, versionHeaderOf, versionOf } from "./protocol-version.js";
import type { StreamableChannel } from "./streamable-channel.js";

/** What becomes of the requests of a session once it is known that they are its. */
export interface AnswerOptions {
  /** What is kept for a client that is cut off; `undefined` for nothing. */
  readonly resume: KeptOptions | undefined;
  readonly stream: EventStreamOptions;
}

/** A message that may be handed to the server of its session. */
export interface PostedMessage {
  readonly message: JsonRpcMessage;
  readonly extra: MessageExtra;
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly accepts: Accepts;
  /** The bytes of a call, where they are counted. */
  readonly held?: HeldCall | undefined;
  /** What a policy says of it. Default: the server may have it. */
  readonly passage?: Passage | undefined;
}

/** Hands a message to its session's server. A call gets its answer later; nothing else is answered here. */
export function handOver<P>(
  session: Session<P, MessageExtra, StreamableChannel>,
  { message, extra, req, res, accepts, held, passage }: PostedMessage,
  { resume, stream }: AnswerOptions,
): void {
  const { channel } = session;
  if (!isCall(message)) {
    session.receive(channel.toServer(message), extra, held, passage);
    return;
  }
  const canReturn = takesPriming(versionOf(message, versionHeaderOf(req)));
  const known = channel.takeCall(message, {
    res,
    accepts,
    takesPriming: canReturn,
    isForCallOnly: isInitialize(message),
    options: stream,
  });
  if (resume !== undefined && canReturn) {
    extra.closeSSEStream = () => channel.leaveCall(known.id, resume.retryMs);
    extra.closeStandaloneSSEStream = () => channel.leaveListener(resume.retryMs);
  }
  held?.carry(known);
  try {
    session.receive(known, extra, held, passage);
  } catch (error) {
    channel.withdrawCall(known.id);
    throw error;
  }
}

/** @throws McpSseError for a GET that cannot be answered by a stream. */
export function checkListens(req: IncomingMessage, { protocolVersion }: StreamableChannel): void {
  checkVersion(undefined, versionHeaderOf(req), protocolVersion);
  const { accept } = req.headers;
  if (accept === undefined || acceptsOf(accept).stream) return;
  throw new McpSseError("not_acceptable", "This is a text/event-stream: name it in Accept.");
}

/** Answers a GET that may listen. @throws McpSseError for an event from which nobody can go on. */
export function listenTo(
  channel: StreamableChannel,
  req: IncomingMessage,
  res: ServerResponse,
  options: EventStreamOptions,
): void {
  const lastId = req.headers["last-event-id"];
  const isThere = channel.listen({
    res,
    stream: new EventStream(res, options),
    position: lastId === undefined ? undefined : (parsePosition(lastId.toString()) ?? "unknown"),
    takesPriming: takesPriming(versionHeaderOf(req) ?? channel.protocolVersion ?? ""),
  });
  // By this, readers of event streams stop to come back. @see HTML, "Server-sent events"
  if (!isThere) res.writeHead(204).end();
}

/** @throws McpSseError for a call whose client takes no answer that there is. */
export function checkTakesAnswer({ json, stream }: Accepts): void {
  if (json || stream) return;
  throw new McpSseError(
    "not_acceptable",
    "Answers are application/json or text/event-stream: name one of them in Accept, or both.",
  );
}

/** What a request lacks that names no session, and begins none. */
export function noSessionNamed(): McpSseError {
  return new McpSseError(
    "session_id_required",
    "The Mcp-Session-Id header must name a session: begin one with initialize.",
  );
}

/**
 * Whether a message begins a session. A notification of that name has no answer that could say what
 * was agreed upon.
 */
export function beginsSession(message: JsonRpcMessage): boolean {
  return isInitialize(message) && isCall(message);
}
