/** Longest line that goes into a log, in characters. */
const MAX_LENGTH = 2_000;

/**
 * What a reader of a log cannot see, or what changes how the rest is read: control characters, line
 * breaks of every kind, and format characters, the bidirectional ones among them.
 *
 * @see Unicode Technical Report 36, section 2; UAX 9
 */
const INVISIBLE = /\p{C}|\p{Zl}|\p{Zp}/gu;

/**
 * A text as it may stand in a line of a log.
 *
 * Security decision: what callers, issuers and applications write may end up in a line. A line break
 * in it would begin a line of its own, and a terminal obeys escape sequences; both are written as
 * code points, so that what somebody tried is seen.
 */
export function logText(text: string): string {
  const short = text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
  return short.replace(INVISIBLE, (character) => {
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  });
}

/** What a line may say of an error of which nobody knows what its message has from outside. */
export function errorName(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}
