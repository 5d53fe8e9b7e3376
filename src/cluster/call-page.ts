import type { JsonRpcId } from "../shared/json-rpc.js";

/** A call that is open, and by which place its client comes back for the answer, if not by its session. */
export interface NotedCall {
  readonly id: JsonRpcId;
  readonly place: number | undefined;
}

/** By their ids, each with its place. */
export type OpenCalls = Map<JsonRpcId, number | undefined>;

/** The open calls of some sessions, by the names of their records. */
export type CallPage = Map<string, OpenCalls>;

/**
 * Calls whose ids, and places, follow each other by one: clients count their calls, so that a session that waits
 * to hear of thirty answers has one run of them. JSON has `null` for no place.
 */
type Run = [first: JsonRpcId, count: number, place: number | null];

type WrittenPage = readonly (readonly [key: string, runs: readonly Run[]])[];

/** A page as it is written; `undefined` for one without a call. */
export function textOfPage(page: CallPage): string | undefined {
  const written: WrittenPage = [...page].map(([key, calls]) => [key, runsOf(calls)] as const);
  return written.length === 0 ? undefined : JSON.stringify(written);
}

/** The calls of one session that stand on a page. */
export function readPage(text: string, key: string): readonly NotedCall[] {
  const runs = (JSON.parse(text) as WrittenPage).find(([one]) => one === key)?.[1] ?? [];
  return runs.flatMap(callsOf);
}

function runsOf(calls: OpenCalls): readonly Run[] {
  const runs: Run[] = [];
  let last: Run | undefined;
  for (const [id, place = null] of calls) {
    if (last !== undefined && goesOn(last, id, place)) last[1]++;
    else runs.push((last = [id, 1, place]));
  }
  return runs;
}

function goesOn([first, count, from]: Run, id: JsonRpcId, place: number | null): boolean {
  if (!Number.isSafeInteger(first) || id !== (first as number) + count) return false;
  return from === null ? place === null : place === from + count;
}

function callsOf([first, count, from]: Run): readonly NotedCall[] {
  return Array.from({ length: count }, (_, at) => ({
    id: at === 0 ? first : (first as number) + at,
    place: from === null ? undefined : from + at,
  }));
}
