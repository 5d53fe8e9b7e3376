import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/** Optional peer dependencies: nobody installs what their auth type does not use. */
export type Peer =
  "passport-jwt" | "passport-headerapikey" | "passport-oauth2" | "jwks-rsa" | "libsql";

/**
 * Loads an optional peer at the moment an auth type needs it. Synchronous, so that a missing
 * package is noticed where the method is built and not at the first request.
 *
 * @param neededBy What needs it, in the words of the configuration: `auth type "jwt"`.
 * @param entry What of the package is loaded. Default: its main module.
 * @throws Error that says what to install; any other failure to load is passed on as it is.
 */
export function loadPeer(peer: Peer, neededBy: string, entry: string = peer): unknown {
  try {
    return require(entry);
  } catch (error) {
    if (!isMissing(error, entry)) throw error;
    throw new Error(`${neededBy} needs the package ${peer}. Run: npm install ${peer}`, {
      cause: error,
    });
  }
}

/**
 * Checks, without loading it, that an optional peer can be loaded later: for a package that has
 * only ECMAScript modules, which are imported asynchronously.
 *
 * @throws Error that says what to install.
 */
export function requireInstalled(peer: "oidc-provider", neededBy: string, range: string): void {
  try {
    require.resolve(peer);
  } catch (cause) {
    throw new Error(`${neededBy} needs the package ${peer}. Run: npm install ${peer}@${range}`, {
      cause,
    });
  }
}

/** Whether the peer itself is missing, not something that it requires in its turn. */
function isMissing(error: unknown, entry: string): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return code === "MODULE_NOT_FOUND" && String(message).includes(`'${entry}'`);
}
