import type { RouterSession } from "../http/router-session.js";
import { StreamableChannel } from "./streamable-channel.js";

/** A session over Streamable HTTP. */
export type StreamableSession = RouterSession & { readonly channel: StreamableChannel };

/** Whether a session is of this transport, and not of another at the same router. */
export function isStreamableSession(session: RouterSession): session is StreamableSession {
  return session.channel instanceof StreamableChannel;
}
