/**
 * Text of callers, issuers and applications in forms in which a character of it could end a line,
 * a part, or the form itself: one function for each form, and nobody else writes it. (Sources of a
 * content policy are written by `policySource`, text of pages by `html` and `displayText`, lines of
 * a log by `logText`, cookies by `cookieText`, fields of an event stream by `encodeEvent`, and JSON
 * by `JSON.stringify`.)
 */

/** Longest text in a header field, in characters: clients refuse heads of 16 KiB and more. */
const MAX_FIELD_LENGTH = 4_000;

/**
 * Text in the value of a header field. What is not printable ASCII becomes a space: a line break
 * would begin a field of its own, and Node refuses to send some of the rest.
 *
 * @see RFC 9110, section 5.5
 */
export function fieldText(text: string): string {
  return text.slice(0, MAX_FIELD_LENGTH).replace(/[^\x20-\x7e]/g, " ");
}

/**
 * Text between the quotes of a header field's parameter. Quotes and backslashes become `'`, because
 * many clients do not undo an escape.
 *
 * @see RFC 9110, section 5.6.4
 */
export function quotedText(text: string): string {
  return fieldText(text).replace(/["\\]/g, "'");
}

/**
 * A URL in a `Location` field. What no URL contains is escaped, so that the browser goes where the
 * URL says, and nothing else is in the head.
 *
 * @see RFC 9110, section 10.2.2; RFC 3986, section 2.1
 */
export function locationText(url: string): string {
  const escape = (text: string): string =>
    [...Buffer.from(text)].map((byte) => `%${hexByte(byte)}`).join("");
  return url.replace(/[^\x21-\x7e]+/g, escape);
}

function hexByte(value: number): string {
  return value.toString(16).toUpperCase().padStart(2, "0");
}
