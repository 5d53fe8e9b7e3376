import { isAnswered } from "./ask.js";
import type { Ask, AskInit, Reply } from "./contract.js";
import { sessionHeaders } from "./messages.js";

/** How often its end is asked for, where not every process knows a session. */
const TIMES = 5;

/** For how long the answer is waited for: it changes nothing, and somebody may have left already. In milliseconds. */
const PATIENCE_MS = 2_000;

/**
 * Ends the session that an answer to `initialize` began, if it did: also when nobody waits for the report any more.
 *
 * @param init how it was begun.
 */
export async function endSession(
  ask: Ask,
  begun: Reply,
  init: Pick<AskInit, "headers" | "isAuthorized" | "hasOwnConnection">,
): Promise<Reply | undefined> {
  const session = sessionHeaders(begun);
  if (session === undefined) return undefined;
  const headers = { ...init.headers, ...session };
  let reply: Reply | undefined;
  for (let times = 0; times < TIMES; times++) {
    reply = await ask(begun.url, {
      ...init,
      method: "DELETE",
      headers,
      until: "head",
      timeoutMs: PATIENCE_MS,
      isFarewell: true,
    });
    if (!isAnswered(reply) || reply.status !== 404) break;
  }
  return reply;
}
