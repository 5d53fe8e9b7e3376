import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Handshake } from "../session/handshake.js";
import type { OwnSessions } from "../session/own-sessions.js";
import { cookieValues } from "../shared/cookies.js";
import { parseEventId } from "./event-id.js";
import type { EventPosition } from "./event-id.js";
import { queryOf } from "../shared/url.js";

/** What a GET says about the session that it may go on with. */
export interface ResumeHints {
  /** Session and position of the last event that the client has, from `Last-Event-ID`. */
  readonly lastEvent: EventPosition | undefined;
  /** Session from the resume cookie. */
  readonly cookieSession: string | undefined;
  /** The client process, as its user named it. */
  readonly instance: string | undefined;
  /** Whether the client names a protocol version: official ones do once they have negotiated it. */
  readonly namesVersion: boolean;
  readonly headers: IncomingHttpHeaders;
}

/** What to do with a GET. */
export type ResumePlan<S> =
  /** It continues `session`, whose client has everything up to `seq` (`undefined`: up to what it acknowledged). */
  | { readonly kind: "resume"; readonly session: S; readonly seq: number | undefined }
  /** It continues one of the owner's sessions; a ping tells which. */
  | { readonly kind: "probe" }
  /** It is a client that wants a session of its own. */
  | { readonly kind: "fresh"; readonly isStale: boolean };

/** What a session's client has shown of the program that it is, as far as a plan depends on it. */
export interface ClientTraits {
  /** Name of the client process, if its user gave it one. */
  readonly instance: string | undefined;
  /** Whether the client names the protocol version with its messages; `undefined` before it can. */
  readonly namesVersion: boolean | undefined;
  /** Whether no other process has the client's cookies. */
  readonly keepsOwnCookies: boolean;
}

/** As much of a session as the plan depends on. */
export interface ResumableSession {
  readonly isDetached: boolean;
  /** The GET that opened it. */
  readonly request: Pick<IncomingMessage, "headers">;
  readonly handshake: Pick<Handshake, "isInitializing" | "isInitialized">;
  readonly channel: ClientTraits;
}

/** Name of the cookie that tells clients without `Last-Event-ID` apart. */
export const RESUME_COOKIE = "mcp_resume";

/** Header, and query parameter, with which a user can name a client process. */
const INSTANCE_HEADER = "x-mcp-instance";
const INSTANCE_PARAMETER = "mcp_instance";

/** What of a GET says whose stream it is, and nothing to the application. */
export const OWN_HINTS = { ownParameters: [INSTANCE_PARAMETER], ownCookies: [RESUME_COOKIE] };

/**
 * Decides which session a GET continues.
 *
 * Security decision: only the caller's own sessions are looked at, and a hint that several
 * processes may carry proves nothing, be it a cookie, a name that a user gave twice, or that one
 * session only waits for its client. Then the client itself tells, by answering a ping at the URL
 * of its session, and until then nothing of any session is sent. `Last-Event-ID` has been sent to
 * one stream only. The cookie counts for clients whose cookies are their process's own.
 *
 * @param own those of other nodes included that the GET names.
 * @param isMissedElsewhere whether another node may have a session of the client, by its {@link markOf mark}.
 */
export function planResume<S extends ResumableSession>(
  hints: ResumeHints,
  own: OwnSessions<S>,
  isMissedElsewhere = false,
): ResumePlan<S> {
  const { lastEvent, cookieSession, instance } = hints;
  if (lastEvent !== undefined) {
    const session = own.byId(lastEvent.sessionId);
    if (session !== undefined) return { kind: "resume", session, seq: lastEvent.seq };
  }
  const byCookie =
    hints.namesVersion && cookieSession !== undefined ? own.byId(cookieSession) : undefined;
  if (byCookie?.channel.keepsOwnCookies === true) {
    return { kind: "resume", session: byCookie, seq: undefined };
  }
  // Most GETs have none, and look at no session.
  const mark = markOf(hints);
  const isMissed = mark !== undefined && own.all((session) => mayMiss(session, mark)).length > 0;
  if (isMissed || isMissedElsewhere) return { kind: "probe" };
  // Whoever names a session must not be given another: both would come back to it for ever.
  if (hints.namesVersion || lastEvent !== undefined) return { kind: "fresh", isStale: true };
  if (instance !== undefined || own.isOpenEndpoint === true)
    return { kind: "fresh", isStale: false };
  return planFirst(own);
}

/**
 * Whether the client that sent a GET may be the one of this session, so that it is worth asking:
 * who asks a client that comes for the first time makes it wait.
 */
function mayMiss({ channel, handshake, request }: ResumableSession, mark: string): boolean {
  // Whoever has negotiated a version can answer, even if that it is initialised is still on its way.
  if (!handshake.isInitialized && !handshake.isInitializing) return false;
  return marksOf(request.headers, channel).includes(mark);
}

