import { beginAnew } from "../http/begin-anew.js";
import type { BeginningContext } from "../http/begin-anew.js";
import { sessionNotFound } from "../http/find-session.js";
import type { AdmittedRequest } from "../http/incoming-request.js";
import { MovedRequest } from "../http/moved-request.js";
import type { MovedSession } from "../http/moved-session.js";
import { Session } from "../session/session.js";
import { StreamableChannel } from "./streamable-channel.js";
import type { StreamableSession } from "./streamable-session.js";

/** What going on with a session takes on this wire. */
export interface StreamableBeginning extends BeginningContext {
  /** Milliseconds after which a call without an answer is answered by a stream; 0 for at once. */
  readonly sseAfterMs: number;
}

/**
 * Goes on with a session that was at another node.
 *
 * @param request the one that asks for it, whatever it wants.
 * @throws McpSseError 404 for a session that cannot go on; then it has ended.
 */
export async function goOnWith(
  moved: MovedSession,
  request: AdmittedRequest,
  context: StreamableBeginning,
): Promise<StreamableSession> {
  const { options, sessions, shutdown, sseAfterMs } = context;
  const { resume } = options;
  shutdown.checkOpen();
  // Before the answer to `initialize`, no client knows that there is one.
  const said = moved.transport === "streamable" ? moved.handshake : undefined;
  if (said?.protocolVersion === undefined) throw sessionNotFound();
  const opener = new MovedRequest(request, moved, options);
  sessions.admission.admitReturning(opener);
  const session: StreamableSession = new Session(
    opener,
    (opened) => new StreamableChannel(opened, { resume, sseAfterMs, isRestored: false, moved }),
  );
  sessions.add(session);
  session.channel.protocolVersion = said.protocolVersion;
  await beginAnew(session, { said, isOpeningLost: false }, request, context);
  return session;
}
