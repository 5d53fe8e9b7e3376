/**
 * The parts of a request's URL, as `node:http` hands it over: a path, and a query behind the first
 * question mark. The rest of the question marks are data.
 *
 * @see RFC 3986, section 3.4
 */

/** The path, as it was written. */
export function withoutQuery(url: string): string {
  const end = url.indexOf("?");
  return end === -1 ? url : url.slice(0, end);
}

/** What follows the question mark, as it was written; `undefined` where there is none. */
export function rawQueryOf(url: string): string | undefined {
  const start = url.indexOf("?");
  return start === -1 ? undefined : url.slice(start + 1);
}

/** The fields of the query. */
export function queryOf(url = ""): URLSearchParams {
  return new URLSearchParams(rawQueryOf(url));
}

/**
 * What a text says as a URL; `undefined` where it is none.
 *
 * Security decision: never `URL.canParse`. Once Node 20 and 22 have compiled that, it takes every URL with a letter
 * such as "ü" in it for none, and what is decided from then on is decided about another text.
 *
 * @param base What a relative one is relative to.
 * @see WHATWG URL, section 4.4
 */
export function parseUrl(text: string, base?: URL | string): URL | undefined {
  try {
    return new URL(text, base);
  } catch {
    return undefined;
  }
}
