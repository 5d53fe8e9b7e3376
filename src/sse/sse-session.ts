import type { RouterSession } from "../http/router-session.js";
import { SseChannel } from "./sse-channel.js";

/** A session whose client is reached by event streams. */
export type SseSession = RouterSession & { readonly channel: SseChannel };

/** Whether a session is of this transport, and not of another at the same router. */
export function isSseSession(session: RouterSession): session is SseSession {
  return session.channel instanceof SseChannel;
}
