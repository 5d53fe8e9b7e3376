/** In which form the client takes an answer. */
export interface Accepts {
  readonly json: boolean;
  readonly stream: boolean;
}

/** Who says nothing expects a plain answer, as from any HTTP endpoint. */
const UNSAID: Accepts = { json: true, stream: false };

/** What official clients send. */
const USUAL = "application/json, text/event-stream";
const BOTH: Accepts = { json: true, stream: true };
const JSON_ONLY: Accepts = { json: true, stream: false };

/**
 * What an `Accept` field takes. The specification wants both types in it; clients and proxies send
 * one of the two, or none, and they get what they can read.
 *
 * @see RFC 9110, section 12.5.1
 */
export function acceptsOf(field: string | undefined): Accepts {
  if (field === USUAL) return BOTH;
  if (field === undefined || field.trim() === "") return UNSAID;
  const ranges = field.split(",").map(rangeOf);
  const takes = (...names: readonly string[]): boolean => {
    // The most specific range that there is decides.
    const found = names
      .map((name) => ranges.find(({ type }) => type === name))
      .find((range) => range !== undefined);
    return found?.isWanted ?? false;
  };
  return {
    json: takes("application/json", "application/*", "*/*"),
    stream: takes("text/event-stream", "text/*", "*/*"),
  };
}

/** The same where answers are JSON: who reads nothing but streams gets one all the same. */
export function jsonIfTaken(accepts: Accepts): Accepts {
  return accepts.json ? JSON_ONLY : accepts;
}

interface Range {
  readonly type: string;
  readonly isWanted: boolean;
}

function rangeOf(text: string): Range {
  const [type = "", ...parameters] = text.split(";").map((part) => part.trim().toLowerCase());
  const isRefused = parameters.some((parameter) => /^q\s*=\s*0(?:\.0*)?$/.test(parameter));
  return { type, isWanted: !isRefused };
}
