import type { Answered } from "../contract.js";
import type { Evidence, Finder } from "../evidence.js";
import { shownUrl } from "../fingerprint.js";
import { getReply, postReply, speaksAny } from "../spoken.js";
import { told } from "../words.js";
import { parseUrl } from "../../shared/url.js";

/** Where a redirect leads, of what kind that is. */
type Kind = "redirect-https" | "redirect-slash" | "redirect-login" | "redirect";

const ADVICE: Readonly<Record<Kind, { readonly cause: string; readonly change: string }>> = {
  "redirect-https": {
    cause:
      "The server or its proxy sends everybody on http to https. Most clients follow with GET only, and drop the message or the credential on the way.",
    change:
      "Give clients the https URL. A credential that was sent over http is known to everybody on the way: replace it.",
  },
  "redirect-slash": {
    cause:
      "The app or its proxy adds or removes the slash at the end of the path, and clients do not send messages after it.",
    change:
      "Give clients the URL with exactly the path that is redirected to; or turn the rule off for this path (nginx: a `location` without the slash; FastAPI: `redirect_slashes=False`).",
  },
  "redirect-login": {
    cause:
      "A login page for people stands in front: a proxy or a middleware for browsers sends those without a cookie there.",
    change:
      "Take the MCP paths out of it, or put them before it, and let the server itself answer 401. With express-mcp-sse: mount the router before session and login middleware.",
  },
  redirect: {
    cause:
      "The URL has moved, or a proxy sends requests elsewhere. Clients follow with a POST to the same origin only, if at all.",
    change: "Give clients the URL that is redirected to, if it is the right one.",
  },
};

/** Clients are sent elsewhere. */
export const REDIRECT: readonly Finder[] = (Object.keys(ADVICE) as Kind[]).map((kind) => ({
  id: kind,
  severity: "error",
  docs: "doctor.md#redirects",
  step: "stranger",
  look: (evidence) => {
    const found = redirectIn(evidence);
    if (found?.kind !== kind) return undefined;
    return { seen: `${told(found.reply)} It leads to ${shownUrl(found.to)}`, ...ADVICE[kind] };
  },
}));

interface Redirect {
  readonly reply: Answered;
  readonly to: URL;
  readonly kind: Kind;
}

/** Where nobody can talk, a redirect of messages, or else of the stream, is why. */
function redirectIn(evidence: Evidence): Redirect | undefined {
  if (speaksAny(evidence)) return undefined;
  for (const reply of [postReply(evidence), getReply(evidence)]) {
    if (reply?.kind !== "answered" || reply.status < 300 || reply.status > 399) continue;
    const location = reply.headers.get("location");
    const to = location === null ? undefined : parseUrl(location, reply.url);
    if (to === undefined) continue;
    return { reply, to, kind: kindOf(reply.url, to) };
  }
  return undefined;
}

function kindOf(from: URL, to: URL): Kind {
  const isSamePath = bare(from) === bare(to);
  if (from.hostname === to.hostname && isSamePath) {
    if (from.protocol === "http:" && to.protocol === "https:") return "redirect-https";
    if (from.pathname !== to.pathname) return "redirect-slash";
  }
  const isLogin = /log[-_]?in|sign[-_]?in|\bauth|\bsso\b|oauth2?|saml/i;
  return isLogin.test(to.hostname + to.pathname) ? "redirect-login" : "redirect";
}

/** A path without the slash at its end. */
function bare({ pathname }: URL): string {
  return pathname.replace(/\/+$/, "");
}
