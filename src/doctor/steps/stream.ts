import { isAnswered } from "../ask.js";
import type { AskInit } from "../contract.js";
import type { StreamEvidence } from "../evidence.js";
import { isEventStream } from "../messages.js";
import { OpenStream } from "../open-stream.js";
import { isEndpoint } from "../sse-session.js";
import type { Step, Visit } from "../step.js";
import { isCompressed, isLate } from "../stream-evidence.js";
import { below, canTalk } from "../visit.js";
import { inShort } from "../words.js";

/** For how long the head of a stream is waited for, and then its first event: longer than a good one takes. */
const PATIENCE_MS = 3_000;

/** Where a router has its stream below the URL at which it answers Streamable HTTP. */
const BELOW = "/sse";

/** HTTP+SSE: the stream at the URL, or below it, and the endpoint that it names. */
export const stream: Step<"stream"> = {
  name: "stream",
  title: "An event stream",
  isNeeded: ({ evidence }) => canTalk(evidence),
  async gather(visit) {
    const { url } = visit.evidence.target;
    const typed = await look(visit, url);
    if (promise(typed) === "stream" || url.pathname.endsWith(BELOW)) return complete(visit, typed);
    const other = await look(visit, below(url, BELOW));
    const isBetter = RANKS.indexOf(promise(other)) > RANKS.indexOf(promise(typed));
    return complete(visit, isBetter ? other : typed);
  },
  describe({ reply, endpoint, firstEventMs = 0 }) {
    if (endpoint === undefined) {
      return { text: `GET ${inShort(reply)}, no endpoint event`, isAbsent: true };
    }
    return { text: `${reply.url.pathname}, first event after ${Math.round(firstEventMs)} ms` };
  },
};

/** How much an answer looks like a stream of HTTP+SSE. */
const RANKS = ["nothing", "held", "stream"] as const;

function promise({ reply, endpoint }: StreamEvidence): (typeof RANKS)[number] {
  if (endpoint !== undefined) return "stream";
  const isHeld = isAnswered(reply)
    ? reply.status === 200 && isEventStream(reply)
    : reply.code === "TIMEOUT";
  return isHeld ? "held" : "nothing";
}

async function look(
  { ask, evidence: { target } }: Visit,
  url: URL,
  headers: AskInit["headers"] = {},
): Promise<StreamEvidence> {
  const timeoutMs = Math.min(PATIENCE_MS, target.timeoutMs);
  const opened = new OpenStream(ask, url, { timeoutMs, headers });
  const first = await opened.event(isEndpoint);
  const reply = await opened.close();
  return { reply, firstEventMs: first?.atMs, endpoint: first?.data };
}

/** Where compression may be what holds a stream back, it is asked for once more without. */
async function complete(visit: Visit, found: StreamEvidence): Promise<StreamEvidence> {
  const { reply } = found;
  const isSilent = promise(found) === "held" && !isAnswered(reply);
  if (!isSilent && !(isCompressed(reply) && isLate(found))) return found;
  const plain = await look(visit, reply.url, { "accept-encoding": "identity" });
  return { ...found, isPromptPlain: promise(plain) === "stream" && !isLate(plain) };
}
