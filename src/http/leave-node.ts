import type { JsonRpcId } from "../shared/json-rpc.js";
import { lostAnswer } from "./lost-calls.js";
import type { KeptOpening, KeptSession, LeftSession, OpenCall } from "./moved-session.js";
import type { RouterSession } from "./router-session.js";

/**
 * What is known of a session at this moment, for another node.
 *
 * @returns `undefined` where it cannot go on at another: on a wire, or with options, by which its client would
 * not come back; or because its client said more than is kept.
 */
export function keptOf(session: RouterSession): KeptSession | undefined {
  const { id, transport, openedAt, memo, journey } = session;
  const { luggage } = session.channel;
  const record = journey?.record;
  if (luggage === undefined || record?.isWhole !== true) return undefined;
  const { traits } = luggage;
  const opening = openingOf(session);
  return { id, transport, openedAt, opening, handshake: record.kept, memo, traits };
}

/**
 * Ends a session here, and says all that it takes to go on with it. In one step: nothing can be sent between.
 *
 * @param mayLose whether it leaves even though calls have no answer: these are lost.
 * @returns `undefined`, and nothing has changed, where it does not leave.
 */
export function leaveNode(session: RouterSession, mayLose: boolean): LeftSession | undefined {
  const { luggage } = session.channel;
  const lost = openCalls(session);
  const known = session.closeReason === undefined && (mayLose || !isInUse(session));
  const kept = known ? keptOf(session) : undefined;
  if (kept === undefined || luggage === undefined) return undefined;
  const left = { ...kept, lost, kept: luggage.handOver() };
  session.end("moved");
  return left;
}

/**
 * Ends a session that another node has gone on with. Whoever waits for an answer hears that it is lost: that node
 * knows only of calls that were written down before it did.
 */
export function endSuperseded(session: RouterSession): void {
  for (const id of session.openCalls) session.send(lostAnswer(id)).catch(() => undefined);
  session.end("superseded");
}

/** Whether it has calls without an answer, or messages are on their way to it. */
export function isInUse({ isBusy, bytes }: RouterSession): boolean {
  return isBusy || bytes.bodies > 0;
}

function openCalls({ openCalls: ids, channel }: RouterSession): readonly OpenCall[] {
  const known = (id: JsonRpcId): OpenCall[] => {
    const call = channel.luggage?.callAtClient(id);
    return call === undefined ? [] : [call];
  };
  return ids.flatMap(known);
}

/** Headers by which programs are told apart, and what of them has changed since. */
const OF_PROGRAM = ["user-agent", "accept", "cache-control", "mcp-protocol-version"];

/**
 * Security decision: of the headers, only those that tell no caller. All others, those that an application
 * looks at included, are of the request that asks for the session to go on, whose caller was verified.
 */
function openingOf({ mount, path, request }: RouterSession): KeptOpening {
  const { headers, url = "" } = request;
  const told = OF_PROGRAM.flatMap((name) => {
    const value = headers[name]?.toString();
    return value === undefined ? [] : [[name, value] as const];
  });
  return { mount, path, url, headers: Object.fromEntries(told) };
}
