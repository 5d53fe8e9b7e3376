import type { AuthMethod } from "./auth-method.js";

/** Where a resource's metadata stands, below an origin or a mount. @see RFC 9728, section 3 */
export const WELL_KNOWN_PATH = "/.well-known/oauth-protected-resource";

/** How a resource describes itself to clients. @see RFC 9728, section 2 */
export interface ProtectedResourceMetadata {
  /** The URL of the event stream. */
  readonly resource: string;
  readonly authorization_servers: readonly string[];
  readonly scopes_supported?: readonly string[];
  readonly bearer_methods_supported: readonly ["header"];
}

/** Whether any method takes access tokens, so that there is something to discover. */
export function isDiscoverable(methods: readonly AuthMethod[]): boolean {
  return methods.some((method) => method.authorizationServers !== undefined);
}

/**
 * The document for one resource, as these methods protect it.
 *
 * @param policyScopes with which callers may do more. Default: none.
 */
export function describeResource(
  resource: string,
  methods: readonly AuthMethod[],
  policyScopes: readonly string[] = [],
): ProtectedResourceMetadata {
  const discoverable = methods.filter((method) => method.authorizationServers !== undefined);
  const servers = discoverable.flatMap((method) => method.authorizationServers?.() ?? []);
  const required = discoverable.flatMap((method) => method.scopes?.required ?? []);
  const scopes = [...required, ...policyScopes];
  return {
    resource,
    authorization_servers: [...new Set(servers)],
    ...(scopes.length > 0 && { scopes_supported: [...new Set(scopes)] }),
    bearer_methods_supported: ["header"],
  };
}

/**
 * The path of the resource that a well-known path speaks of: what stands behind
 * {@link WELL_KNOWN_PATH}.
 *
 * @returns an empty string for the root document, `undefined` for another path.
 * @see RFC 9728, section 3.1
 */
export function resourcePathOf(path: string): string | undefined {
  if (path === WELL_KNOWN_PATH || path === `${WELL_KNOWN_PATH}/`) return "";
  return path.startsWith(`${WELL_KNOWN_PATH}/`) ? path.slice(WELL_KNOWN_PATH.length) : undefined;
}
