import type { JsonRpcId } from "../shared/json-rpc.js";

/** A call that is open, and by which place its client comes back for the answer, if not by its session. */
export interface NotedCall {
  readonly id: JsonRpcId;
  readonly place: number | undefined;
}

/**
 * Calls whose ids, and places, follow each other by one: clients count their calls, so that a session that waits
 * to hear of thirty answers has one run of them. JSON has `null` for no place.
 */
type Run = [first: JsonRpcId, count: number, place: number | null];

type WrittenCalls = readonly [key: string, runs: readonly Run[]];

/**
 * The open calls of one session, as they are written. Most begin and end in the same order: then none of both
 * allocates anything. The last run that ends stays, with no call, for the next one.
 */
export class OpenCalls {
  /** In the order in which they came. */
  readonly #runs: Run[] = [];
  #key: string;
  /** `undefined` where it is to be made anew. Of most sessions of a page nothing has changed. */
  #text: string | undefined;

  /** @param key name of the session's record. */
  constructor(key: string) {
    this.#key = key;
  }

  set key(key: string) {
    this.#key = key;
    this.#text = undefined;
  }

  get isEmpty(): boolean {
    const [first] = this.#runs;
    return first === undefined || first[1] === 0;
  }

  /** What a page says of them. */
  get text(): string {
    return (this.#text ??= JSON.stringify([this.#key, this.#runs] satisfies WrittenCalls));
  }

  add(id: JsonRpcId, place: number | undefined): void {
    this.#text = undefined;
    const last = this.#runs.at(-1);
    if (last?.[1] === 0) {
      last[0] = id;
      last[1] = 1;
      last[2] = place ?? null;
    } else if (last !== undefined && goesOn(last, id, place ?? null)) last[1]++;
    else this.#runs.push([id, 1, place ?? null]);
  }

  /** @returns whether it was there. Of several with one id, which there must not be, the oldest. */
  delete(id: JsonRpcId): boolean {
    if (this.isEmpty) return false;
    // Most calls end in the order in which they began.
    const isFirst = this.#runs[0]?.[0] === id;
    const at = isFirst ? 0 : this.#runs.findIndex((run) => positionIn(run, id) !== undefined);
    const run = this.#runs[at];
    if (run === undefined) return false;
    this.#text = undefined;
    const position = isFirst ? 0 : (positionIn(run, id) ?? 0);
    if (run[1] === 1 && this.#runs.length === 1) run[1] = 0;
    else if (run[1] === 1) this.#runs.splice(at, 1);
    else if (position === 0) dropFirst(run);
    else {
      const parts = [partOf(run, 0, position), partOf(run, position + 1, run[1])];
      this.#runs.splice(at, 1, ...parts.filter(([, count]) => count > 0));
    }
    return true;
  }
}

/** The open calls of some sessions, by the names of their records; most sessions have none most of the time. */
export type CallPage = Map<string, OpenCalls>;

/** A page as it is written; `undefined` for one without a call. */
export function textOfPage(page: CallPage): string | undefined {
  const texts: string[] = [];
  for (const calls of page.values()) if (!calls.isEmpty) texts.push(calls.text);
  return texts.length === 0 ? undefined : `[${texts.join()}]`;
}

/** The calls of one session that stand on a page. */
export function readPage(text: string, key: string): readonly NotedCall[] {
  const runs =
    (JSON.parse(text) as readonly WrittenCalls[]).find(([one]) => one === key)?.[1] ?? [];
  // A client that is told twice could take that for the end of another call.
  const byId = new Map(runs.flatMap(callsOf).map((call) => [call.id, call]));
  return [...byId.values()];
}

function goesOn([first, count, from]: Run, id: JsonRpcId, place: number | null): boolean {
  if (!Number.isSafeInteger(first) || id !== (first as number) + count) return false;
  return from === null ? place === null : place === from + count;
}

/** At which position of a run a call is; `undefined` where it is none of it. */
function positionIn([first, count]: Run, id: JsonRpcId): number | undefined {
  if (id === first) return 0;
  if (typeof id !== "number" || typeof first !== "number") return undefined;
  const position = id - first;
  return position > 0 && position < count && Number.isInteger(position) ? position : undefined;
}

function dropFirst(run: Run): void {
  run[0] = (run[0] as number) + 1;
  run[1]--;
  if (run[2] !== null) run[2]++;
}

function partOf([first, , place]: Run, from: number, to: number): Run {
  const id = from === 0 ? first : (first as number) + from;
  return [id, to - from, place === null ? null : place + from];
}

function callsOf([first, count, from]: Run): readonly NotedCall[] {
  return Array.from({ length: count }, (_, at) => ({
    id: at === 0 ? first : (first as number) + at,
    place: from === null ? undefined : from + at,
  }));
}
