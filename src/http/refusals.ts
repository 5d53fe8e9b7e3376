import type { AuthMethod } from "../auth/auth-method.js";
import type { Caller } from "../auth/outcome.js";
import { legOf } from "../observe/caller-facts.js";
import type { FactHub } from "../observe/fact-hub.js";
import type { Leg } from "../observe/facts.js";
import { whoIs } from "../observe/refs.js";
import type { McpSseError } from "../shared/errors.js";
import type { Logger } from "../shared/logger.js";
import type { RefusedRequest } from "./incoming-request.js";
import { addressOf } from "./mount.js";
import type { HostRequest } from "./mount.js";
import { redactCredentials } from "./redact-query.js";
import { RefusedCaller, toClientError } from "./refused-caller.js";
import { describeCause, sendError } from "./respond-error.js";
import type { Sessions } from "./router-session.js";

/** What may refuse a request in its own way: a route of a transport. */
interface RefusingRoute {
  /** Default: the request was for none of these. */
  readonly method?: string;
  /** What its requests come for. Default: that of the method. */
  readonly leg?: Leg;
  sessionId?(req: HostRequest): string | undefined;
  /** @returns whether it did. */
  refuse?(request: RefusedRequest, error: unknown): boolean;
}

/** A request, with its caller if that was let in before it was refused. */
interface AskedRequest extends RefusedRequest {
  readonly caller?: Caller | undefined;
}

/** What refusing takes. */
export interface RefusalsInit {
  readonly logger: Logger;
  /** By which the endpoint authenticates: their credentials may stand in the URL. */
  readonly methods: readonly AuthMethod[];
  readonly hub: FactHub;
  readonly sessions: Pick<Sessions, "isOthers">;
}

/** What the log says of a request that was refused. */
export function refusalLine(
  what: string,
  method: string | undefined,
  told: McpSseError,
  reason: string,
): string {
  // A method may be any text, and is not repeated.
  const shown = method === "GET" || method === "POST" ? method : "other method";
  return `${what} ${shown}: ${told.status} ${told.code}: ${reason}${describeCause(told)}`;
}

/** The last step of every request that could not be answered: the client is told, and the operator. */
export class Refusals {
  readonly #init: RefusalsInit;

  constructor(init: RefusalsInit) {
    this.#init = init;
  }

  /**
   * Nothing is sent once a response has begun.
   *
   * @param route which was to answer the request, if one was found: it may refuse in its own way.
   */
  refuse(request: RefusedRequest, error: unknown, route?: RefusingRoute): void {
    const { req, res } = request;
    redactCredentials(req, this.#init.methods);
    if (!res.headersSent && route?.refuse?.(request, error) === true) return;
    this.log("refused", request, error, route);
    const { rpcCode, rpcId }: Partial<RefusedCaller> = error instanceof RefusedCaller ? error : {};
    try {
      sendError(res, toClientError(error), rpcCode, rpcId);
    } catch (cause) {
      // An application makes such errors, too, and a header of its may be none that can be sent.
      this.log("could not send the error of", request, cause, route);
      sendError(res, toClientError(cause));
    }
  }

  /** Tells the operator what was done with a request, and why. */
  log(what: string, request: RefusedRequest, error: unknown, route?: RefusingRoute): void {
    const { logger, hub } = this.#init;
    const { method } = request.req;
    const told = toClientError(error);
    const reason = error instanceof RefusedCaller ? error.reason : told.message;
    if (hub.has("refusal")) this.#tell(request, told, reason, route);
    // There may be thousands, and one line tells of many: see SparingLog.
    if (told.code === "too_many_bytes") return;
    const line = refusalLine(what, method, told, reason);
    if (told.status >= 500) logger.error(line);
    else logger.info(line);
  }

  #tell(
    request: AskedRequest,
    told: McpSseError,
    reason: string,
    route: RefusingRoute | undefined,
  ): void {
    const { code, status } = told;
    this.#init.hub.emit("refusal", {
      ...{ code, status, reason },
      leg: route?.leg ?? legOf(route?.method),
      principal: whoIs(request.caller?.principal),
      address: addressOf(request.req),
      isOthers: code === "session_not_found" && this.#isOthers(request, route),
    });
  }

  /**
   * Whether a request names a session of another owner.
   *
   * Security decision: its sender was told that there is none, as of one that there never was. Only the operator
   * hears that somebody knows an id which is not theirs.
   */
  #isOthers({ req, caller }: AskedRequest, route: RefusingRoute | undefined): boolean {
    const id = route?.sessionId?.(req);
    if (id === undefined || caller === undefined) return false;
    return this.#init.sessions.isOthers(id, caller.ownerKey);
  }
}
