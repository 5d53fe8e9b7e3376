import { isAnswered } from "../ask.js";
import type { Answered, Unanswered } from "../contract.js";
import type { Evidence, Finder, StreamEvidence } from "../evidence.js";
import { shownUrl } from "../fingerprint.js";
import { isEventStream, typeOf } from "../messages.js";
import { endpointOf, hasEndpoint, isCompressed, isLate } from "../stream-evidence.js";
import { seconds, told } from "../words.js";

/** Any event in a text, whatever its type says. */
const ENDPOINT_EVENT = /^event: ?endpoint$/m;

/** What is wrong with the event stream of HTTP+SSE: how it comes, and where it says that messages go. */
export const STREAM: readonly Finder[] = [
  {
    id: "stream-held-by-compression",
    severity: "error",
    docs: "troubleshooting.md#late-events",
    step: "stream",
    hides: ["stream-held", "stream-silent", "stream-compressed"],
    look: ({ stream }) => {
      if (stream?.isPromptPlain !== true || !isLate(stream)) return undefined;
      return {
        seen: `${lateness(stream)} Without compression (Accept-Encoding: identity) its first event came at once.`,
        cause:
          "Something compresses the event stream, and keeps events back until it has enough to compress: a proxy, or the app's `compression` middleware.",
        change: `${NO_COMPRESSION} In Express: mount \`compression\` behind the MCP routes, or have its \`filter\` leave text/event-stream out; \`Cache-Control: no-transform\`, which express-mcp-sse sends, has it do so, too.`,
      };
    },
  },
  {
    id: "stream-held",
    severity: "error",
    docs: "troubleshooting.md#late-events",
    step: "stream",
    hides: ["stream-silent"],
    look: (evidence) => {
      const { stream } = evidence;
      if (stream === undefined || !isHeld(evidence, stream)) return undefined;
      return {
        seen: `${lateness(stream)} Other requests are answered at once.`,
        cause:
          "A proxy buffers the event stream: it passes nothing on before its buffer is full or the stream has ended. Or the server takes long to begin, or writes no head before there is something to say.",
        change:
          "Turn buffering off for this path. nginx: `proxy_buffering off;`, and no `proxy_ignore_headers X-Accel-Buffering`: express-mcp-sse sends `X-Accel-Buffering: no`, which nginx obeys otherwise. In a server of your own: `res.flushHeaders()`, and that header.",
      };
    },
  },
  {
    id: "stream-type",
    severity: "error",
    docs: "troubleshooting.md#late-events",
    step: "stream",
    look: ({ stream }) => {
      const reply = stream?.reply;
      if (!isAnswered(reply) || isEventStream(reply) || !ENDPOINT_EVENT.test(reply.text)) {
        return undefined;
      }
      return {
        seen: `${told(reply)} Its text is an event stream, and its Content-Type is "${typeOf(reply)}".`,
        cause: "The server or a proxy sets another Content-Type, and clients refuse such a stream.",
        change:
          "Have it answered with `Content-Type: text/event-stream`: look for a `default_type`, a header rule of the proxy, or middleware that sets the type.",
      };
    },
  },
  {
    id: "stream-ended",
    severity: "error",
    docs: "troubleshooting.md#late-events",
    step: "stream",
    look: (evidence) => {
      const reply = streamWithoutEndpoint(evidence);
      if (reply?.bodyEnd !== "whole" && reply?.bodyEnd !== "broken") return undefined;
      return {
        seen: `${told(reply)} It ended before it named its endpoint.`,
        cause:
          "The server is away, and a proxy answers for it. Or it runs where no answer may last, such as in functions of a cloud.",
        change:
          "Look whether the server runs, and what it logs. Streams need a server that stays, and a proxy that lets answers last.",
      };
    },
  },
  {
    id: "stream-silent",
    severity: "error",
    docs: "troubleshooting.md#late-events",
    step: "stream",
    look: (evidence) => {
      const reply = streamWithoutEndpoint(evidence);
      if (reply?.bodyEnd !== "late") return undefined;
      return {
        seen: `${told(reply)} No endpoint event came on it.`,
        cause:
          "A proxy passes the head of the stream on, and keeps its events back. Or this is no stream of HTTP+SSE, which begins with an endpoint event.",
        change:
          "Turn buffering off for this path (nginx: `proxy_buffering off;`), and compare the path with the one at which the server has its stream.",
      };
    },
  },
  {
    id: "endpoint-origin",
    severity: "error",
    docs: "troubleshooting.md#behind-a-proxy",
    step: "stream",
    look: (evidence) => {
      const endpoint = endpointOf(evidence.stream);
      const { stream } = evidence;
      if (stream === undefined || endpoint === undefined) return undefined;
      if (endpoint.origin === stream.reply.url.origin) return undefined;
      return {
        seen: `The stream at ${shownUrl(stream.reply.url)} says that messages are posted to ${shownUrl(endpoint)}.`,
        cause:
          "The server makes a whole URL of an address or a scheme that only it sees, behind a proxy. Clients post to no other origin than that of their stream, and close themselves.",
        change:
          "Have the server name a path without scheme and host, as express-mcp-sse and the SDK's `SSEServerTransport` do. Where it must be a whole URL, it must begin with the URL that clients use.",
      };
    },
  },
  {
    id: "endpoint-without-session",
    severity: "warning",
    docs: "troubleshooting.md#messages-and-sessions",
    step: "stream",
    look: (evidence) => {
      const endpoint = endpointOf(evidence.stream);
      if (endpoint === undefined || !hasEndpoint(evidence)) return undefined;
      if (namesSession(endpoint, evidence)) return undefined;
      return {
        seen: `The endpoint event names ${shownUrl(endpoint)}, without a session.`,
        cause:
          "The server keeps one session for everybody, or expects a cookie: clients send none, so answers may go to somebody else.",
        change:
          "Give each stream a session of its own and put its id into the endpoint event, as express-mcp-sse and the SDK's `SSEServerTransport` do (`?sessionId=…`).",
      };
    },
  },
  {
    id: "stream-compressed",
    severity: "warning",
    docs: "troubleshooting.md#late-events",
    step: "stream",
    look: ({ stream }) => {
      const reply = stream?.reply;
      if (!isAnswered(reply) || !isEventStream(reply) || !isCompressed(reply)) return undefined;
      return {
        seen: `GET ${shownUrl(reply.url)} was answered with Content-Encoding: ${reply.headers.get("content-encoding") ?? ""}.`,
        cause:
          "A proxy or middleware compresses the event stream. Events come late where it waits for more to compress, and each stream costs it memory.",
        change: NO_COMPRESSION,
      };
    },
  },
];

