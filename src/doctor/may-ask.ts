import { isLocalToNode, isSecureUrl } from "../shared/loopback.js";

/**
 * Why a URL may not be asked; `undefined` if it may.
 *
 * Security decision: documents of the examined server name other URLs, and whoever wrote them chose these. Another
 * origin gets a GET that shows nothing, over https, so that nobody on the way writes its answer. And only a server of
 * this machine may name something of this machine: a stranger's document must not have its reader ask what listens
 * here.
 *
 * @param typed the URL that is examined, which its user wrote.
 */
export function whyNotAsked(url: URL, method: string, typed: URL): string | undefined {
  if (url.username !== "" || url.password !== "") return "It has a user name or a password in it.";
  if (isSameOrigin(url, typed)) return undefined;
  if (method !== "GET") return "It is of another origin, which is only read from.";
  if (!isSecureUrl(url)) return "It is of another origin, and not https.";
  if (isLocalToNode(url.hostname) && !isLocalToNode(typed.hostname)) {
    return "It is on this machine, and what named it is not.";
  }
  return undefined;
}

/**
 * Whether a URL gets the target's credentials.
 *
 * Security decision: only the origin that the user typed gets them: scheme, host and port. What a redirect, an endpoint
 * event or a document names never does, on whatever port of the same host it is.
 *
 * @see RFC 6454, section 5
 */
export function isSameOrigin(url: URL, typed: URL): boolean {
  // The origin of what is neither http nor https is the text "null", which would be equal to any other.
  return /^https?:$/.test(url.protocol) && url.origin === typed.origin;
}
