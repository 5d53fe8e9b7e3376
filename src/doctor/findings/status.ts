import { isSuccess } from "../ask.js";
import type { Answered, Reply } from "../contract.js";
import type { Evidence, Finder } from "../evidence.js";
import { codeIn, errorOf, isEventStream, messageIn, typeOf } from "../messages.js";
import { getReply, postReply, speaksAny } from "../spoken.js";
import { wantsCredential } from "../visit.js";
import { quoted, told } from "../words.js";

/** What a status says, where no client of any wire can talk to the server. */
interface StatusRule {
  readonly id: string;
  readonly docs: string;
  readonly is: (reply: Answered, evidence: Evidence) => boolean;
  readonly cause: string | ((reply: Answered) => string);
  readonly change: string | ((reply: Answered) => string);
}

const RULES: readonly StatusRule[] = [
  {
    id: "server-unavailable",
    docs: "doctor.md#the-server-does-not-answer",
    is: (reply) => reply.status === 503 && codeIn(reply) !== undefined,
    cause: (reply) =>
      UNAVAILABLE.get(codeIn(reply) ?? "") ?? "The server says that it cannot answer now.",
    change:
      "Look at the server's log: it has a line with the reason. Try again after `Retry-After`.",
  },
  {
    id: "proxy-without-server",
    docs: "doctor.md#the-server-does-not-answer",
    is: ({ status }) => [502, 503, 504].includes(status),
    cause:
      "A proxy answers instead of the server: the server is not running, the proxy looks for it at another address, or its answer takes longer than the proxy waits.",
    change:
      "Ask the server past the proxy. If it answers there, compare the proxy's upstream address and port with what the server says when it starts; in a container it listens on 0.0.0.0.",
  },
  {
    id: "server-error",
    docs: "doctor.md#the-server-does-not-answer",
    is: ({ status }) => status >= 500,
    cause:
      "The server failed while it answered. With express-mcp-sse: `createServer` or `setup` threw, or returned the same server twice.",
    change:
      "Look at the server's log: it has the error. Make a new server of the SDK for each session.",
  },
  {
    id: "throttled",
    docs: "doctor.md#too-many-requests",
    is: ({ status }) => status === 429,
    cause: (reply) =>
      codeIn(reply) === "too_many_failures"
        ? "Too many bad credentials came from this address. Behind a proxy that may be the proxy's, which everybody has."
        : "The server, or a proxy before it, lets nobody ask this often; or the caller has as many sessions as it may.",
    change: (reply) =>
      codeIn(reply) === "too_many_failures"
        ? "Wait for `Retry-After`. Behind a proxy set Express's `trust proxy`, so that each caller has an address of its own."
        : 'Wait for `Retry-After`, and look which limit it is. With express-mcp-sse: `sessions.maxSessionsPerPrincipal`, and `app.set("trust proxy", …)` so that callers are told apart.',
  },
  {
    id: "message-too-large",
    docs: "doctor.md#messages-that-are-refused",
    is: ({ status }) => status === 413,
    cause: "A limit below 300 bytes: that is how long the refused message was.",
    change:
      "Raise the limit of `express.json()`, or of the proxy (nginx: `client_max_body_size`). With express-mcp-sse: option `maxMessageSize`.",
  },
  {
    id: "content-type-refused",
    docs: "doctor.md#messages-that-are-refused",
    is: ({ status }) => status === 415,
    cause:
      "The server does not take application/json, which every MCP client sends: this is another service, or a proxy changes or drops `Content-Type`.",
    change:
      "Compare what the server gets with what was sent: a POST with `Content-Type: application/json`.",
  },
  {
    id: "accept-refused",
    docs: "doctor.md#messages-that-are-refused",
    is: ({ status }) => status === 406,
    cause:
      "The request took both application/json and text/event-stream, and the server did not see that: a proxy or a middleware changes `Accept`.",
    change: "Pass the header `Accept` on as it is.",
  },
  {
    id: "page-instead",
    docs: "doctor.md#not-an-mcp-endpoint",
    is: (reply, evidence) => isPage(reply) || isPage(getReply(evidence)),
    cause:
      "A web page is at this URL: the app's own, or the page that a single-page app or a proxy gives for every path that it does not know.",
    change:
      "Find the path at which the MCP server is mounted, and keep the app's fallback page away from it: mount the server before it.",
  },
  {
    id: "messages-url",
    docs: "doctor.md#not-an-mcp-endpoint",
    is: ({ url }) => /\/messages?\/?$/.test(url.pathname),
    cause:
      "This is where clients of HTTP+SSE post their messages. They are given the URL of the stream, which tells them where to post.",
    change: "Give clients the stream's URL, which often ends with /sse.",
  },
  {
    id: "one-session-only",
    docs: "doctor.md#not-an-mcp-endpoint",
    is: (reply) => /already initialized/i.test(errorIn(reply) ?? ""),
    cause:
      "One transport of the SDK serves all clients: the first to come has it, and nobody else gets in until the server starts again.",
    change:
      "Make a transport and a server for each session. With express-mcp-sse `createServer` does it.",
  },
  {
    id: "wrong-path",
    docs: "doctor.md#not-an-mcp-endpoint",
    is: ({ status }, { stranger }) => status === 404 && statusIn(stranger?.get) === 404,
    cause:
      "Nothing is at this path, neither for GET nor for POST: the path is misspelt, the server is mounted elsewhere, or a proxy takes a prefix away.",
    change:
      "Compare the path with where the server is mounted. The usual places are /mcp, and /sse or /mcp/sse for older clients.",
  },
  {
    id: "method-refused",
    docs: "doctor.md#not-an-mcp-endpoint",
    is: ({ status }, evidence) => status === 405 && statusIn(getReply(evidence)) === 405,
    cause:
      "The path is there, and takes neither POST, by which messages come, nor GET, by which streams begin.",
    change:
      "Look which methods the app or the proxy lets through at this path: MCP needs GET, POST and DELETE.",
  },
  {
    id: "initialize-refused",
    docs: "doctor.md#messages-that-are-refused",
    is: (reply) => errorIn(reply) !== undefined,
    cause: (reply) =>
      `The server answered the first message, \`initialize\`, with an error: ${quoted(errorIn(reply) ?? "")}`,
    change:
      "Look at the server's log. A server that knows no `initialize` of 2025-11-25 answers with a version that it knows, and with no error.",
  },
  {
    id: "no-json-rpc",
    docs: "doctor.md#not-an-mcp-endpoint",
    is: (reply) => isSuccess(reply) && !isEventStream(reply),
    cause:
      "Something answers POSTs at this URL, and not as MCP does: the answer to `initialize` is no JSON-RPC message.",
    change:
      "Find the path at which the MCP server is mounted. A gateway that wraps answers, or a catch-all route before it, looks like this.",
  },
  {
    id: "call-unanswered",
    docs: "doctor.md#messages-that-are-refused",
    is: (reply) => reply.status === 200 && isEventStream(reply),
    cause:
      "The server began an event stream as its answer to `initialize`, and the answer did not come on it: the server hangs, or a proxy holds the stream back.",
    change:
      "Look at the server's log. Behind a proxy: no buffering and no compression for text/event-stream (nginx: `proxy_buffering off`).",
  },
  {
    id: "not-mcp",
    docs: "doctor.md#not-an-mcp-endpoint",
    is: () => true,
    cause: "Nothing at this URL speaks MCP, over any wire.",
    change:
      "Find the path at which the MCP server is mounted, and look at the server's log for what became of these requests.",
  },
];

