import { isAnswered } from "./ask.js";
import type { Ask, AskInit, Reply } from "./contract.js";
import { ACCEPT, REVISION } from "./messages.js";

/** How often its end is asked for, where not every process knows a session. */
const ENDS = 5;

/** The session that an answer to `initialize` began. */
export function sessionIn(reply: Reply | undefined): string | undefined {
  return isAnswered(reply) ? (reply.headers.get("mcp-session-id") ?? undefined) : undefined;
}

/** What each request of a session has in its head. */
export function sessionHeaders(id: string): Record<string, string> {
  return { accept: ACCEPT, "mcp-session-id": id, "mcp-protocol-version": REVISION };
}

/** Ends the session that an answer to `initialize` began, if it did: also when nobody waits for the report any more. */
export async function endSession(
  ask: Ask,
  begun: Reply,
  init: AskInit = {},
): Promise<Reply | undefined> {
  const id = sessionIn(begun);
  if (id === undefined) return undefined;
  const headers = { ...sessionHeaders(id), ...init.headers };
  let ended: Reply | undefined;
  for (let left = ENDS; left > 0; left--) {
    ended = await ask(begun.url, {
      isAuthorized: true,
      isFarewell: true,
      ...init,
      method: "DELETE",
      headers,
    });
    if (!isAnswered(ended) || ended.status !== 404) break;
  }
  return ended;
}
