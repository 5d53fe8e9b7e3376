import type { AuthInfo } from "../auth/principal.js";
import { WELL_KNOWN_PATH } from "../auth/protected-resource.js";
import { McpSseError, retryAfter } from "../shared/errors.js";
import { isScope } from "../shared/http-syntax.js";
import type { ScopeChallenge } from "./scope-check.js";
import type { JsonRpcMessage, JsonRpcRequest } from "../shared/json-rpc.js";
import { isThenable } from "../shared/thenable.js";
import { withTimeout, TIMED_OUT } from "../shared/timeout.js";

/**
 * Says which scopes a caller lacks for a request, or nothing if it may be run. An `McpServer` of
 * SDK v2 hands one to its transport: `scopeChallenge` of a tool, a resource or a prompt.
 */
export type ScopeChallengeResolver = (context: {
  request: JsonRpcRequest;
  authInfo?: AuthInfo;
}) => ScopeChallenge | undefined | Promise<ScopeChallenge | undefined>;

/** How long a resolver may take, in milliseconds. */
const TIMEOUT_MS = 10_000;

/**
 * What a caller lacks for a message; `undefined`, now or later, if the server may have it.
 *
 * Security decision: only a resolver that says `undefined` lets a request pass. One that fails,
 * says something else, or never answers, lets nothing pass.
 *
 * @throws whatever the resolver throws, a TypeError for an answer that is none.
 */
export function findScopeChallenge(
  resolver: ScopeChallengeResolver,
  message: JsonRpcMessage,
  authInfo: AuthInfo | undefined,
): ReturnType<ScopeChallengeResolver> {
  if (!("method" in message && "id" in message)) return undefined;
  const answer = resolver({ request: message, ...(authInfo !== undefined && { authInfo }) });
  // Most know at once, and those messages are not kept waiting.
  return isThenable(answer) ? waitFor(Promise.resolve(answer)) : checkChallenge(answer);
}

async function waitFor(
  answer: Promise<ScopeChallenge | undefined>,
): Promise<ScopeChallenge | undefined> {
  const challenge = await withTimeout(answer, TIMEOUT_MS);
  if (challenge !== TIMED_OUT) return checkChallenge(challenge);
  throw new McpSseError(
    "temporarily_unavailable",
    "Whether the credential permits this cannot be checked at the moment: try again.",
    {
      headers: retryAfter(),
      cause: new Error(`a scope challenge was not decided within ${TIMEOUT_MS} ms`),
    },
  );
}

function checkChallenge(answer: ScopeChallenge | undefined): ScopeChallenge | undefined {
  if (answer === undefined) return undefined;
  // Users without TypeScript answer anything.
  const { scopes } = (answer as Partial<ScopeChallenge> | null) ?? {};
  if (Array.isArray(scopes) && scopes.length > 0 && scopes.every(isScope)) return answer;
  throw new TypeError("a scope challenge must be { scopes: [one or more] } or undefined");
}

/**
 * URL of the document that tells a caller where to get a better token, as far as the guard in
 * front of a transport has left word of it.
 *
 * @see RFC 9728, section 3.1
 */
export function documentOf(authInfo: AuthInfo | undefined): string | undefined {
  const { resourceMetadataUrl: url, resource } = (authInfo ?? {}) as {
    resourceMetadataUrl?: unknown;
    resource?: unknown;
  };
  if (typeof url === "string") return url;
  if (!(resource instanceof URL) || !/^https?:$/.test(resource.protocol)) return undefined;
  const { origin, pathname, search } = resource;
  return `${origin}${WELL_KNOWN_PATH}${pathname === "/" ? "" : pathname}${search}`;
}