/** What our codes of 503 mean. */
const UNAVAILABLE: ReadonlyMap<string, string> = new Map([
  [
    "temporarily_unavailable",
    "What checks credentials failed or was too slow: the key set's host, the issuer, `verify`, or the Passport strategy.",
  ],
  ["policy_unavailable", "A rule of `policy` failed or was too slow."],
  ["server_full", "The server has as many sessions as `sessions.maxSessions` lets it have."],
  ["shutting_down", "The server is stopping."],
  ["server_unavailable", "`createServer` took too long, or the session's server has gone."],
]);

/** By what a server answers those whom no wire lets in. One of them at most. */
export const STATUS: readonly Finder[] = RULES.map((rule, place) => ({
  id: rule.id,
  severity: "error",
  docs: rule.docs,
  step: "streamable",
  hides: ["credential-refused"],
  look: (evidence) => {
    const reply = deadEnd(evidence);
    if (reply === undefined || RULES.findIndex(({ is }) => is(reply, evidence)) !== place) {
      return undefined;
    }
    return {
      seen: seenIn(reply, evidence),
      cause: said(rule.cause, reply),
      change: said(rule.change, reply),
    };
  },
}));

/** The answer to `initialize` where nobody can talk; not where other finders judge. */
function deadEnd(evidence: Evidence): Answered | undefined {
  const reply = postReply(evidence);
  if (reply?.kind !== "answered" || speaksAny(evidence) || lacksCredential(evidence)) {
    return undefined;
  }
  const get = getReply(evidence);
  if (isStreamAlone(reply, get) || isOfCredential(reply, evidence)) return undefined;
  const statuses = [reply.status, statusIn(get) ?? 0];
  return statuses.some(isForOthers) ? undefined : reply;
}

