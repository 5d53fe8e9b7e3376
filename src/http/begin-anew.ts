import type { ResolvedOptions } from "../options/resolve.js";
import type { PostExtra } from "./message-extra.js";
import type { AdmittedRequest } from "./incoming-request.js";
import type { KeptHandshake } from "./moved-session.js";
import { goesOnElsewhere } from "../session/close-reason.js";
import { shuttingDown } from "../session/session-end.js";
import { connectServer } from "./open-session.js";
import type { OpeningContext } from "./open-session.js";
import { replay } from "./replay.js";
import type { RouterSession } from "./router-session.js";

/** What going on with a session takes that had another server, here or elsewhere. */
export interface BeginningContext extends OpeningContext {
  readonly options: ResolvedOptions;
  readonly extraOf: (request: AdmittedRequest) => PostExtra;
}

/** What is known of the session from before. */
export interface SessionBefore {
  /** What its client has said; `undefined` for one that has sent nothing. */
  readonly said: KeptHandshake | undefined;
  /** Whether the client waits for the answer to `initialize`. */
  readonly isOpeningLost: boolean;
}

/**
 * Gives a session that is counted already a new server, which is then as far as the one before. Nobody
 * finds the session until that is so. It ends with nobody's connection: others may wait for it.
 *
 * @param request the one that asks for it.
 * @returns the revision of MCP that client and server speak; `undefined` where that was not asked.
 * @throws McpSseError see {@link connectServer} and {@link replay}; then the session has ended.
 */
export async function beginAnew(
  session: RouterSession,
  { said, isOpeningLost }: SessionBefore,
  request: AdmittedRequest,
  context: BeginningContext,
): Promise<string | undefined> {
  try {
    context.sessions.admission.checkReturned(session);
    await connectServer(session, request.caller, context);
    const extra = context.extraOf(request);
    const { options, gate } = context;
    const version =
      said &&
      (await replay(session, {
        said,
        extra,
        isForClient: isOpeningLost,
        timeoutMs: options.openTimeoutMs,
        mayRepeat: async (message) => (await gate?.mayRepeat(message, request, session)) ?? true,
      }));
    if (session.journey !== undefined) session.journey.isReturning = false;
    return version;
  } catch (error) {
    const { closeReason } = session;
    session.end("failed-to-open");
    // It has not ended for its client, who is to ask again.
    const isOver = !goesOnElsewhere(closeReason) && closeReason !== "shutting-down";
    throw isOver ? error : shuttingDown();
  }
}
