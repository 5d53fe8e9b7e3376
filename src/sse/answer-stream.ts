import type { IncomingMessage, ServerResponse } from "node:http";
import type { Caller } from "../auth/outcome.js";
import { addressOf } from "../http/mount.js";
import type { AdmittedRequest } from "../http/transport.js";
import { endpointFor, publicBase } from "./endpoint-path.js";
import type { FastPath } from "./fast-path.js";
import { hasLapsed } from "../auth/verified-cache.js";
import { cookieText } from "../shared/foreign-text.js";
import { hasLeft, openSession, takePlace } from "./open-session.js";
import type { Opening, OpeningContext } from "./open-session.js";
import type { RouterSession } from "../http/router-session.js";
import type { ResolvedOptions } from "../options/resolve.js";
import { retryAfterEnd } from "../session/close-reason.js";
import type { ResumeOptions } from "./resume-options.js";
import type { Probes } from "./probe.js";
import { planResume, readResumeHints, RESUME_COOKIE } from "./resume.js";
import type { OwnSessions, ResumeHints } from "./resume.js";
import { endpointPath } from "./sse-server-transport.js";
import { EventStream } from "./event-stream.js";

/** A GET of the event stream that was let in. */
interface StreamRequest {
  readonly caller: Caller;
  /** Whom it comes from. */
  readonly address: string | undefined;
  /** Path that the client is to post to, without a session. */
  readonly endpoint: string;
  /** Path of the event stream as the client sees it. */
  readonly streamPath: string;
  /** Path of the mount as requests arrive here. */
  readonly mount: string;
  /** Whether the client came over TLS. */
  readonly isSecure: boolean;
}

/** What answering it needs. */
export interface StreamContext extends OpeningContext {
  readonly probes: Probes<RouterSession>;
  /** Hears of a session before its client does, which can post to it then. */
  readonly fastPath: FastPath | undefined;
}

/**
 * Answers the GET of an event stream: continues the session that the client had, or opens one.
 *
 * @throws McpSseError before anything was sent.
 */
export async function openStream(admitted: AdmittedRequest, context: StreamContext): Promise<void> {
  const { req, res } = admitted;
  // The client may have left while it was authenticated, and have come back since.
  if (hasLeft(req)) return;
  const { resume, stream: options } = context.options;
  const request = streamRequest(admitted, context.options);
  if (resume === undefined) {
    context.shutdown.checkOpen();
    context.sessions.admitStream(request.caller.ownerKey, request.caller.principal);
    await openSession(req, res, request, context, (session) => {
      context.fastPath?.open(session, admitted);
      return new EventStream(res, options);
    });
    return;
  }
  const marks = readResumeHints(req);
  const found = await findSession(req, res, request, marks, context, resume);
  if (found === undefined) return;
  const { session, stream, place } = found;
  if (session !== undefined) {
    if (stream?.isOpen !== false) context.fastPath?.open(session, admitted);
    continueSession(req, res, session, stream, request, context);
    return;
  }
  const { caller } = request;
  try {
    context.shutdown.checkOpen();
    if (place === undefined) context.sessions.admitStream(caller.ownerKey, caller.principal);
    else context.sessions.checkRoom(caller.ownerKey, caller.principal);
  } catch (error) {
    place?.end("failed-to-open");
    // Where its status was sent long ago, the client tries again.
    stream?.end(resume.retryMs);
    throw error;
  }
  const opening: Opening = { ...request, instance: marks.instance, ...found };
  await openSession(req, res, opening, context, (opened) => {
    context.fastPath?.open(opened, admitted);
    return stream ?? new EventStream(res, options, resumeCookie(req, opened, request));
  });
}

function streamRequest(
  { req, caller, mount }: AdmittedRequest,
  options: ResolvedOptions,
): StreamRequest {
  return {
    caller,
    address: addressOf(req),
    endpoint: endpointFor(options, mount.base, caller),
    streamPath: `${publicBase(options, mount.base)}${options.endpoint}`,
    mount: mount.routedBase,
    isSecure: mount.origin?.startsWith("https:") ?? false,
  };
}

/** The session to continue, or what is known for opening one. */
interface Found {
  readonly session?: RouterSession;
  /** Open already, when the client had to be asked. */
  readonly stream?: EventStream;
  /** Taken already, when the client had to be asked. */
  readonly place?: RouterSession;
  readonly isLost?: boolean;
}

