import { isSuccess } from "../ask.js";
import type { Reply } from "../contract.js";
import type { Evidence, Finder, StreamableEvidence } from "../evidence.js";
import { INTERNAL_ERROR } from "../../shared/json-rpc.js";
import { isLocalToNode } from "../../shared/loopback.js";
import { answerIn, errorOf, resultOf, sessionHeaders } from "../messages.js";
import { namesEndpoint } from "../spoken.js";
import { quoted, told } from "../words.js";

/** What goes wrong over Streamable HTTP after a session has begun. */
export const STREAMABLE: readonly Finder[] = [
  {
    id: "session-header-lost",
    severity: "error",
    docs: "doctor.md#sessions-that-are-lost",
    step: "streamable",
    hides: ["session-lost", "message-refused"],
    look: (evidence) => {
      const refused = refusedLater(evidence);
      if (refused?.status !== 400 || sessionHeaders(refused.conversation.initialize)) {
        return undefined;
      }
      return {
        seen: `initialize was answered, without a header Mcp-Session-Id. ${told(refused.reply)}`,
        cause:
          "The server wants the session's id, which its answer does not bring: a proxy or a middleware takes the header Mcp-Session-Id away.",
        change: "Pass Mcp-Session-Id on, in answers and in requests.",
      };
    },
  },
  {
    id: "session-lost",
    severity: "error",
    docs: "doctor.md#sessions-that-are-lost",
    step: "streamable",
    hides: ["message-refused"],
    look: (evidence) => {
      const refused = refusedLater(evidence);
      if (refused?.status !== 404) return undefined;
      return {
        seen: `initialize began a session, and the next message of it: ${told(refused.reply)}`,
        cause:
          "Another process got the next message, and does not know the session; or the server makes a new transport for each request and keeps none.",
        change:
          "Route each session to one process, or let them share sessions: with express-mcp-sse, option `cluster`. In a server of your own, keep transports by their session's id.",
      };
    },
  },
  {
    id: "message-refused",
    severity: "error",
    docs: "doctor.md#sessions-that-are-lost",
    step: "streamable",
    look: (evidence) => {
      const refused = refusedLater(evidence);
      if (refused === undefined) return undefined;
      return {
        seen: `initialize was answered, and the next message: ${told(refused.reply)}`,
        cause:
          "What lets the first message in does not let the second in: a proxy that drops a header, another middleware, or a server that is at its limit.",
        change:
          "Look at the server's log. If the status is 401 or 403, the credential did not come along.",
      };
    },
  },
  {
    id: "tools-failed",
    severity: "error",
    docs: "doctor.md#sessions-that-are-lost",
    step: "streamable",
    look: ({ streamable, modern }) => {
      const failed = [
        { reply: streamable?.tools, answer: streamable?.listed },
        { reply: modern?.tools, answer: modern?.listed },
      ].find(({ answer }) => isFailure(errorOf(answer)));
      if (failed?.reply === undefined) return undefined;
      const message = errorOf(failed.answer)?.["message"];
      return {
        seen: `${told(failed.reply)} The server says of tools/list: ${quoted(String(message))}`,
        cause:
          "Listing the tools fails in the server: a schema that cannot be written as JSON Schema, or an error in a handler of its own.",
        change: "Look at the server's log. Register the tools one by one until it fails again.",
      };
    },
  },
  {
    id: "tools-unanswered",
    severity: "error",
    docs: "doctor.md#sessions-that-are-lost",
    step: "streamable",
    look: ({ streamable }) => {
      const { tools, listed } = streamable ?? {};
      if (tools === undefined || !isSuccess(tools) || listed !== undefined) return undefined;
      return {
        seen: `initialize was answered. ${told(tools)} No answer to tools/list was in it.`,
        cause: "The handler hangs, or something between cuts or holds back the answer.",
        change:
          "Look at the server's log. Behind a proxy: no buffering, no compression and no limit of time for text/event-stream.",
      };
    },
  },
  {
    id: "open-to-strangers",
    severity: "warning",
    docs: "doctor.md#open-to-strangers",
    step: "stranger",
    look: ({ target, stranger }) => {
      // A server that somebody tries out on their own machine is meant to be open.
      if (target.credentials.length === 0 && isLocalToNode(target.url.hostname)) return undefined;
      const open = [stranger?.post, stranger?.get].find(letsIn);
      if (open === undefined) return undefined;
      return {
        seen: `Without a credential: ${told(open)}`,
        cause:
          "Whoever knows the URL can talk to the server: no authentication is set up, or it stands behind the MCP routes.",
        change:
          "With express-mcp-sse: option `auth`. In an app of your own, mount the middleware that authenticates before the MCP routes. If it is meant to be open, there is nothing to do.",
      };
    },
  },
];

interface Refused {
  readonly reply: Reply;
  readonly status: number | undefined;
  readonly conversation: StreamableEvidence;
}

/** The first message that was refused after `initialize` was answered. */
function refusedLater({ streamable }: Evidence): Refused | undefined {
  if (streamable === undefined || resultOf(streamable.answer) === undefined) return undefined;
  const reply = [streamable.initialized, streamable.tools].find(
    (each) => each !== undefined && !isSuccess(each),
  );
  if (reply === undefined) return undefined;
  const status = reply.kind === "answered" ? reply.status : undefined;
  return { reply, status, conversation: streamable };
}

/** An error that is the server's own fault: a server without tools says that it knows no such method. */
function isFailure(error: ReturnType<typeof errorOf>): boolean {
  return error?.["code"] === INTERNAL_ERROR;
}

/** Whether an answer begins a conversation with somebody who showed nothing. */
function letsIn(reply: Reply | undefined): reply is Reply {
  if (reply === undefined) return false;
  return namesEndpoint(reply) || resultOf(answerIn(reply, 1)) !== undefined;
}
