import type { Caller } from "../auth/outcome.js";
import type { ErrorCode } from "../shared/errors.js";
import type { Audience, FactHub } from "./fact-hub.js";
import type { CallerFact, Leg } from "./facts.js";
import { whoIs } from "./refs.js";

/** Of which request somebody is the caller. */
export interface CallerAsked extends Pick<CallerFact, "leg" | "address" | "durationMs"> {
  readonly request: object;
}

/** Tells who was let in, and who was not. Nobody is told of on an open endpoint, where nobody is asked. */
export class CallerFacts {
  readonly #hub: FactHub;
  readonly #audience: Audience;
  /**
   * Requests of which it was told. One that leaves the fast path is let in again; who passes the app's guard comes for
   * something else.
   */
  readonly #told = new WeakMap<object, Leg>();

  constructor(hub: FactHub) {
    this.#hub = hub;
    this.#audience = hub.audienceOf("caller");
  }

  get isHeard(): boolean {
    return this.#audience.isHeard;
  }

  letIn(
    outcome: Exclude<CallerFact["outcome"], "refused">,
    { principal }: Caller,
    { request, leg, address, durationMs }: CallerAsked,
  ): void {
    if (principal === undefined || this.#told.get(request) === leg) return;
    this.#told.set(request, leg);
    this.#hub.emit("caller", {
      ...{ outcome, leg, address, durationMs },
      principal: whoIs(principal),
      method: principal.method,
      code: undefined,
      reason: undefined,
    });
  }

  refused(code: ErrorCode, reason: string, { leg, address, durationMs }: CallerAsked): void {
    this.#hub.emit("caller", {
      ...{ outcome: "refused" as const, leg, address, durationMs, code, reason },
      principal: undefined,
      method: undefined,
    });
  }
}

/** What a request comes for, by its HTTP method, which is all that tells. */
export function legOf(method: string | undefined): Leg {
  switch (method) {
    case "GET":
      return "stream";
    case "POST":
      return "message";
    case "DELETE":
      return "delete";
    default:
      return "other";
  }
}
