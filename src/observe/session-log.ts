import { isSilent } from "../shared/logger.js";
import type { Logger } from "../shared/logger.js";
import type { FactHub } from "./fact-hub.js";
import type { LimitFact, SessionFact, SessionRef, Who } from "./facts.js";
import { SparingLog } from "./sparing-log.js";

/** Limits that thousands of requests may reach within a second. */
const MASS: ReadonlySet<string> = new Set(["maxHeldBytes", "maxHeldBytesPerPrincipal"]);

/** Outcomes that a client did not ask for and was not told. */
const MISSED: ReadonlySet<string> = new Set(["ended", "detached", "dropped"]);

/** Tells an operator of each session, and of each limit that was reached. Nobody hears of it without a logger. */
export function logSessions(hub: FactHub, logger: Logger): void {
  if (isSilent(logger)) return;
  hub.on("session", ({ event, session, reason }) => {
    const what = reason === undefined ? BEGINNINGS[event] : `closed: ${reason}`;
    if (what === undefined || event === "abandoned") return;
    logger.debug(`session ${session.id} ${what}: ${who(session)}`);
  });
  const sparing = new SparingLog(logger);
  hub.on("limit", (fact) => {
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

const BEGINNINGS: Readonly<Partial<Record<SessionFact["event"], string>>> = {
  opened: "opened",
  restored: "restored",
  moved: "moved here",
};

function limitLine({ limit, outcome, session, principal, address }: LimitFact): string {
  const whose =
    session === undefined
      ? `a request${describe(principal)}${address === undefined ? "" : ` from ${quote(address)}`}`
      : `session ${session.id}: ${who(session)}`;
  return `limit ${limit} reached: ${outcome}: ${whose}`;
}

/** Whose session it is, with which client, and from where. */
function who({ principal, client, address }: SessionRef): string {
  const whose = describe(principal) || " of somebody";
  const named = client && `, client ${quote([client.name, client.version].join(" ").trim())}`;
  return `${whose.slice(1)}${named ?? ""}, from ${quote(address ?? "an unknown address")}`;
}

function describe(principal: Who | undefined): string {
  if (principal === undefined) return "";
  const { id, method, clientId } = principal;
  const client = clientId === undefined ? "" : ` through ${quote(clientId)}`;
  return ` of ${quote(id)} (${method})${client}`;
}

/** Longest part of a line that comes from outside, in characters. */
const MAX_LENGTH = 100;

/** In quotation marks, so that no name can pass for what stands beside it. */
function quote(text: string): string {
  return JSON.stringify(text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text);
}
