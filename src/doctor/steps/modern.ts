import {
  ACCEPT,
  answerIn,
  MODERN_REVISION,
  modernListRequest,
  resultOf,
  untilAnswered,
} from "../messages.js";
import type { Step } from "../step.js";
import { canTalk } from "../visit.js";
import { inShort, toolsIn } from "../words.js";

/** A request of 2026-07-28, as SDK v2's client sends it. */
export const modern: Step<"modern"> = {
  name: "modern",
  title: "Streamable HTTP, 2026-07-28",
  isNeeded: ({ evidence }) => canTalk(evidence),
  async gather({ ask, evidence }) {
    const tools = await ask(evidence.target.url, {
      method: "POST",
      headers: {
        accept: ACCEPT,
        "mcp-protocol-version": MODERN_REVISION,
        "mcp-method": "tools/list",
      },
      body: modernListRequest(1),
      isAuthorized: true,
      until: untilAnswered(1),
    });
    return { tools, listed: answerIn(tools, 1) };
  },
  describe: ({ tools, listed }) =>
    resultOf(listed) === undefined
      ? { text: inShort(tools), isAbsent: true }
      : { text: toolsIn(tools, listed) },
};
