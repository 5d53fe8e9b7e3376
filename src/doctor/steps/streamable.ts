import { isAnswered } from "../ask.js";
import type { Ask, Reply } from "../contract.js";
import { endSession } from "../end-session.js";
import type { StreamableEvidence } from "../evidence.js";
import {
  ACCEPT,
  answerIn,
  INITIALIZED,
  initializeRequest,
  largePing,
  listRequest,
  objectIn,
  resultOf,
  sessionHeaders,
  untilAnswered,
  versionOf,
} from "../messages.js";
import type { Message } from "../messages.js";
import type { Step } from "../step.js";
import { canTalk } from "../visit.js";
import { inShort, toolsIn } from "../words.js";

/** A conversation over Streamable HTTP, up to 2025-11-25. */
export const streamable: Step<"streamable"> = {
  name: "streamable",
  title: "Streamable HTTP",
  isNeeded: ({ evidence }) => canTalk(evidence),
  async gather({ ask, evidence }) {
    const { url } = evidence.target;
    const initialize = await post(ask, url, initializeRequest(1), {}, 1);
    const answer = answerIn(initialize, 1);
    if (resultOf(answer) === undefined) return { initialize, answer };
    return { initialize, answer, ...(await goOn(ask, url, initialize, answer)) };
  },
  describe({ initialize, answer, listed, tools }) {
    const result = resultOf(answer);
    if (result === undefined) {
      return { text: `initialize ${inShort(initialize)}`, isAbsent: true };
    }
    const session = sessionHeaders(initialize) === undefined ? "no session" : "with a session";
    return { text: `${versionOf(answer)}, ${session}, ${toolsIn(tools, listed)}` };
  },
};

/** What clients do once they are let in. */
async function goOn(
  ask: Ask,
  url: URL,
  initialize: Reply,
  answer: Message | undefined,
): Promise<Partial<StreamableEvidence>> {
  const session = sessionHeaders(initialize);
  const headers = session ?? { "mcp-protocol-version": versionOf(answer) };
  const initialized = await post(ask, url, INITIALIZED, headers);
  // Who does not answer this will not answer what follows, and each would be waited for.
  if (!isAnswered(initialized)) {
    return { initialized, end: await endSession(ask, initialize, { isAuthorized: true }) };
  }
  const hasTools = objectIn(objectIn(resultOf(answer), "capabilities"), "tools") !== undefined;
  const tools = hasTools ? await post(ask, url, listRequest(2), headers, 2) : undefined;
  const listed = tools && answerIn(tools, 2);
  const large = await post(ask, url, largePing(3), headers, 3);
  if (session === undefined) return { initialized, tools, listed, large };
  const get = await ask(url, {
    headers: { accept: "text/event-stream", ...headers },
    isAuthorized: true,
    until: "head",
  });
  const end = await endSession(ask, initialize, { isAuthorized: true });
  return { initialized, tools, listed, large, get, end };
}

function post(
  ask: Ask,
  url: URL,
  body: object,
  headers: Readonly<Record<string, string>>,
  id?: number,
): Promise<Reply> {
  return ask(url, {
    method: "POST",
    headers: { accept: ACCEPT, ...headers },
    body,
    isAuthorized: true,
    ...(id !== undefined && { until: untilAnswered(id) }),
  });
}
