import { INITIALIZED, initializeRequest, listRequest } from "../messages.js";
import { SseSession } from "../sse-session.js";
import type { Step } from "../step.js";
import { hasEndpoint } from "../stream-evidence.js";
import { inShort } from "../words.js";

/** More than body parsers take unless they are told to, and less than any server of MCP refuses. In bytes. */
const LARGE = 150 * 1024;

/** HTTP+SSE: messages to the endpoint, and their answers on the stream. */
export const messages: Step<"messages"> = {
  name: "messages",
  title: "Messages to its endpoint",
  isNeeded: ({ evidence }) => hasEndpoint(evidence),
  async gather(visit) {
    const session = await SseSession.open(visit);
    if (session === undefined) return undefined;
    try {
      const { reply, answer } = await session.call(1, initializeRequest(1));
      if (answer === undefined) return { initialize: reply, hasEnded: session.hasEnded };
      await session.post(INITIALIZED);
      const tools = await session.call(2, listRequest(2));
      const large = await session.post(largePing(3));
      return { initialize: reply, answer, tools: tools.reply, listed: tools.answer, large };
    } finally {
      await session.close();
    }
  },
  describe: ({ initialize, tools }) => {
    const list = tools === undefined ? "" : `, tools/list ${inShort(tools)}`;
    return { text: `initialize ${inShort(initialize)}${list}` };
  },
};

/** Does nothing, and is as large as a call with a small picture or a page of text. */
function largePing(id: number): object {
  const params = { _meta: { padding: " ".repeat(LARGE) } };
  return { jsonrpc: "2.0", id, method: "ping", params };
}
