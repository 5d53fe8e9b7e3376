/**
 * What a message weighs once it is parsed: memory, not bytes on the wire. Both were measured with
 * Node 20 to 26: text takes its own length, twice that if it has any character beyond Latin-1, and
 * structure up to thirty times the bytes that it was written in.
 */

/** Bytes that V8 needs for what begins or ends at such a character, at the most. */
const OBJECT = 144;
const LIST = 56;
const MEMBER = 24;
const NEXT = 32;

/** Of a short text nobody counts the structure. */
const SHORT = 1_024;
const SHORT_FACTOR = 16;

/** What the value of a JSON text weighs, in bytes; at least about as much as it does. */
export function weighJson(text: string, bytes: number): number {
  if (text.length <= SHORT) return text.length * SHORT_FACTOR;
  const ofText = bytes === text.length ? bytes : 2 * text.length;
  return ofText + structureOf(text);
}

function structureOf(text: string): number {
  let weight = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at);
    else if (code === BRACE) weight += OBJECT;
    else if (code === BRACKET) weight += LIST;
    else if (code === COMMA) weight += NEXT;
    else if (code === COLON) weight += MEMBER;
  }
  return weight;
}

/**
 * Where the string that begins at `start` ends. Long text is passed over, which is ten times as
 * fast as to look at it; where that does not get far, each character is looked at.
 */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote === -1) return text.length;
    if (text.charCodeAt(quote - 1) !== BACKSLASH) return quote;
    const near = quote + LOOK_AHEAD;
    for (at = startOfBackslashes(text, quote); at < near; at++) {
      const code = text.charCodeAt(at);
      if (code === BACKSLASH) at++;
      else if (code === QUOTE) return at;
    }
  }
}

function startOfBackslashes(text: string, quote: number): number {
  let start = quote - 1;
  while (text.charCodeAt(start - 1) === BACKSLASH) start--;
  return start;
}

/** How many characters are looked at one by one after a quote that was no end. */
const LOOK_AHEAD = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BRACE = 0x7b;
const BRACKET = 0x5b;
const COMMA = 0x2c;
const COLON = 0x3a;

/** The same for a value that somebody else has parsed. */
export function weighValue(value: unknown): number {
  const rest = [value];
  let weight = 0;
  while (rest.length > 0) {
    const next = rest.pop();
    if (typeof next === "string") weight += NEXT + 2 * next.length;
    else if (typeof next !== "object" || next === null) weight += NEXT;
    else {
      weight += Array.isArray(next) ? LIST : OBJECT;
      for (const item of Object.values(next)) rest.push(item);
    }
  }
  return weight;
}
