import { METHOD_NOT_FOUND } from "../../shared/json-rpc.js";
import { isAnswered, isSuccess } from "../ask.js";
import type { Answered } from "../contract.js";
import type { Evidence, Finder } from "../evidence.js";
import { shownUrl } from "../fingerprint.js";
import { jsonText } from "../json-text.js";
import { jsonIn } from "../messages.js";
import { endpointOf } from "../stream-evidence.js";
import { quoted, told } from "../words.js";
import { hasLostSome } from "./replicas.js";
import { parseUrl } from "../../shared/url.js";

/** What servers say whose body another read before them: JSON-RPC's parse error (-32700) among it, of what is good JSON. */
const BODY_READ =
  /stream is not readable|message_unreadable|already (?:been )?(?:read|consumed)|"code": ?-32700\b/i;

const TOO_LARGE = {
  cause:
    "A limit before the server: `express.json()` takes 100 kB unless it is told otherwise, and nginx what `client_max_body_size` says.",
  change:
    "Raise the limit of whatever answered, or keep it away from the MCP paths. With express-mcp-sse the endpoint's own limit is option `maxMessageSize`, 4 MB by default; `express.json()` needs not to be there.",
};

const DROPPED = {
  cause:
    "The credential does not reach the server with POSTs: a proxy drops the header for them, or the app asks for another one there.",
  change:
    "Pass the header on for every method (nginx: look for `proxy_set_header Authorization`), and have one middleware authenticate GET and POST.",
};

