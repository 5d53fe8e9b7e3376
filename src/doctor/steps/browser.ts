import type { AskInit } from "../contract.js";
import { endSession } from "../end-session.js";
import type { BrowserEvidence, Evidence } from "../evidence.js";
import { ACCEPT, initializeRequest, untilAnswered } from "../messages.js";
import type { Step, Visit } from "../step.js";
import { isReached } from "../visit.js";
import { inShort } from "../words.js";

/** How a browser's page asks over one wire. */
interface PageRequest {
  readonly wire: BrowserEvidence["wire"];
  readonly url: URL;
  readonly init: AskInit;
}

/** What a page of another site is told, on each wire that there is: a browser asks first whether it may ask. */
export const browser: Step<"browser"> = {
  name: "browser",
  title: "As a page in a browser",
  isNeeded: ({ evidence }) => evidence.target.origin !== undefined && isReached(evidence),
  async gather(visit) {
    const { origin = "" } = visit.evidence.target;
    const found: BrowserEvidence[] = [];
    for (const page of pageRequests(visit.evidence)) {
      found.push(await visitAsPage(visit, page, origin));
    }
    return found;
  },
  describe: (wires) => ({
    text: wires
      .map(({ wire, preflight, actual }) => {
        return `${wire}: OPTIONS ${inShort(preflight)}, ${actual.method} ${inShort(actual)}`;
      })
      .join("; "),
  }),
};

/** The request that begins a conversation, on each wire that works; on that of the typed URL where none does. */
function pageRequests({ target, stream, streamable }: Evidence): PageRequest[] {
  const sse: PageRequest = {
    wire: "HTTP+SSE",
    url: stream?.reply.url ?? target.url,
    init: { headers: { accept: "text/event-stream" }, until: hasEvent },
  };
  const post: PageRequest = {
    wire: "Streamable HTTP",
    url: target.url,
    init: {
      method: "POST",
      headers: { accept: ACCEPT },
      body: initializeRequest(1),
      until: untilAnswered(1),
    },
  };
  const hasPost = streamable?.answer !== undefined;
  return [...(stream?.endpoint !== undefined || !hasPost ? [sse] : []), ...(hasPost ? [post] : [])];
}

/** A stream is let go as soon as it says something; a refusal is read whole. */
function hasEvent(text: string): boolean {
  return /\r?\n\r?\n/.test(text);
}

async function visitAsPage(
  { ask, evidence: { target } }: Visit,
  { wire, url, init }: PageRequest,
  origin: string,
): Promise<BrowserEvidence> {
  const preflight = await ask(url, {
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": requestHeaders(target.credentials, wire).join(","),
    },
  });
  const withOrigin = { ...init, headers: { ...init.headers, origin } };
  const stranger = await ask(url, withOrigin);
  const actual = await ask(url, { ...withOrigin, isAuthorized: true });
  await endSession(ask, stranger, { headers: { origin } });
  await endSession(ask, actual, { headers: { origin }, isAuthorized: true });
  return { wire, preflight, actual, stranger };
}

/** What a page's request has in its head that no simple form could send: sorted, in small letters. */
export function requestHeaders(
  credentials: Evidence["target"]["credentials"],
  wire: BrowserEvidence["wire"],
): string[] {
  const shown = credentials.flatMap((each) => {
    if (each.kind === "bearer") return ["authorization"];
    return each.kind === "header" ? [each.name.toLowerCase()] : [];
  });
  const session = wire === "Streamable HTTP" ? ["mcp-session-id"] : [];
  const names = ["content-type", "last-event-id", "mcp-protocol-version", ...session, ...shown];
  return [...new Set(names)].sort();
}