const NO_COMPRESSION =
  "Leave text/event-stream out of what is compressed. nginx: no `text/event-stream` in `gzip_types`, or `gzip off;` for this path.";

/** How late a stream is. */
function lateness({ reply, firstEventMs }: StreamEvidence): string {
  if (firstEventMs === undefined) return told(reply);
  return `The first event of ${shownUrl(reply.url)} came after ${seconds(firstEventMs)}.`;
}

/** Whether something holds a stream back, and nothing else: others are answered. */
function isHeld({ stranger }: Evidence, stream: StreamEvidence): boolean {
  const isOtherwisePrompt = [stranger?.get, stranger?.post].some(
    (reply) => isAnswered(reply) && reply.headMs < 1_000,
  );
  if (!isOtherwisePrompt) return false;
  if (stream.endpoint !== undefined) return isLate(stream);
  return isTimeout(stream.reply);
}

function isTimeout(reply: Answered | Unanswered): boolean {
  return reply.kind === "unanswered" && reply.code === "TIMEOUT";
}

/** An event stream that was opened and named no endpoint, of a server that talks nothing else. */
function streamWithoutEndpoint(evidence: Evidence): Answered | undefined {
  const { reply, endpoint } = evidence.stream ?? {};
  if (reply?.kind !== "answered" || reply.status !== 200 || !isEventStream(reply)) return undefined;
  return endpoint === undefined && !worksOtherwise(evidence) ? reply : undefined;
}

/** Whether the server talks Streamable HTTP, where a stream needs no endpoint. */
function worksOtherwise({ streamable, modern }: Evidence): boolean {
  return streamable?.answer !== undefined || modern?.listed !== undefined;
}

/** Whether there is anything in an endpoint by which one session differs from another. */
function namesSession(endpoint: URL, { target }: Evidence): boolean {
  const keys = new Set(
    target.credentials.flatMap((each) => (each.kind === "query" ? [each.name] : [])),
  );
  const values = [...endpoint.searchParams].filter(([name]) => !keys.has(name));
  const parts = endpoint.pathname.split("/");
  return [...values.map(([, value]) => value), ...parts].some((text) =>
    /^(?=.*\d)[\w.~-]{8,}$/.test(text),
  );
}
