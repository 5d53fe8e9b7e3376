import { isAnswered } from "./ask.js";
import type { Evidence } from "./evidence.js";

/** Whether anything answers at the URL. */
export function isReached({ stranger }: Evidence): boolean {
  return isAnswered(stranger?.get) || isAnswered(stranger?.post);
}

/** Whether strangers are turned away for having no credential. @see RFC 9110, sections 15.5.2 and 15.5.4 */
export function wantsCredential({ stranger, target }: Evidence): boolean {
  const { pathname } = streamBelow(target.url);
  // Of a server of HTTP+SSE alone, that is asked at its mount.
  const stream = stranger?.nearby?.find(({ url }) => url.pathname === pathname);
  return [stranger?.get, stranger?.post, stream].some(
    (reply) => isAnswered(reply) && (reply.status === 401 || reply.status === 403),
  );
}

/** Whether it is worth while to talk as a client: something answers, and there is what it wants, or it wants nothing. */
export function canTalk(evidence: Evidence): boolean {
  const { credentials } = evidence.target;
  return isReached(evidence) && (credentials.length > 0 || !wantsCredential(evidence));
}

/** The URL of another path of the same origin, with the same query. */
export function at(url: URL, path: string): URL {
  const result = new URL(url);
  result.pathname = path;
  return result;
}

/** Where a router of ours has the stream of HTTP+SSE. */
export function streamBelow(url: URL): URL {
  return below(url, "/sse");
}

/** The URL of something below another, with the same query. */
export function below(url: URL, path: string): URL {
  return at(url, url.pathname.replace(/\/$/, "") + path);
}
