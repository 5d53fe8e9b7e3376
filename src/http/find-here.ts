import type { Requester } from "../session/requester.js";
import { requesterOf } from "./find-session.js";
import type { AdmittedRequest } from "./incoming-request.js";

/** Where it is looked, and who can tell whether what is here still counts: as in `RouterContext`. */
interface Here<S> {
  readonly sessions: { find(id: string, requester: Requester): S | undefined };
  readonly keeper:
    { readonly isCertain: boolean; confirm(session: S): Promise<boolean> } | undefined;
}

/** A session that is here, and that no other node has gone on with. @throws McpSseError when nobody can tell. */
export function findHere<S>(
  { sessions, keeper }: Here<S>,
  id: string,
  request: AdmittedRequest,
): S | undefined | Promise<S | undefined> {
  const here = sessions.find(id, requesterOf(request));
  if (here === undefined || keeper === undefined || keeper.isCertain) return here;
  return keeper.confirm(here).then((isHere) => (isHere ? here : undefined));
}
