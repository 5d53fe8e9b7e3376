import type { IncomingMessage } from "node:http";

/** What a GET says about the stream that it may continue. */
export interface ReconnectMarks {
  /** Session and position of the last event that the client has, from `Last-Event-ID`. */
  readonly lastEvent: EventPosition | undefined;
  /** Session from the resume cookie. */
  readonly cookieSession: string | undefined;
  /** The client process, as its user named it. */
  readonly instance: string | undefined;
  /** Whether the client has negotiated a protocol version before: then this GET is not its first. */
  readonly isReconnect: boolean;
}

/** A place in a session's conversation. */
export interface EventPosition {
  readonly sessionId: string;
  readonly seq: number;
}

/** What to do with a GET. */
export type ReconnectPlan<S> =
  /** It continues `session`, whose client has everything up to `seq` (`undefined`: up to what it acknowledged). */
  | { readonly kind: "resume"; readonly session: S; readonly seq: number | undefined }
  /** It continues one of the owner's sessions; a ping tells which. */
  | { readonly kind: "probe" }
  /** It is a client that wants a session of its own. */
  | { readonly kind: "fresh"; readonly isLost: boolean };

/** As much of a session as the plan depends on. */
export interface ResumableSession {
  /** Name of the client process, if its user gave it one. */
  readonly instance: string | undefined;
  readonly isInitialized: boolean;
  readonly isDetached: boolean;
  /** Whether its client sent `initialize` and nothing since. */
  readonly isInitializing: boolean;
}

/** The sessions of the caller who sent the GET, and of nobody else. */
export interface OwnSessions<S> {
  /** Whether everybody may call, so that strangers are one owner. Default: false. */
  readonly isOpenEndpoint?: boolean;
  byId(id: string): S | undefined;
  byInstance(instance: string): S | undefined;
  all(): readonly S[];
}

/** Name of the cookie that tells clients without `Last-Event-ID` apart. */
export const RESUME_COOKIE = "mcp_resume";

/** Header, and query parameter, with which a user can name a client process. */
export const INSTANCE_HEADER = "x-mcp-instance";
export const INSTANCE_PARAMETER = "mcp_instance";

/**
 * Decides which session a GET continues.
 *
 * Only the caller's own sessions are looked at, so no mark can lead to another's. A guess is
 * never made: without a mark that names one session, the client itself tells by answering a
 * ping, and until then nothing of any session is sent. A GET without the reconnect mark is never
 * probed: a fresh client that is asked something before its endpoint event may hang for ever.
 */
export function planReconnect<S extends ResumableSession>(
  marks: ReconnectMarks,
  own: OwnSessions<S>,
): ReconnectPlan<S> {
  const { lastEvent, cookieSession, isReconnect } = marks;
  // Among strangers only what nobody else can know tells whose a session is.
  const instance = own.isOpenEndpoint === true ? undefined : marks.instance;
  if (lastEvent !== undefined) {
    const session = own.byId(lastEvent.sessionId);
    if (session !== undefined) return { kind: "resume", session, seq: lastEvent.seq };
  }
  // A cookie is shared by all tabs of a browser, so it counts only for a client that says it
  // comes back, which browsers do not, and only for a session that nobody is listening to.
  const byCookie = isReconnect && cookieSession !== undefined ? own.byId(cookieSession) : undefined;
  if (byCookie?.isDetached === true) return { kind: "resume", session: byCookie, seq: undefined };
  const byInstance = instance === undefined ? undefined : own.byInstance(instance);
  if (byInstance !== undefined) return { kind: "resume", session: byInstance, seq: undefined };
  if (isReconnect) {
    // Whoever has negotiated a version can answer, even if that it is initialised is still on its way.
    const canAnswer = own
      .all()
      .some(({ isInitialized, isInitializing }) => isInitialized || isInitializing);
    return canAnswer ? { kind: "probe" } : { kind: "fresh", isLost: true };
  }
  // Whoever names a session must not be given another: both would come back to it for ever.
  if (lastEvent !== undefined) return { kind: "fresh", isLost: true };
  if (instance !== undefined || own.isOpenEndpoint === true)
    return { kind: "fresh", isLost: false };
  return planFirst(own);
}

/**
 * A GET without any mark is a client's first, or comes from one that was cut off while it was
 * initialising. If exactly one session waits for such a client, it is continued: it holds nothing
 * but the answer to `initialize`, and whoever gets that unasked ignores it and sends its own.
 */
function planFirst<S extends ResumableSession>(own: OwnSessions<S>): ReconnectPlan<S> {
  const waiting = own
    .all()
    .filter((session) => session.isDetached && session.isInitializing && !session.instance);
  const [session] = waiting;
  return session !== undefined && waiting.length === 1
    ? { kind: "resume", session, seq: undefined }
    : { kind: "fresh", isLost: false };
}

/** Reads the marks of a GET. */
export function readMarks(req: IncomingMessage): ReconnectMarks {
  const { headers, url = "" } = req;
  const start = url.indexOf("?");
  const query = new URLSearchParams(start === -1 ? "" : url.slice(start + 1));
  const header = headers[INSTANCE_HEADER];
  const instance = typeof header === "string" ? header : query.get(INSTANCE_PARAMETER);
  return {
    lastEvent: parseEventId(headers["last-event-id"]),
    cookieSession: readCookie(headers.cookie),
    instance: instance === null || instance === "" ? undefined : instance,
    isReconnect: headers["mcp-protocol-version"] !== undefined,
  };
}

/**
 * Whether a GET may be a client's that comes back, and must not be refused for a while: it would
 * take that for the end.
 */
export function comesBack(marks: ReconnectMarks): boolean {
  const { lastEvent, cookieSession, instance, isReconnect } = marks;
  return isReconnect || [lastEvent, cookieSession, instance].some((mark) => mark !== undefined);
}

/** Printable ASCII, which every client returns as it is. */
export function formatEventId(sessionId: string, seq: number): string {
  return `${sessionId}:${seq}`;
}

function parseEventId(value: string | string[] | undefined): EventPosition | undefined {
  if (typeof value !== "string") return undefined;
  const [, sessionId, digits] = /^([\w-]{1,64}):(\d{1,15})$/.exec(value) ?? [];
  if (sessionId === undefined || digits === undefined) return undefined;
  return { sessionId, seq: Number(digits) };
}

function readCookie(header: string | undefined): string | undefined {
  for (const pair of header?.split(";") ?? []) {
    const [name, value] = pair.trim().split("=", 2);
    if (name === RESUME_COOKIE && value !== undefined && /^[\w-]{1,64}$/.test(value)) return value;
  }
  return undefined;
}
