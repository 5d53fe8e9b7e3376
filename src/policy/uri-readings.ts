import { unescape } from "node:querystring";
import { parseUrl } from "../shared/url.js";

/** All that servers may take a URI for. */
export interface UriReadings {
  /** Each must be permitted. The last is the plainest. */
  readonly strict: readonly string[];
  /** Rules that match them count; none has to. */
  readonly lenient: readonly string[];
}

/** Longest URI that is looked at. */
const MAX_LENGTH = 16_384;

/** How many forms a URI may have; an honest one has up to four. */
const MAX_READINGS = 24;

/**
 * How servers may read a URI.
 *
 * Security decision: a server of the SDK looks for what `new URL` makes of a URI, its author may decode that,
 * and hand it to a file system that resolves what is in it. A rule that looked at the text alone would let
 * `file:///public/%2e%2e/secret` pass for something public. So a URI counts as each of these forms, and as each
 * form of a form; only what is permitted in all of them is permitted. Authors also take parts of it, as
 * `uri.pathname` does: what is left without query, fragment, user or trailing dots must not be forbidden either.
 *
 * @returns `undefined` for a URI that is too long, or has more forms than anybody writes by accident.
 */
export function readUri(uri: string): UriReadings | undefined {
  if (uri.length > MAX_LENGTH) return undefined;
  const strict = closure([uri], [normalized, decoded, slashed, resolved]);
  if (strict === undefined) return undefined;
  const all = closure(strict, [withoutExtras, withoutTrailingDots, withoutEmptySegments]);
  return all && { strict, lenient: all.slice(strict.length) };
}

/**
 * The texts that say the same URL as a rule's own does, for who writes `file:///my notes/*`. Never more: a rule
 * must not permit what it does not name.
 */
export function spellingsOf(pattern: string): readonly string[] {
  const href = normalized(pattern);
  const plain = decoded(pattern);
  const isSame = normalized(plain) === href && countStars(plain) === countStars(pattern);
  return [...new Set([pattern, href, ...(isSame ? [plain] : [])])];
}

type Form = (uri: string) => string;

/** Texts with all forms of theirs, each once; `undefined` if there is no end of them. */
function closure(begin: readonly string[], forms: readonly Form[]): readonly string[] | undefined {
  const found = new Set(begin);
  // A set is walked through to its end, also through what is added meanwhile.
  for (const text of found) {
    for (const form of forms) found.add(form(text));
    if (found.size > MAX_READINGS) return undefined;
  }
  return [...found];
}

/** As the SDKs look it up. @see WHATWG URL, section 4.4 */
const normalized: Form = (uri) => parseUrl(uri)?.href ?? uri;

/** What is no escape stays, as with decoders that do not throw. */
const decoded: Form = (uri) => (uri.includes("%") ? unescape(uri) : uri);

/** For file systems that take both. */
const slashed: Form = (uri) => uri.replaceAll("\\", "/");

/** Where the path of a URI begins. */
function pathAt(uri: string): number {
  return /^[a-z][a-z\d+.-]*:(?:\/\/[^/]*)?/i.exec(uri)?.[0].length ?? 0;
}

/** As file systems do, for which `a//..` is `a/..`: `new URL` takes it for `a/`, and looks at no path without `//`. */
const resolved: Form = (uri) => {
  if (!/[:/]\.\.?(?:\/|$)/.test(uri)) return uri;
  const at = pathAt(uri);
  const kept: string[] = [];
  for (const segment of uri.slice(at).split("/")) {
    if (segment === "..") kept.pop();
    else if (segment !== "." && segment !== "") kept.push(segment);
  }
  return uri.slice(0, at) + (uri[at] === "/" ? "/" : "") + kept.join("/");
};

/** For file systems, several slashes are one. */
const withoutEmptySegments: Form = (uri) => {
  const at = pathAt(uri);
  return uri.slice(0, at) + uri.slice(at).replace(/\/{2,}/g, "/");
};

/** Without what a server that looks at a part of the URL may not see. */
const withoutExtras: Form = (uri) => {
  const plain = uri.replace(/[?#].*$/s, "");
  return plain.replace(/^([a-z][a-z\d+.-]*:\/\/)[^/@]*@/i, "$1");
};

/** Some file systems, and the DNS, take no notice of them. */
const withoutTrailingDots: Form = (uri) => uri.replace(/(?<=[^./ ])[. ]+(?=\/|$)/g, "");

function countStars(text: string): number {
  return text.split("*").length;
}
