import type { HostRequest } from "../http/mount.js";

/** By which clients name their session, once the answer to `initialize` has told it. */
export const SESSION_HEADER = "Mcp-Session-Id";

/** The session that a request names; `undefined` where it names none. */
export function sessionIdOf({ headers }: HostRequest): string | undefined {
  const id = headers["mcp-session-id"]?.toString();
  return id === "" ? undefined : id;
}
