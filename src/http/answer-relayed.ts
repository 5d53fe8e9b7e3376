import { McpSseError } from "../shared/errors.js";
import type { Elsewhere } from "./elsewhere.js";
import { hasLeft } from "./follow-session.js";
import { findHere } from "./find-here.js";
import type { AdmittedRequest } from "./incoming-request.js";
import { routeFor } from "./route-table.js";
import type { RelayedArrival } from "./relayed-arrival.js";
import type { RouteTable } from "./route-table.js";
import type { RouterContext } from "./router-context.js";
import type { RouterSession } from "./router-session.js";
import type { TransportRoute } from "./transport.js";

/** What answering relayed requests takes. */
export interface RelayedContext extends Pick<
  RouterContext,
  "sessions" | "keeper" | "refusals" | "callers"
> {
  readonly routes: Pick<RouteTable, "find">;
  readonly elsewhere: Elsewhere | undefined;
}

/**
 * Answers a request that another node has let in, with the session's route, from the session on: what it
 * is refused for after that is answered as well. Never rejects.
 */
export async function answerRelayed(
  arrival: RelayedArrival,
  context: RelayedContext,
): Promise<void> {
  const { isToAdopt, notHere } = arrival;
  const { routes, refusals, elsewhere } = context;
  const { relayedFor: id = "" } = arrival.request;
  /** Whoever asks looks it up again, and is to find where it has gone. */
  const sayNotHere = (): void => {
    const left = elsewhere?.whenLeft(id) ?? Promise.resolve();
    void left.then(notHere);
  };
  const request: AdmittedRequest = { ...arrival.request, again: sayNotHere };
  const target = routes.find(request.path);
  if (target?.kind !== "transport") {
    notHere();
    return;
  }
  context.callers.noteRelayed(request);
  let route: TransportRoute | undefined;
  let session: RouterSession | undefined;
  try {
    route = routeFor(target, request.req);
    session = await findRelayed(request, route, isToAdopt, context);
    if (session === undefined) sayNotHere();
    else await route.answer(request, session);
  } catch (error) {
    // For this request, or any more: the node that sent it looks again.
    const isGone = isNotFound(error) || (session !== undefined && hasLeft(session, error));
    if (isGone && !request.res.headersSent) sayNotHere();
    else refusals.refuse(request, error, route);
  }
}

async function findRelayed(
  request: AdmittedRequest,
  route: TransportRoute,
  isToAdopt: boolean,
  context: RelayedContext,
): Promise<RouterSession | undefined> {
  const { relayedFor: id } = request;
  if (id === undefined) return undefined;
  const here = await findHere(context, id, request);
  if (here !== undefined) return here;
  const found = await context.elsewhere?.goOnRelayed(id, request, route, isToAdopt);
  return found?.kind === "here" ? found.session : undefined;
}

function isNotFound(error: unknown): boolean {
  return error instanceof McpSseError && error.code === "session_not_found";
}
