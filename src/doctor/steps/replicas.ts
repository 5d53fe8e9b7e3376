import { isAnswered } from "../ask.js";
import type { Answered, AskInit, Reply } from "../contract.js";
import { endSession } from "../end-session.js";
import type { Evidence, ReplicasEvidence } from "../evidence.js";
import {
  ACCEPT,
  INITIALIZED,
  initializeRequest,
  sessionHeaders,
  untilAnswered,
} from "../messages.js";
import { SseSession } from "../sse-session.js";
import type { Step, Visit } from "../step.js";
import { hasEndpoint } from "../stream-evidence.js";

/** How many messages are posted: of two replicas that take turns, one of them gets at least one. */
const POSTS = 10;

/** Messages of one session, each over a connection of its own. */
export const replicas: Step<"replicas"> = {
  name: "replicas",
  title: "One session, many connections",
  isNeeded: ({ evidence }) => hasPosts(evidence) || hasSession(evidence),
  async gather(visit) {
    const wires = [await overSse(visit), await overStreamable(visit)];
    const found = wires.filter((each) => each !== undefined);
    return found.length === 0 ? undefined : found;
  },
  describe(wires) {
    const asked = wires.reduce((sum, each) => sum + each.asked, 0);
    const lost = wires.reduce((sum, each) => sum + each.lost, 0);
    return { text: `${asked - lost} of ${asked} messages found their session` };
  },
};

async function overSse(visit: Visit): Promise<ReplicasEvidence | undefined> {
  if (!hasPosts(visit.evidence)) return undefined;
  const session = await SseSession.open(visit);
  if (session === undefined) return undefined;
  const own = { hasOwnConnection: true };
  await session.post(initializeRequest(1), own);
  await session.post(INITIALIZED, own);
  const counted = await count("HTTP+SSE", (message) => session.post(message, own));
  await session.close();
  return counted;
}

async function overStreamable({ ask, evidence }: Visit): Promise<ReplicasEvidence | undefined> {
  const { target } = evidence;
  if (!hasSession(evidence)) return undefined;
  const own = { isAuthorized: true, hasOwnConnection: true };
  const post = (body: unknown, init: AskInit = {}): Promise<Reply> =>
    ask(target.url, {
      ...own,
      ...init,
      method: "POST",
      headers: { accept: ACCEPT, ...init.headers },
      body,
    });
  const begun = await post(initializeRequest(1), { until: untilAnswered(1) });
  const headers = sessionHeaders(begun);
  if (headers === undefined) return undefined;
  const go = (message: unknown): Promise<Reply> => post(message, { headers, until: "head" });
  await go(INITIALIZED);
  const counted = await count("Streamable HTTP", go);
  await endSession(ask, begun, own);
  return counted;
}

/** Whether there is an endpoint, of which it is not known that it does not answer. */
function hasPosts(evidence: Evidence): boolean {
  return hasEndpoint(evidence) && evidence.messages?.initialize.kind !== "unanswered";
}

/** Whether the server gives sessions a name over Streamable HTTP, and answers messages of them. */
function hasSession({ streamable }: Evidence): boolean {
  if (streamable === undefined || streamable.initialized?.kind === "unanswered") return false;
  return sessionHeaders(streamable.initialize) !== undefined;
}

async function count(
  wire: ReplicasEvidence["wire"],
  post: (message: unknown) => Promise<Reply>,
): Promise<ReplicasEvidence> {
  const replies: Reply[] = [];
  for (let id = 2; id < 2 + POSTS; id++) {
    const reply = await post({ jsonrpc: "2.0", id, method: "ping" });
    replies.push(reply);
    if (!isAnswered(reply)) break;
  }
  const lost = replies.filter(isLost);
  return { wire, asked: replies.length, lost: lost.length, sample: lost[0] };
}

/** Whether a message was answered as if there were no such session; some servers say 400. */
function isLost(reply: Reply): reply is Answered {
  return isAnswered(reply) && (reply.status === 404 || reply.status === 400);
}
