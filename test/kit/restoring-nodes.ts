import { randomBytes } from "node:crypto";
import { secret } from "./leak-watch.js";
import { openStream, toolCall } from "./raw-sse.js";
import { send } from "./raw-http.js";
import { Facts } from "./session-facts.js";
import { postMessage, serveMcp } from "./streamable.js";
import type { ServeMcpOptions, StreamableConversation } from "./streamable.js";

/** What all nodes of a test have in common. */
export const SEALING = randomBytes(32).toString("hex");
const restore = { secret: SEALING };

/** A node of its own; all of them have one secret. */
export async function serveNode({ sessions, ...options }: ServeMcpOptions = {}) {
  secret(SEALING);
  const served = await serveMcp({ sessions: { restore, ...sessions }, ...options });
  return { ...served, facts: new Facts(served.router.sessions) };
}

/** What a client sends that has its session from somewhere else. */
export function at(url: string, { headers }: StreamableConversation, more: object = {}) {
  const all = { ...headers, ...more } as Record<string, string>;
  return {
    post: (message: object) => postMessage(url, message, all),
    call: () => postMessage(url, toolCall(7, "whoami"), all),
    listen: (last: object = {}) => openStream(url, { ...all, ...last }),
    delete: () => send(url, { method: "DELETE", headers: all }),
  };
}

/** The answer for a session that there is not, by the same caller. */
export async function unknownAnswer(url: string, headers: Record<string, string>) {
  const named = { ...headers, "mcp-session-id": "6dcd4ce2-3d88-4ac2-8a2a-5a2f4b2a3b1c" };
  const [answer] = await Promise.all([postMessage(url, toolCall(7, "whoami"), named)]);
  return answer.text;
}
