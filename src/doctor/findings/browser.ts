import { isAnswered, isSuccess } from "../ask.js";
import type { Answered, Reply } from "../contract.js";
import type { BrowserEvidence, Evidence, Finder, Observation } from "../evidence.js";
import { requestHeaders } from "../steps/browser.js";
import { quoted, statusOf, told } from "../words.js";

/** What servers answer to pages that may not call: ours, and the SDK's. */
const ORIGIN_REFUSED = /origin_not_allowed|invalid origin\b/i;

/** What a page that resumes needs, and no other. */
const FOR_RESUMING = "last-event-id";

/** What keeps a page of another site out. */
export const BROWSER: readonly Finder[] = [
  {
    id: "origin-not-allowed",
    severity: "error",
    docs: "troubleshooting.md#in-a-browser",
    step: "browser",
    hides: ["cors-not-allowed", "cors-headers", "cors-refusals"],
    look: (evidence) =>
      first(evidence, ({ preflight, actual, stranger }) => {
        const reply = [actual, stranger, preflight].find(isOriginRefused);
        return (
          reply && {
            seen: `With \`Origin: ${evidence.target.origin ?? ""}\`: ${told(reply)} ${quoted(reply.text)}`,
            cause:
              "The server lets pages of this origin not call, which protects people whose browser a page misuses.",
            change:
              "If the page may call: name its origin, exactly (scheme, host, port). With express-mcp-sse: `cors.allowOrigins`. With the SDK: `allowedOrigins`.",
          }
        );
      }),
  },
  {
    id: "cors-not-allowed",
    severity: "error",
    docs: "troubleshooting.md#in-a-browser",
    step: "browser",
    hides: ["cors-headers", "cors-refusals"],
    look: (evidence) =>
      first(evidence, ({ preflight, actual }) => {
        const replies = [preflight, actual].filter(isAnswered);
        const reply = replies.find((each) => !allows(each, evidence) || isRefusedPreflight(each));
        return (
          reply && {
            seen: `With \`Origin: ${evidence.target.origin ?? ""}\`: ${told(reply)} Access-Control-Allow-Origin: ${reply.headers.get("access-control-allow-origin") ?? "not there"}.`,
            cause: isRefusedPreflight(reply)
              ? `A browser asks first whether it may ask, without a credential, and gets ${statusOf(reply)}: authentication or a proxy stands before what answers such preflights.`
              : "The server does not say that pages of this origin may read its answers, so the browser keeps them from the page.",
            change:
              "With express-mcp-sse: name the origin in `cors.allowOrigins`; no other middleware is needed. Otherwise answer preflights before authentication (npm `cors`), and let no proxy take the headers away.",
          }
        );
      }),
  },
  {
    id: "cors-headers",
    severity: "error",
    docs: "troubleshooting.md#in-a-browser",
    step: "browser",
    look: (evidence) =>
      first(evidence, ({ wire, preflight }) => {
        if (!isAnswered(preflight)) return undefined;
        const missing = requestHeaders(evidence.target.credentials, wire).filter(
          (name) => name !== FOR_RESUMING && !allowsHeader(preflight, name),
        );
        if (missing.length === 0) return undefined;
        return {
          seen: `${told(preflight)} Access-Control-Allow-Headers: ${preflight.headers.get("access-control-allow-headers") ?? "not there"}. It lacks ${missing.join(", ")}.`,
          cause:
            "The browser refuses to send what the preflight does not allow. `*` stands for every header but `Authorization`.",
          change: `Allow them (npm \`cors\`: \`allowedHeaders\`), and \`Last-Event-ID\` for clients that come back. express-mcp-sse allows all that its clients and methods need.`,
        };
      }),
  },
  {
    id: "cors-not-exposed",
    severity: "error",
    docs: "troubleshooting.md#in-a-browser",
    step: "browser",
    look: (evidence) =>
      first(evidence, ({ actual }) =>
        isAnswered(actual) && hides(actual, "mcp-session-id")
          ? {
              seen: `${told(actual)} It has \`Mcp-Session-Id\`, and Access-Control-Expose-Headers: ${actual.headers.get("access-control-expose-headers") ?? "not there"}.`,
              cause:
                "The page cannot read the id of its session, and every further request gets 400 or 404.",
              change:
                'Expose it (npm `cors`: `exposedHeaders: ["Mcp-Session-Id", "WWW-Authenticate"]`). express-mcp-sse does.',
            }
          : undefined,
      ),
  },
  {
    id: "cors-refusals",
    severity: "warning",
    docs: "troubleshooting.md#in-a-browser",
    step: "browser",
    look: (evidence) =>
      first(evidence, ({ stranger }) => {
        if (!isAnswered(stranger) || stranger.status !== 401) return undefined;
        if (allows(stranger, evidence) && !hides(stranger, "www-authenticate")) return undefined;
        return {
          seen: `${told(stranger)} Access-Control-Allow-Origin: ${stranger.headers.get("access-control-allow-origin") ?? "not there"}; Access-Control-Expose-Headers: ${stranger.headers.get("access-control-expose-headers") ?? "not there"}.`,
          cause:
            "A page without a credential cannot read that it needs one, or where to get it (`WWW-Authenticate`): it sees a failure of the network.",
          change:
            "Send the CORS headers on refusals, too, and expose `WWW-Authenticate`: mount `cors` before authentication. express-mcp-sse does.",
        };
      }),
  },
];

/** The first wire with this fault. */
function first(
  { browser }: Evidence,
  look: (wire: BrowserEvidence) => Observation | undefined,
): Observation | undefined {
  for (const wire of browser ?? []) {
    const observation = look(wire);
    if (observation !== undefined) return observation;
  }
  return undefined;
}

function isOriginRefused(reply: Reply): reply is Answered {
  return isAnswered(reply) && reply.status === 403 && ORIGIN_REFUSED.test(reply.text);
}

/** Whether a page of the origin may read an answer. `*` is enough: clients send no cookies. */
function allows({ headers }: Answered, { target }: Evidence): boolean {
  const allowed = headers.get("access-control-allow-origin")?.trim();
  return allowed === "*" || allowed === target.origin;
}

/** @see Fetch Standard, section 4.8: a preflight's status must be ok. */
function isRefusedPreflight(reply: Answered): boolean {
  return reply.method === "OPTIONS" && !isSuccess(reply);
}

/** @see Fetch Standard, section 3.3.3 and 4.10: `*` does not stand for Authorization. */
function allowsHeader({ headers }: Answered, name: string): boolean {
  const allowed = namesIn(headers.get("access-control-allow-headers"));
  return allowed.includes(name) || (allowed.includes("*") && name !== "authorization");
}

/** Whether an answer has a header that pages must not read. */
function hides({ headers }: Answered, name: string): boolean {
  const exposed = namesIn(headers.get("access-control-expose-headers"));
  return headers.has(name) && !exposed.includes(name) && !exposed.includes("*");
}

function namesIn(field: string | null): string[] {
  return (field ?? "").split(",").map((name) => name.trim().toLowerCase());
}
