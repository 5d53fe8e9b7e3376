import type { AuthConfig } from "../../strategies/auth-config.js";
import { toAuthMethods } from "../../strategies/index.js";
import type { AuthMethod } from "../auth/auth-method.js";
import { Authenticator } from "../auth/authenticate.js";
import type { HearVerdict } from "../auth/authenticate.js";
import { configuredMount, mountUrl, resourceUrl } from "../http/metadata-routes.js";
import type { ResolvedOptions } from "../options/resolve.js";
import { optionError } from "../shared/check.js";

/**
 * What finds out who calls; `undefined` for an endpoint that is open.
 *
 * @param option name of `auth`, for errors.
 * @param resources paths below the mount for which clients ask tokens.
 * @param hear Default: nobody.
 * @throws TypeError
 */
export function createAuthenticator(
  option: string,
  auth: AuthConfig | false,
  options: ResolvedOptions,
  resources: readonly string[],
  hear?: HearVerdict,
): Authenticator | undefined {
  if (auth === false) return undefined;
  const mount = configuredMount(options);
  const urls = mount && resources.map((endpoint) => resourceUrl(mount, { endpoint }));
  // Tokens of the sign-in name the URL that they always did.
  const [resource, ...otherResources] = urls?.toReversed() ?? [];
  const context = { resource, otherResources, mountUrl: mount && mountUrl(mount) };
  const methods = toAuthMethods(auth, option, context);
  checkEndpoints(methods, option);
  for (const warning of methods.flatMap((method) => method.warnings ?? []))
    options.logger.warn(warning);
  for (const method of methods) method.reportTo?.((message) => options.logger.warn(message));
  // What one node alone could show, no server is to rely on.
  return new Authenticator(methods, options.cluster?.carryToken ?? true, hear);
}

function hasEndpoints({ endpoints }: AuthMethod): boolean {
  return endpoints !== undefined;
}

/** Two authorization servers at one URL would answer in each other's place. */
function checkEndpoints(methods: readonly AuthMethod[], option: string): void {
  if (methods.filter(hasEndpoints).length < 2) return;
  throw optionError(
    option,
    "has signIn more than once",
    "Use one router for each, with a publicUrl of its own.",
  );
}