/** What is wrong with the messages that are posted to the endpoint of a stream. */
export const MESSAGES: readonly Finder[] = [
  {
    id: "endpoint-prefix-lost",
    severity: "error",
    docs: "troubleshooting.md#behind-a-proxy",
    step: "messages",
    hides: ["post-not-found", "post-refused"],
    look: (evidence) => {
      const prefix = lostPrefix(evidence);
      const reply = refusal(
        evidence,
        (status) => status >= 300 && ![401, 413, 429].includes(status),
      );
      if (prefix === undefined || reply === undefined) return undefined;
      return {
        seen: `The stream at ${evidence.stream?.reply.url.pathname ?? ""} says that messages are posted to ${reply.url.pathname}. ${told(reply)}`,
        cause: `A proxy takes ${prefix} away from the path before the server sees it, and the server names its endpoint without it.`,
        change: `With express-mcp-sse: option \`publicUrl\`, with ${prefix} in it; or let the proxy send \`X-Forwarded-Prefix: ${prefix}\`, with \`trust proxy\` set. With the SDK's \`SSEServerTransport\`: give it the whole path that clients see.`,
      };
    },
  },
  {
    id: "post-not-found",
    severity: "error",
    docs: "troubleshooting.md#messages-and-sessions",
    step: "messages",
    hides: ["post-refused"],
    look: (evidence) => {
      const reply = refusal(evidence, (status) => [404, 405, 410].includes(status));
      if (reply === undefined || hasLostSome(evidence, "HTTP+SSE")) return undefined;
      return {
        seen: saidIn(reply),
        cause:
          "The server does not know the session of its own stream, or nothing takes POSTs at this path: a proxy or the app sends GET and POST to different places.",
        change:
          "Let GET and POST of all paths below the mount reach the same server. With several processes: option `cluster`, or route each client to one of them.",
      };
    },
  },
  {
    id: "post-credential-lost",
    severity: "error",
    docs: "troubleshooting.md#no-connection",
    step: "messages",
    hides: ["post-refused"],
    look: (evidence) => {
      const reply = refusal(evidence, (status) => status === 401);
      if (reply === undefined || evidence.target.credentials.length === 0) return undefined;
      const seen = `GET of the stream was let in, and with the same credential ${saidIn(reply)}`;
      return { seen, ...(lostFromQuery(reply, evidence) ?? DROPPED) };
    },
  },
  {
    id: "post-too-large",
    severity: "error",
    docs: "troubleshooting.md#messages-and-sessions",
    step: "messages",
    hides: ["post-refused"],
    look: (evidence) => {
      const reply = refusal(evidence, (status) => status === 413);
      return reply && { seen: saidIn(reply), ...TOO_LARGE };
    },
  },
  {
    id: "post-body-read",
    severity: "error",
    docs: "troubleshooting.md#messages-and-sessions",
    step: "messages",
    hides: ["post-refused", "initialize-refused"],
    look: ({ messages, streamable }) => {
      const replies = [messages?.initialize, streamable?.initialize].filter(isAnswered);
      const reply = replies.find(isBodyRead);
      if (reply === undefined) return undefined;
      return {
        seen: saidIn(reply),
        cause: "Something in the app reads the body before the MCP server, which finds none.",
        change:
          "Mount the MCP routes before whatever reads bodies. With express-mcp-sse `express.json()` may be there, since its `req.body` is taken. In a server of your own on the SDK's transports: `handlePostMessage(req, res, req.body)`, `handleRequest(req, res, req.body)`.",
      };
    },
  },
  {
    id: "post-media-type",
    severity: "error",
    docs: "troubleshooting.md#messages-and-sessions",
    step: "messages",
    hides: ["post-refused"],
    look: (evidence) => {
      const reply = refusal(evidence, (status) => [406, 415].includes(status));
      return (
        reply && {
          seen: saidIn(reply),
          cause:
            "A proxy or the app changes Content-Type or Accept, or the server takes another form than JSON: the doctor sent application/json, as clients do.",
          change: "Pass Content-Type and Accept on unchanged.",
        }
      );
    },
  },
  {
    id: "post-redirected",
    severity: "error",
    docs: "troubleshooting.md#behind-a-proxy",
    step: "messages",
    hides: ["post-refused"],
    look: (evidence) => {
      const reply = refusal(evidence, (status) => status >= 300 && status < 400);
      return (
        reply && {
          seen: `${told(reply)} Location: ${locationOf(reply)}`,
          cause:
            "A proxy or the app redirects POSTs: to https, or to a path with a slash at its end. Many clients do not follow, or follow without the credential.",
          change:
            "Have the endpoint event name the URL to which it leads (with express-mcp-sse: option `publicUrl`), or take the redirect away for the MCP paths.",
        }
      );
    },
  },
  {
    id: "post-refused",
    severity: "error",
    docs: "troubleshooting.md#status-codes",
    step: "messages",
    look: (evidence) => {
      const { messages } = evidence;
      if (messages?.initialize.kind === "unanswered" && messages.answer === undefined) {
        return {
          seen: told(messages.initialize),
          cause:
            "The stream opens, and POSTs to its endpoint get no answer: a proxy or a firewall lets only GETs through, or the server hangs.",
          change: "Look whether the POST reaches the server, by its log.",
        };
      }
      const reply = refusal(evidence, () => true);
      if (reply === undefined || hasLostSome(evidence, "HTTP+SSE")) return undefined;
      return {
        seen: saidIn(reply),
        cause:
          "The stream opens, and messages to its endpoint are refused, by the server or by what stands before it.",
        change:
          "Look into the server's log: each refusal is a line with its reason. If there is none, a proxy refused it.",
      };
    },
  },
  {
    id: "answer-in-post",
    severity: "error",
    docs: "troubleshooting.md#messages-and-sessions",
    step: "messages",
    hides: ["answer-missing"],
    look: (evidence) => {
      const reply = taken(evidence);
      if (reply === undefined || jsonIn(reply.text)?.["result"] === undefined) return undefined;
      return {
        seen: `${told(reply)} The answer to \`initialize\` is in it, and did not come on the stream.`,
        cause:
          "The server mixes two wires: in HTTP+SSE every answer goes over the stream, and that of the POST is 202 without content.",
        change: "Send answers as events `message` of the session's stream.",
      };
    },
  },
  {
    id: "answer-missing",
    severity: "error",
    docs: "troubleshooting.md#messages-and-sessions",
    step: "messages",
    look: (evidence) => {
      const reply = taken(evidence);
      if (reply === undefined) return undefined;
      const end = evidence.messages?.hasEnded === true ? " The stream has ended." : "";
      return {
        seen: `${told(reply)} No answer to \`initialize\` came on the stream within ${evidence.target.timeoutMs / 1000} s.${end}`,
        cause:
          "Another process took the message than the one that has the stream: several share the port or stand behind a balancer, and none says that it does not know the session. Or a proxy keeps events back after the first.",
        change:
          "Let all requests of a session reach one process (with express-mcp-sse: option `cluster`, then any of them may), and turn buffering off.",
      };
    },
  },
  {
    id: "tools-refused",
    severity: "warning",
    docs: "troubleshooting.md#messages-and-sessions",
    step: "messages",
    look: ({ messages, target }) => {
      const { tools, listed } = messages ?? {};
      if (!isAnswered(tools) || hasNoTools(messages?.answer, listed)) return undefined;
      const why = isSuccess(tools) ? whyNotListed(listed, target.timeoutMs) : quoted(tools.text);
      if (why === undefined) return undefined;
      return {
        seen: `\`initialize\` was answered, \`tools/list\` was not: ${told(tools)} ${why}`,
        cause:
          "The caller is let in, and may not list tools: the credential lacks a scope, or a policy forbids it. Or the server's own code failed.",
        change:
          "Show a credential with the scope that the answer names. With express-mcp-sse: look at `policy`, and at the line of the log.",
      };
    },
  },
  {
    id: "large-message",
    severity: "warning",
    docs: "troubleshooting.md#messages-and-sessions",
    step: "messages",
    look: ({ messages, streamable }) => {
      const replies = [messages?.large, streamable?.large].filter(isAnswered);
      const large = replies.find(({ status }) => status === 413);
      if (large === undefined) return undefined;
      return { seen: `A message of 150 KiB: ${saidIn(large)}`, ...TOO_LARGE };
    },
  },
];

