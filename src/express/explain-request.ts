import type { AuthMethod, FoundCredential } from "../auth/auth-method.js";
import type { HearVerdict } from "../auth/authenticate.js";
import type { Outcome } from "../auth/outcome.js";
import { VerifiedCallers } from "../auth/verified-callers.js";
import { CallerGuard } from "../http/caller-guard.js";
import { Discovery } from "../http/discovery.js";
import { configuredMount, mountUrl } from "../http/metadata-routes.js";
import { mountOf, pathOf } from "../http/mount.js";
import { createPolicy } from "../http/router-policy.js";
import type { Logger } from "../shared/logger.js";
import type { Serving } from "./read-endpoint.js";
import { createAuthenticator } from "./create-authenticator.js";
import { explainCaller, explainMethod, explainRefusal } from "./explanation.js";
import type { Explanation } from "./explanation.js";
import { makeRequest } from "./made-up-request.js";
import type { WrittenRequest } from "./made-up-request.js";
import { readEndpoint } from "./read-endpoint.js";
import type { EndpointSettings } from "./read-endpoint.js";

/** What somebody asks with. */
export interface AskedRequest extends Pick<WrittenRequest, "method" | "headers"> {
  /** Default: that of the mount, as `publicUrl` says it, else one on localhost. */
  readonly url?: URL | undefined;
  /** Parameters that are added to its query. */
  readonly query: readonly (readonly [name: string, value: string])[];
}

/**
 * Says whether the options of a router would let a request in, and why not, by the very guard that the router has. Nobody
 * listens, no node joins a cluster, and no failure is counted; issuers and the options' own functions are asked as ever.
 *
 * @throws TypeError for a wrong option, and for a request that cannot be one.
 */
export async function explainRequest(
  given: unknown,
  serving: Serving,
  asked: AskedRequest,
): Promise<Explanation> {
  const endpoint = readEndpoint(given, serving);
  const warnings: string[] = [];
  const heard = { ...endpoint, options: { ...endpoint.options, logger: gathering(warnings) } };
  const verdicts = new Map<AuthMethod, Outcome>();
  const hear: HearVerdict = (method, verdict) => void verdicts.set(method, verdict);
  const guard = createGuard(heard, serving, hear);
  const { url, base } = placeOf(asked, endpoint);
  const made = await makeRequest({ ...asked, url }, base);
  const { req } = made;
  try {
    const found = guard.methods.map((method) => findCredential(method, req));
    const outcome = await guard.identify(req, { mount: mountOf(req), path: pathOf(req) }).then(
      (caller) => ({ isLetIn: true, missingScopes: [], ...explainCaller(caller) }),
      (error: unknown) => ({
        isLetIn: false,
        ...explainRefusal(error, asked.method, verdicts.values()),
      }),
    );
    const methods = guard.methods.map((method, index) =>
      explainMethod(method, verdicts.get(method), found[index]),
    );
    return { isOpen: endpoint.auth === false, methods, ...outcome, warnings };
  } finally {
    made.end();
    await guard.stop();
  }
}

/** The guard of a router's callers, without what it tells others. */
function createGuard(
  { auth, options, resources }: EndpointSettings,
  { path }: Serving,
  hear: HearVerdict,
): CallerGuard {
  const authenticator = createAuthenticator(`${path}.auth`, auth, options, resources, hear);
  const methods = authenticator?.methods ?? [];
  const policy = createPolicy({ ...options, cluster: undefined });
  return new CallerGuard({
    ...{ authenticator, policy },
    discovery: new Discovery(options, methods, resources, policy?.scopes),
    options: { throttle: undefined, cluster: undefined, revalidateAfterMs: 0 },
    verified: new VerifiedCallers(methods, 0),
    sessions: { noteLimit: nothing },
    facts: { isHeard: false, letIn: nothing, refused: nothing },
  });
}

function nothing(): void {
  // Nobody is told.
}

/** A method of somebody's may throw, and will again where that is explained. */
function findCredential(
  method: AuthMethod,
  req: Parameters<NonNullable<AuthMethod["findCredential"]>>[0],
): FoundCredential | undefined {
  try {
    return method.findCredential?.(req);
  } catch {
    return undefined;
  }
}

/** Keeps what an operator should look at. */
function gathering(lines: string[]): Logger {
  const keep = (message: string): void => void lines.push(message);
  return { debug: nothing, info: nothing, warn: keep, error: keep };
}

/** Where a router is mounted of whose configuration nobody knows that. */
const SOMEWHERE = { origin: "http://localhost", base: "/mcp" };

/** The URL of a request, and the mount's path in it. */
function placeOf(
  { url: given, query }: AskedRequest,
  { options, resources }: EndpointSettings,
): { readonly url: URL; readonly base: string } {
  const mount = configuredMount(options) ?? SOMEWHERE;
  const url = new URL(given ?? `${mountUrl(mount)}${resources[0] ?? ""}`);
  for (const [name, value] of query) url.searchParams.append(name, value);
  const below = [...resources, options.messageEndpoint].filter((path) => path !== "");
  const path = below.find((end) => url.pathname.endsWith(end)) ?? "";
  const base = url.pathname.slice(0, url.pathname.length - path.length).replace(/\/$/, "");
  return { url, base };
}
