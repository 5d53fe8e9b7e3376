import { requesterOf } from "./find-session.js";
import type { AdmittedRequest } from "./incoming-request.js";
import type { RouterContext } from "./router-context.js";
import type { RouterSession } from "./router-session.js";

/** A session that is here, and that no other node has gone on with. @throws McpSseError when nobody can tell. */
export function findHere(
  { sessions, keeper }: Pick<RouterContext, "sessions" | "keeper">,
  id: string,
  request: AdmittedRequest,
): RouterSession | undefined | Promise<RouterSession | undefined> {
  const here = sessions.find(id, requesterOf(request));
  if (here === undefined || keeper === undefined || keeper.isCertain) return here;
  return keeper.confirm(here).then((isHere) => (isHere ? here : undefined));
}