function seenIn(reply: Answered, evidence: Evidence): string {
  const nearby = evidence.stranger?.nearby?.filter(isThere) ?? [];
  const places = nearby.map(({ url, status }) => `${url.pathname} (${status})`);
  const hint = places.length > 0 ? ` Of the usual places there are: ${places.join(", ")}.` : "";
  const code = codeIn(reply);
  const get = getReply(evidence);
  return (
    [told(reply), code && `Its code is ${quoted(code)}.`, get && told(get)]
      .filter(Boolean)
      .join(" ") + hint
  );
}

/** Strangers are turned away, as they should be, and nobody else asked. */
function lacksCredential(evidence: Evidence): boolean {
  return evidence.target.credentials.length === 0 && wantsCredential(evidence);
}

/** What is said only to somebody with a credential is a finding of that. */
function isOfCredential(reply: Answered, { target }: Evidence): boolean {
  const codes = ["too_many_failures", "temporarily_unavailable"];
  return target.credentials.length > 0 && codes.includes(codeIn(reply) ?? "");
}

/** Redirects, and what is said to somebody without the right credential. */
function isForOthers(status: number): boolean {
  return (status >= 300 && status < 400) || status === 401 || status === 403;
}

/**
 * Whether this looks like a server of HTTP+SSE alone: something begins, or is waited for, at GET, and POST is not
 * taken. What is wrong with a stream is for those to say who know streams.
 */
function isStreamAlone(post: Answered, get: Reply | undefined): boolean {
  if (get === undefined || isPage(get)) return false;
  if (get.kind === "answered" && get.status === 200 && isEventStream(get)) return true;
  const isBegun = get.kind === "unanswered" || get.status === 200;
  return isBegun && [400, 404, 405].includes(post.status);
}

function isPage(reply: Reply | undefined): boolean {
  if (reply?.kind !== "answered" || reply.status !== 200) return false;
  return /^(?:text\/html|application\/xhtml)/.test(typeOf(reply));
}

/** Whether a place may be the right one: what is not there says 404, and what fails says nothing. */
function isThere(reply: Reply): reply is Answered {
  return reply.kind === "answered" && reply.status < 500 && reply.status !== 404;
}

function statusIn(reply: Reply | undefined): number | undefined {
  return reply?.kind === "answered" ? reply.status : undefined;
}

/** What a JSON-RPC error says. */
function errorIn({ text }: Answered): string | undefined {
  const message = errorOf(messageIn(text))?.["message"];
  return typeof message === "string" ? message : undefined;
}

function said(text: StatusRule["cause"], reply: Answered): string {
  return typeof text === "string" ? text : text(reply);
}
