import { isAnswered } from "../ask.js";
import type { Ask, Reply } from "../contract.js";
import { endSession } from "../end-session.js";
import { ACCEPT, initializeRequest, untilAnswered } from "../messages.js";
import type { Step } from "../step.js";
import { at, streamBelow } from "../visit.js";
import { inShort } from "../words.js";

/** Where servers often are. */
const USUAL_PATHS = ["/mcp", "/sse", "/mcp/sse", "/"];

/** What anybody gets who shows nothing. */
export const stranger: Step<"stranger"> = {
  name: "stranger",
  title: "Without a credential",
  isNeeded: () => true,
  async gather({ ask, evidence }) {
    const { url } = evidence.target;
    const [get, post] = await Promise.all([openStream(ask, url), beginAndEnd(ask, url)]);
    if (!isNotFound(get) || !isNotFound(post)) return { get, post };
    const paths = new Set([streamBelow(url).pathname, ...USUAL_PATHS]);
    paths.delete(url.pathname);
    const nearby = [...paths].map((path) => lookAt(ask, at(url, path)));
    return { get, post, nearby: await Promise.all(nearby) };
  },
  describe: ({ get, post }) => ({ text: `GET ${inShort(get)}, POST ${inShort(post)}` }),
};

/** For how long a stream's first event is waited for: that of Streamable HTTP may have none. In milliseconds. */
const FIRST_EVENT_MS = 2_000;

/** Reads the first event: a stream that is open to strangers has no end. */
function openStream(ask: Ask, url: URL): Promise<Reply> {
  return ask(url, {
    headers: { accept: "text/event-stream" },
    bodyTimeoutMs: FIRST_EVENT_MS,
    until: (text) => /\r?\n\r?\n/.test(text),
  });
}

/** Begins a session, and ends it again where strangers may begin one. */
async function beginAndEnd(ask: Ask, url: URL): Promise<Reply> {
  const reply = await ask(url, {
    method: "POST",
    headers: { accept: ACCEPT },
    body: initializeRequest(1),
    until: untilAnswered(1),
  });
  await endSession(ask, reply, {});
  return reply;
}

/** Whether a place answers at all: only the head is asked for, and no session is begun. */
function lookAt(ask: Ask, url: URL): Promise<Reply> {
  return ask(url, { headers: { accept: "text/event-stream" }, until: "head" });
}

function isNotFound(reply: Reply): boolean {
  return isAnswered(reply) && reply.status === 404;
}