/** The refusal of the first message. */
function refusal(
  { messages }: Evidence,
  isMeant: (status: number) => boolean,
): Answered | undefined {
  const reply = messages?.initialize;
  return isAnswered(reply) && !isSuccess(reply) && isMeant(reply.status) ? reply : undefined;
}

/** The first message's reply, where it was taken and no answer came. */
function taken({ messages }: Evidence): Answered | undefined {
  const reply = messages?.initialize;
  const isMissing = isAnswered(reply) && isSuccess(reply) && messages?.answer === undefined;
  return isMissing ? reply : undefined;
}

/** Whether a server did not get the body that was sent. */
function isBodyRead({ status, text }: Answered): boolean {
  return (status === 400 || status === 500) && BODY_READ.test(text);
}

/** What was answered, with the words of whoever did. */
function saidIn(reply: Answered): string {
  return reply.text.trim() === "" ? told(reply) : `${told(reply)} ${quoted(reply.text)}`;
}

/** What happens to a key in the URL whose endpoint does not repeat it. */
function lostFromQuery({ url }: Answered, { target }: Evidence): typeof DROPPED | undefined {
  const lost = target.credentials.find(
    (each) => each.kind === "query" && !url.searchParams.has(each.name),
  );
  return (
    lost && {
      cause:
        "The endpoint event does not repeat the key of the stream's URL, and clients post to the endpoint as it is.",
      change:
        "Send the key in a header. Where clients cannot, repeat it in the endpoint event, as express-mcp-sse does with option `queryParam`.",
    }
  );
}

/** The first part of the stream's path, where the endpoint is not below it. */
function lostPrefix(evidence: Evidence): string | undefined {
  const endpoint = endpointOf(evidence.stream);
  const [, first = "", ...rest] = evidence.stream?.reply.url.pathname.split("/") ?? [];
  if (endpoint === undefined || first === "" || rest.length === 0) return undefined;
  return endpoint.pathname.startsWith(`/${first}/`) ? undefined : `/${first}`;
}

function locationOf({ headers, url }: Answered): string {
  const location = parseUrl(headers.get("location") ?? "", url);
  return location === undefined ? "none" : shownUrl(location);
}

/** Whether a server says that it has no tools, in one of two ways. */
function hasNoTools(answer: unknown, listed: unknown): boolean {
  const { result } = (answer ?? {}) as { result?: { capabilities?: { tools?: unknown } } };
  const { error } = (listed ?? {}) as { error?: { code?: unknown } };
  return result?.capabilities?.tools === undefined || error?.code === METHOD_NOT_FOUND;
}

/** Why there is no list although it was asked for. */
function whyNotListed(listed: unknown, timeoutMs: number): string | undefined {
  if (listed === undefined) return `No answer came on the stream within ${timeoutMs / 1000} s.`;
  const { error } = listed as { error?: unknown };
  return error === undefined ? undefined : quoted(jsonText(error));
}
