import type { Caller } from "./auth/authenticate.js";
import type { ResolvedOptions } from "./options.js";

/**
 * The path that the client posts to: never with a host, which clients would refuse when a proxy
 * changed it.
 *
 * A query credential is repeated in it, because a client that can only be given a URL sends it
 * nowhere else.
 */
export function endpointFor(
  options: ResolvedOptions,
  base: string,
  { credential }: Caller,
): string {
  const publicBase = options.publicUrl?.pathname.replace(/\/$/, "") ?? base;
  // Two slashes at the start would be read as a host. Which slashes there are shows only once dot
  // segments and backslashes are resolved, as clients will: "/..//x" is "//x".
  const resolved = new URL(`http://path.invalid${publicBase}${options.messageEndpoint}`);
  const path = resolved.pathname.replace(/^\/+/, "/");
  if (credential?.place !== "query") return path;
  return `${path}?${new URLSearchParams({ [credential.name]: credential.text }).toString()}`;
}
