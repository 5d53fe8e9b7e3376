import type { JsonRpcMessage } from "../shared/json-rpc.js";

/** What is known of the answers to one kind of call. */
export interface KnownAnswers {
  /** What the largest of the recent ones weighed, in bytes. */
  readonly largest: number;
  /** How many there were. */
  readonly count: number;
  /** How many calls have none yet. */
  readonly inFlight: number;
}

/** What an answer is taken for at least, in bytes. */
const SMALL_ANSWER = 32 * 1024;

/** How many answers must be known before many calls may rely on them. */
const ENOUGH = 8;

/** What an unknown answer is taken for: as much of what its owner may hold, and at most so many bytes. */
const UNKNOWN_SHARE = 1 / 64;
const MAX_UNKNOWN = 4 * 1024 * 1024;

/** What is left of the largest answer's weight when another one has come. */
const FADES = 7 / 8;

/**
 * What the answer to one more call is likely to weigh, in bytes.
 *
 * Nobody knows how large an answer is before it is there, and then it cannot be refused any more.
 * So it is taken for as large as the largest recent one. Where little is known yet, a few calls
 * find out, and more of them at a time are taken for large.
 *
 * @param maxBytes what may be held for the owner.
 */
export function expectedBytes(
  { largest, count, inFlight }: KnownAnswers,
  maxBytes: number,
): number {
  const isKnown = count >= ENOUGH || inFlight < ENOUGH;
  const least = isKnown ? SMALL_ANSWER : Math.min(maxBytes * UNKNOWN_SHARE, MAX_UNKNOWN);
  return Math.max(least, largest);
}

/** The answers to one kind of call of one owner. */
export class AnswerSize implements KnownAnswers {
  largest = 0;
  count = 0;
  inFlight = 0;

  note(bytes: number): void {
    this.count++;
    this.largest = Math.max(bytes, this.largest * FADES);
  }
}

/** How many kinds of calls are told apart. Whatever comes beyond is one kind, of which nothing is known. */
const MAX_KINDS = 64;

/** What one owner's calls are answered with: each tool has answers of its own size. */
export class AnswerSizes {
  #byKind: Map<unknown, AnswerSize> | undefined;
  #others: AnswerSize | undefined;

  of(message: JsonRpcMessage): AnswerSize {
    const { method, params } = message as { method?: string; params?: Record<string, unknown> };
    const kind = method === "tools/call" ? params?.["name"] : method;
    const known = this.#byKind?.get(kind);
    if (known !== undefined) return known;
    this.#byKind ??= new Map();
    if (this.#byKind.size >= MAX_KINDS || typeof kind !== "string" || kind.length > 256) {
      return (this.#others ??= new AnswerSize());
    }
    const size = new AnswerSize();
    this.#byKind.set(kind, size);
    return size;
  }

  /** What the largest recent answer of all weighed, in bytes. */
  get largest(): number {
    let largest = SMALL_ANSWER;
    for (const size of this.#byKind?.values() ?? []) largest = Math.max(largest, size.largest);
    return Math.max(largest, this.#others?.largest ?? 0);
  }
}
