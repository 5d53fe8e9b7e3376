import { beginAnew } from "../http/begin-anew.js";
import type { BeginningContext } from "../http/begin-anew.js";
import { sessionNotFound } from "../http/find-session.js";
import type { AdmittedRequest } from "../http/incoming-request.js";
import { MovedRequest } from "../http/moved-request.js";
import type { MovedSession } from "../http/moved-session.js";
import { Session } from "../session/session.js";
import { SseChannel } from "./sse-channel.js";
import { isOpeningLost } from "./sse-luggage.js";
import type { SseSession } from "./sse-session.js";

/**
 * Goes on with a session that was at another node. It waits for its client's stream, which may be on its way,
 * and keeps for it what the client is not known to have.
 *
 * @param request the one that asks for it, be it a POST or the GET of that stream.
 * @throws McpSseError 404 for a session that cannot go on; then it has ended.
 */
export async function goOnWith(
  moved: MovedSession,
  request: AdmittedRequest,
  context: BeginningContext,
): Promise<SseSession> {
  const { options, sessions, shutdown } = context;
  const { resume } = options;
  shutdown.checkOpen();
  if (moved.transport !== "sse" || resume === undefined) throw sessionNotFound();
  const opener = new MovedRequest(request, moved, options);
  sessions.admission.admitReturning(opener);
  const session: SseSession = new Session(
    opener,
    (opened) => new SseChannel(opened, undefined, { resume, moved }),
  );
  sessions.add(session);
  const before = { said: moved.handshake, isOpeningLost: isOpeningLost(moved) };
  session.channel.protocolVersion = await beginAnew(session, before, request, context);
  return session;
}
