import type { AuthMethod } from "../auth/auth-method.js";
import type { Logger } from "../shared/logger.js";
import type { HostRequest } from "./mount.js";
import { redactCredentials } from "./redact-query.js";
import { RefusedCaller, toClientError } from "./refused-caller.js";
import { describeCause, sendError } from "./respond-error.js";
import type { RefusedRequest } from "./incoming-request.js";

/** What may refuse a request in its own way: a route of a transport. */
interface RefusingRoute {
  /** @returns whether it did. */
  refuse?(request: RefusedRequest, error: unknown): boolean;
}

/** The last step of every request that could not be answered: the client is told, and the operator. */
export class Refusals {
  readonly #logger: Logger;
  readonly #methods: readonly AuthMethod[];

  /** @param methods by which the endpoint authenticates: their credentials may stand in the URL. */
  constructor(logger: Logger, methods: readonly AuthMethod[]) {
    this.#logger = logger;
    this.#methods = methods;
  }

  /**
   * Nothing is sent once a response has begun.
   *
   * @param route which was to answer the request, if one was found: it may refuse in its own way.
   */
  refuse(request: RefusedRequest, error: unknown, route?: RefusingRoute): void {
    const { req, res } = request;
    redactCredentials(req, this.#methods);
    if (!res.headersSent && route?.refuse?.(request, error) === true) return;
    this.log("refused", req, error);
    const rpcCode = error instanceof RefusedCaller ? error.rpcCode : undefined;
    try {
      sendError(res, toClientError(error), rpcCode);
    } catch (cause) {
      // An application makes such errors, too, and a header of its may be none that can be sent.
      this.log("could not send the error of", req, cause);
      sendError(res, toClientError(cause));
    }
  }

  /** Tells the operator what was done with a request, and why. */
  log(what: string, { method }: HostRequest, error: unknown): void {
    const told = toClientError(error);
    // There may be thousands, and one line tells of many: see SparingLog.
    if (told.code === "too_many_bytes") return;
    const reason = error instanceof RefusedCaller ? error.reason : told.message;
    // A method may be any text, and is not repeated.
    const shown = method === "GET" || method === "POST" ? method : "other method";
    const line = `${what} ${shown}: ${told.status} ${told.code}: ${reason}${describeCause(told)}`;
    if (told.status >= 500) this.#logger.error(line);
    else this.#logger.info(line);
  }
}
