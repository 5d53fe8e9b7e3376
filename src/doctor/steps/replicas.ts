import { isAnswered } from "../ask.js";
import type { Answered, Reply } from "../contract.js";
import type { ReplicasEvidence } from "../evidence.js";
import { ACCEPT, INITIALIZED, initializeRequest } from "../messages.js";
import { SseSession } from "../sse-session.js";
import type { Step, Visit } from "../step.js";
import { hasEndpoint } from "../stream-evidence.js";
import { endSession, sessionHeaders, sessionIn } from "../streamable-session.js";

/** How many messages are posted: of two replicas that take turns, one of them gets at least one. */
const POSTS = 10;

/** Messages of one session, each over a connection of its own. */
export const replicas: Step<"replicas"> = {
  name: "replicas",
  title: "One session over many connections",
  isNeeded: ({ evidence }) =>
    hasEndpoint(evidence) || sessionIn(evidence.streamable?.initialize) !== undefined,
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
  if (!hasEndpoint(visit.evidence)) return undefined;
  const session = await SseSession.open(visit);
  if (session === undefined) return undefined;
  try {
    return await count("HTTP+SSE", (message) => session.post(message, { hasOwnConnection: true }));
  } finally {
    await session.close();
  }
}

async function overStreamable({ ask, evidence }: Visit): Promise<ReplicasEvidence | undefined> {
  const { target, streamable } = evidence;
  if (sessionIn(streamable?.initialize) === undefined) return undefined;
  const own = { isAuthorized: true, hasOwnConnection: true };
  const post = (body: unknown, headers: Record<string, string>): Promise<Reply> =>
    ask(target.url, { ...own, method: "POST", headers, body });
  const begun = await post(initializeRequest(1), { accept: ACCEPT });
  const id = sessionIn(begun);
  if (id === undefined) return undefined;
  try {
    await post(INITIALIZED, sessionHeaders(id));
    return await count("Streamable HTTP", (message) => post(message, sessionHeaders(id)));
  } finally {
    await endSession(ask, begun, own);
  }
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
