/** A token: the name of a header field, an authentication scheme, a parameter. @see RFC 9110, section 5.6.2 */
export const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";

const WHOLE_TOKEN = new RegExp(`^${TOKEN}$`);

/** Whether a text is a token. */
export function isToken(text: string): boolean {
  return WHOLE_TOKEN.test(text);
}

/** Whether a text is a host with or without a port, and can be nothing else in a URL. @see RFC 9110, section 7.2 */
export function isHost(text: string): boolean {
  return /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i.test(text);
}

/** Whether a value is one scope. @see RFC 6749, section 3.3 */
export function isScope(value: unknown): value is string {
  return typeof value === "string" && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(value);
}
