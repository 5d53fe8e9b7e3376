import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { linesWithout } from "../shared/raw-headers.js";
import { hasRepeatedAuthorization } from "./repeated-authorization.js";
import { revisionOf } from "./revision.js";
import type { AuthMethod, FoundCredential } from "./auth-method.js";
import type { Caller } from "./outcome.js";

/** A caller who was let in, for later requests with the very same credential. */
export interface CachedCaller {
  readonly caller: Caller;
  /** What each of the methods read that were asked. */
  readonly fingerprints: readonly Fingerprint[];
}

/** What a method reads of a request: its credential, or the whole request when it does not say. */
type Fingerprint = FoundCredential | WholeRequest | undefined;

/**
 * What a request came on, where it went to, and its header lines, each name before its value. The
 * connection is held weakly: it may end long before its session.
 */
interface WholeRequest {
  readonly connection: WeakRef<Socket>;
  readonly lines: readonly (string | undefined)[];
}

/** Keeps who sent a request, if the method that let the caller in allows that. */
export function cacheCaller(req: IncomingMessage, caller: Caller): CachedCaller | undefined {
  if (caller.revision === undefined) return undefined;
  const { methodsTried, credential } = caller;
  // The last of them has read it already.
  const fingerprints = methodsTried.map((method) =>
    method === methodsTried.at(-1)
      ? (credential ?? fingerprintOf(method, req))
      : fingerprintOf(method, req),
  );
  return { caller, fingerprints };
}

/**
 * The caller of a request, if it carries what was verified a while ago and nothing has happened
 * to that since; `undefined` when the methods must be asked.
 *
 * Security decision: every byte that they would read is compared. A method that does not say what
 * it reads may read the connection, such as the client's certificate, so there nothing counts but
 * the very same one. Expiry is checked each time, and so is the method's revision, since a cache
 * must not outlive a revocation that the method knows of: the one from when the credential was
 * verified, whatever has happened since. What is compared with is no new secret in memory: the
 * session has the request that opened it. And it is no oracle: without the session's id, which
 * cannot be guessed, no request gets here.
 *
 * @param forMs milliseconds for which a success may be relied on.
 */
export function cachedCaller(
  req: IncomingMessage,
  { caller, fingerprints }: CachedCaller,
  forMs: number,
): Caller | undefined {
  if (performance.now() - caller.verifiedAt >= forMs || hasLapsed(caller)) return undefined;
  // Which of the two counts is not for a cache to say.
  if (hasRepeatedAuthorization(req.rawHeaders)) return undefined;
  const isSameCaller = caller.methodsTried.every((method, index) =>
    isSameFingerprint(fingerprintOf(method, req), fingerprints[index]),
  );
  return isSameCaller ? caller : undefined;
}

/**
 * Whether what let a caller in has ended since, as far as that can be told without asking anybody:
 * it has expired, or its method knows of a revocation.
 */
export function hasLapsed({
  principal,
  methodsTried,
  info,
  revision,
  validUntil,
}: Caller): boolean {
  if (validUntil !== undefined && Date.now() >= validUntil) return true;
  if (principal === undefined || revision === undefined) return false;
  return revisionOf(methodsTried.at(-1), principal, info) !== revision;
}

function fingerprintOf(method: AuthMethod, req: IncomingMessage): Fingerprint {
  return method.findCredential === undefined ? wholeRequest(req) : method.findCredential(req);
}

function isSameFingerprint(now: Fingerprint, before: Fingerprint): boolean {
  if (now === undefined || before === undefined) return now === before;
  if (isWhole(now) || isWhole(before)) {
    return isWhole(now) && isWhole(before) && isSameWhole(now, before);
  }
  return now.text === before.text && now.name === before.name && now.place === before.place;
}

function isWhole(fingerprint: FoundCredential | WholeRequest): fingerprint is WholeRequest {
  return "lines" in fingerprint;
}

function isSameWhole(now: WholeRequest, before: WholeRequest): boolean {
  return (
    now.connection.deref() === before.connection.deref() &&
    now.lines.length === before.lines.length &&
    now.lines.every((line, index) => line === before.lines[index])
  );
}

/** All but the body's length, which differs with each message. */
function wholeRequest({ method, url, rawHeaders, socket }: IncomingMessage): WholeRequest {
  const lines = [method, url, ...linesWithout(rawHeaders, "content-length")];
  return { connection: new WeakRef(socket), lines };
}
