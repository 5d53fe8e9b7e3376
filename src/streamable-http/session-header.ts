import type { HostRequest } from "../http/mount.js";

/** By which clients name their session, once the answer to `initialize` has told it. */
export const SESSION_HEADER = "Mcp-Session-Id";

/** By what a request names its session; `undefined` where it names none. */
export function sessionNameOf({ headers }: HostRequest): string | undefined {
  const name = headers["mcp-session-id"]?.toString();
  return name === "" ? undefined : name;
}

/** The id of the session that a request names: what stands in front of all that is sealed in its name. */
export function sessionIdOf(req: HostRequest): string | undefined {
  const name = sessionNameOf(req);
  return name === undefined ? undefined : idIn(name);
}

/** The id in a session's name; most names are no more than that. */
export function idIn(name: string): string {
  const end = name.indexOf(".");
  return end === -1 ? name : name.slice(0, end);
}
