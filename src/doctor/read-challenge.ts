import { TOKEN } from "../shared/http-syntax.js";

/** One challenge of a `WWW-Authenticate` field. Names of schemes and parameters are in lower case. */
export interface ReadChallenge {
  readonly scheme: string;
  readonly params: ReadonlyMap<string, string>;
}

/** Longest field that is read, in characters. */
const MAX_LENGTH = 16_384;

/** A parameter, or else a scheme: both begin with a token, and what follows tells. */
const PART = new RegExp(
  `[\\s,]*(?:(${TOKEN})[ \\t]*=[ \\t]*(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s,"]*)(?!"))|(${TOKEN})(?=[\\s,]|$)(?![ \\t]*=))`,
  "y",
);

/**
 * The challenges of a field, several lines of which are joined by commas. What follows the first
 * thing that is none is left out: servers write all sorts of things there.
 *
 * @see RFC 9110, section 11.6.1
 */
export function readChallenges(field: string | null): readonly ReadChallenge[] {
  const text = (field ?? "").slice(0, MAX_LENGTH);
  const challenges: { scheme: string; params: Map<string, string> }[] = [];
  const part = new RegExp(PART);
  for (let match = part.exec(text); match !== null; match = part.exec(text)) {
    const [, name, quoted, plain, scheme] = match;
    if (scheme !== undefined) {
      challenges.push({ scheme: scheme.toLowerCase(), params: new Map() });
    } else if (name !== undefined) {
      const value = quoted?.replace(/\\(.)/g, "$1") ?? plain ?? "";
      challenges.at(-1)?.params.set(name.toLowerCase(), value);
    }
  }
  return challenges;
}
