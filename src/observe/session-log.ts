import type { Logger } from "../shared/logger.js";
import type { SessionRegistry } from "../session/session-registry.js";
import type { LimitReached } from "../session/session-events.js";
import type { SessionInfo } from "../session/session-info.js";
import { SparingLog } from "./sparing-log.js";

/** Limits that thousands of requests may reach within a second. */
const MASS: ReadonlySet<string> = new Set(["maxHeldBytes", "maxHeldBytesPerPrincipal"]);

/** Outcomes that a client did not ask for and was not told. */
const MISSED: ReadonlySet<string> = new Set(["ended", "detached", "dropped"]);

/** Tells an operator of each session, and of each limit that was reached. */
export function logSessions<P>(sessions: SessionRegistry<P>, logger: Logger): void {
  sessions.on("opened", (session) =>
    logger.debug(`session ${session.id} ${beginningOf(session)}: ${who(session)}`),
  );
  sessions.on("closed", (session, reason) =>
    logger.debug(`session ${session.id} closed: ${reason}: ${who(session)}`),
  );
  const sparing = new SparingLog(logger);
  sessions.on("limited", (fact) => {
    const line = limitLine(fact);
    const { limit, outcome } = fact;
    if (MASS.has(limit)) {
      sparing.warn(`${limit} ${outcome}`, line);
      return;
    }
    // A refusal was heard by whoever asked.
    if (MISSED.has(outcome)) logger.warn(line);
    else logger.info(line);
  });
}

function beginningOf({ isMoved, isRestored }: SessionInfo): string {
  if (isMoved) return "moved here";
  return isRestored ? "restored" : "opened";
}

function limitLine({ limit, outcome, session, principal, address }: LimitReached<unknown>): string {
  const whose =
    session === undefined
      ? `a request${describe(principal)}${address === undefined ? "" : ` from ${quote(address)}`}`
      : `session ${session.id}: ${who(session)}`;
  return `limit ${limit} reached: ${outcome}: ${whose}`;
}

/** Whose session it is, with which client, and from where. */
function who({ principal, client, address }: SessionInfo): string {
  const whose = describe(principal) || " of somebody";
  const named = client && `, client ${quote([client.name, client.version].join(" ").trim())}`;
  return `${whose.slice(1)}${named ?? ""}, from ${quote(address ?? "an unknown address")}`;
}

function describe(principal: unknown): string {
  if (typeof principal !== "object" || principal === null) return "";
  const { id, method, clientId } = principal as Readonly<Record<string, unknown>>;
  const client = typeof clientId === "string" ? ` through ${quote(clientId)}` : "";
  return ` of ${quote(String(id))} (${String(method)})${client}`;
}

/** Longest part of a line that comes from outside, in characters. */
const MAX_LENGTH = 100;

/** In quotation marks, so that no name can pass for what stands beside it. */
function quote(text: string): string {
  return JSON.stringify(text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text);
}