/** @returns `undefined` when nobody waits for an answer any more. */
async function findSession(
  req: IncomingMessage,
  res: ServerResponse,
  request: StreamRequest,
  marks: ResumeHints,
  context: StreamContext,
  resume: ResumeOptions,
): Promise<Found | undefined> {
  const { caller, mount, streamPath: path } = request;
  const { ownerKey, principal } = caller;
  const own = context.sessions.ownedBy({ ownerKey, principal, mount, path, request: req });
  const plan = planResume(marks, own);
  switch (plan.kind) {
    case "fresh":
      return { isLost: plan.isLost };
    case "resume": {
      const { session, seq } = plan;
      const isWhole = seq === undefined ? session.isWhole : session.acknowledge(seq);
      return isWhole ? { session } : endIncomplete(session);
    }
    case "probe":
      return await askClient(req, res, request, { ...marks, own }, context, resume);
  }
}

/**
 * Asks the client which session it has. Meanwhile its stream has a place among its owner's
 * sessions: it is counted like one that is not begun, and ends when they are ended.
 */
async function askClient(
  req: IncomingMessage,
  res: ServerResponse,
  request: StreamRequest,
  {
    instance,
    isReconnect: isLost,
    own,
  }: ResumeHints & { readonly own: OwnSessions<RouterSession> },
  context: StreamContext,
  { probeMs, retryMs }: ResumeOptions,
): Promise<Found | undefined> {
  const { sessions, probes, options } = context;
  const { caller } = request;
  sessions.admitReturning(caller.ownerKey, caller.principal);
  const place = takePlace(req, { ...request, instance, isLost }, context);
  const stream = new EventStream(res, options.stream);
  stream.open();
  const askedAt = performance.now();
  const session = await probes.ask({
    stream,
    newcomer: place,
    mayContinue: own.has,
    timeoutMs: probeMs,
  });
  // What let the caller in may have been withdrawn since.
  if (hasLapsed(caller)) place.end("credential-expired");
  if (place.closeReason !== undefined) {
    stream.end(retryAfterEnd(place.closeReason, retryMs));
    return undefined;
  }
  logProbe(options, session, performance.now() - askedAt);
  // Another request may have brought the session more rights since the answer came.
  const isOwn = session !== undefined && session.state !== "closed" && own.has(session);
  if (!isOwn) return { stream, place, isLost };
  if (!session.isWhole) return { stream, place, ...endIncomplete(session) };
  place.end("made-room");
  return { stream, session };
}

function logProbe(
  { logger }: ResolvedOptions,
  session: RouterSession | undefined,
  tookMs: number,
): void {
  const after = `after ${Math.round(tookMs)} ms`;
  if (session === undefined) {
    logger.info(`asked a client which session it comes back to: no answer ${after}`);
  } else {
    logger.debug(`asked a client which session it comes back to: ${session.id} ${after}`);
  }
}

/**
 * Some of what the client may lack is gone. It must not go on as if it had everything, with calls
 * that wait for answers that nobody will send again.
 */
function endIncomplete(session: RouterSession): Found {
  session.end("buffer-overflow");
  return { isLost: true };
}

function continueSession(
  req: IncomingMessage,
  res: ServerResponse,
  session: RouterSession,
  stream: EventStream | undefined,
  request: StreamRequest,
  { options }: StreamContext,
): void {
  if (stream?.isOpen === false) return;
  const { caller, endpoint } = request;
  session.renew(caller.principal, options.endsWithCredential ? caller.validUntil : undefined);
  try {
    session.attach(
      stream ?? new EventStream(res, options.stream, resumeCookie(req, session, request)),
      endpointPath(endpoint, session.id),
    );
  } catch (error) {
    // Where its status was sent long ago, the client tries again.
    stream?.end(options.resume?.retryMs);
    throw error;
  }
}

/**
 * The cookie that tells clients which session they have, if they keep cookies. Browsers name
 * their last event instead, and share cookies among tabs, so they get none.
 *
 * @see RFC 6265, section 4.1.2
 */
function resumeCookie(
  req: IncomingMessage,
  { id }: RouterSession,
  { streamPath, isSecure }: StreamRequest,
): string | undefined {
  if (req.headers["sec-fetch-site"] !== undefined) return undefined;
  return cookieText({ name: RESUME_COOKIE, value: id, path: streamPath, isSecure });
}