/**
 * What a GET shows of the client that sent it, where that does not say which session it has; `undefined`
 * where it is not to be asked.
 */
export function markOf({
  namesVersion: names,
  instance,
  headers,
}: ResumeHints): string | undefined {
  if (names) return markBy(headers, "version");
  return instance === undefined ? undefined : markBy(headers, "instance", instance);
}

/**
 * The marks by which a session's client may come back, so that it is missed where one of them is seen.
 *
 * @param opening headers of the GET that opened the session.
 */
export function marksOf(opening: IncomingHttpHeaders, traits: ClientTraits): readonly string[] {
  const marks: string[] = [];
  // A client that named a version when it came first always does: then that tells nothing.
  if (!namesVersion(opening)) marks.push(markBy(opening, "version"));
  // A client that comes for the first time and is asked something may fail or hang; those on
  // Node's fetch do not. One whose messages name the version would do so here, if the SDK made
  // its GET: then it is a new process. supergateway makes its own.
  const { accept, "user-agent": program = "" } = opening;
  const wouldNameVersion = traits.namesVersion === true && accept === "text/event-stream";
  const { instance } = traits;
  if (instance !== undefined && !wouldNameVersion && /^(?:node|undici)$/.test(program)) {
    marks.push(markBy(opening, "instance", instance));
  }
  return marks;
}

/** Headers of a GET that are the same whenever one program opens a stream, and differ between programs. */
const OF_PROGRAM = ["user-agent", "accept", "cache-control"] as const;

function markBy(headers: IncomingHttpHeaders, ...hint: readonly string[]): string {
  return JSON.stringify([...hint, ...OF_PROGRAM.map((name) => headers[name] ?? null)]);
}

/**
 * A GET without any hint is a client's first, or comes from one that was cut off while it was
 * initialising. If exactly one session waits for such a client, it is continued: it holds nothing
 * but the answer to `initialize`, and whoever gets that unasked ignores it and sends its own.
 *
 * Security decision: only if the session's server may have been made for this very GET.
 */
function planFirst<S extends ResumableSession>(own: OwnSessions<S>): ResumePlan<S> {
  const waiting = own
    .all(
      ({ isDetached, handshake, channel }) =>
        isDetached && handshake.isInitializing && channel.instance === undefined,
    )
    .filter((session) => own.openedAlike(session));
  const [session] = waiting;
  return session !== undefined && waiting.length === 1
    ? { kind: "resume", session, seq: undefined }
    : { kind: "fresh", isStale: false };
}

export function readResumeHints(req: IncomingMessage): ResumeHints {
  const { headers, url } = req;
  const header = headers[INSTANCE_HEADER];
  const instance =
    typeof header === "string" ? header : (queryOf(url).get(INSTANCE_PARAMETER) ?? "");
  return {
    lastEvent: parseEventId(headers["last-event-id"]),
    cookieSession: cookieSessionIn(headers.cookie),
    instance: instance === "" ? undefined : instance,
    namesVersion: namesVersion(headers),
    headers,
  };
}

/** Whether a request names the version of MCP that was negotiated. */
export function namesVersion(headers: IncomingHttpHeaders): boolean {
  return headers["mcp-protocol-version"] !== undefined;
}

/**
 * Whether a GET may be a client's that comes back, and must not be refused for a while: it would
 * take that for the end.
 */
export function isReconnect(hints: ResumeHints): boolean {
  const { lastEvent, cookieSession, instance } = hints;
  return (
    hints.namesVersion || [lastEvent, cookieSession, instance].some((hint) => hint !== undefined)
  );
}

/** What a client may take to come back before its calls are refused: times `retryMs`, and at least, in milliseconds. */
const OVERDUE_TIMES = 10;
const OVERDUE_MS = 5_000;

/**
 * Whether a client should have been back long ago, so that a call of it would wait for an answer
 * that it may never hear. Official clients are back after `retryMs` and a round trip, and try
 * again after as long, for ever.
 *
 * @param graceEndsAt until when its session waits for it, in milliseconds since the epoch;
 * `undefined` for one that is there.
 */
export function isOverdue(
  graceEndsAt: number | undefined,
  resume: { readonly graceMs: number; readonly retryMs: number } | undefined,
): boolean {
  if (graceEndsAt === undefined || resume === undefined) return false;
  const awayMs = Date.now() - (graceEndsAt - resume.graceMs);
  return awayMs > Math.max(OVERDUE_TIMES * resume.retryMs, OVERDUE_MS);
}

/** The first that can be ours: another host of the domain may have set one of the same name. */
function cookieSessionIn(field: string | undefined): string | undefined {
  return cookieValues(field, RESUME_COOKIE).find((value) => /^[\w-]{1,64}$/.test(value));
}
