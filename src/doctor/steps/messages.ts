import { isAnswered } from "../ask.js";
import type { MessagesEvidence } from "../evidence.js";
import { INITIALIZED, initializeRequest, largePing, listRequest } from "../messages.js";
import { SseSession } from "../sse-session.js";
import type { Step } from "../step.js";
import { hasEndpoint } from "../stream-evidence.js";
import { inShort } from "../words.js";

/** HTTP+SSE: messages to the endpoint, and their answers on the stream. */
export const messages: Step<"messages"> = {
  name: "messages",
  title: "Messages to its endpoint",
  isNeeded: ({ evidence }) => hasEndpoint(evidence),
  async gather(visit) {
    const session = await SseSession.open(visit);
    if (session === undefined) return undefined;
    const found = await converse(session);
    const stream = await session.close();
    // A list that is too long to be read to its end is no list that did not come.
    const isCut = isAnswered(stream) && stream.bodyEnd === "too-long";
    return isCut ? { ...found, tools: undefined } : found;
  },
  describe: ({ initialize, tools }) => {
    const list = tools === undefined ? "" : `, tools/list ${inShort(tools)}`;
    return { text: `initialize ${inShort(initialize)}${list}` };
  },
};

async function converse(session: SseSession): Promise<MessagesEvidence> {
  const { reply: initialize, answer } = await session.call(1, initializeRequest(1));
  if (answer === undefined) return { initialize, hasEnded: session.hasEnded };
  await session.post(INITIALIZED);
  const large = await session.post(largePing(2));
  const { reply: tools, answer: listed } = await session.call(3, listRequest(3));
  return { initialize, answer, tools, listed, large };
}
