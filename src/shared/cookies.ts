/** A cookie that no script reads and that no other site's request brings. */
export interface Cookie {
  readonly name: string;
  readonly value: string;
  /** Default: the folder of the page that sets it, as its browser sees it. */
  readonly path?: string;
  /** Whether it goes over https only. */
  readonly isSecure: boolean;
  /** Seconds. Default: until the browser is closed. */
  readonly maxAge?: number;
}

/**
 * The value of a `Set-Cookie` field.
 *
 * Security decision: a path that has a `;` or another character which no attribute may have counts
 * as far as the slash before it: the cookie is sent to more paths, and has no attribute of a
 * caller's. Names and values are made here; what would end them is left out.
 *
 * @see RFC 6265, section 4.1.1
 */
export function cookieText({ name, value, path, isSecure, maxAge }: Cookie): string {
  return [
    `${cookieOctets(name)}=${cookieOctets(value)}`,
    ...(path === undefined ? [] : [`Path=${plainPath(path)}`]),
    ...(maxAge === undefined ? [] : [`Max-Age=${maxAge}`]),
    "HttpOnly",
    "SameSite=Lax",
    ...(isSecure ? ["Secure"] : []),
  ].join("; ");
}

function plainPath(path: string): string {
  const plain = /^[\x21-\x3a\x3c-\x7e]*/.exec(path)?.[0] ?? "";
  const whole = plain.length === path.length ? path : plain.slice(0, plain.lastIndexOf("/") + 1);
  return whole.startsWith("/") ? whole : "/";
}

function cookieOctets(text: string): string {
  return text.replace(/[^\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]/g, "");
}

/** The cookies in a `Cookie` field, each as `name=value`. @see RFC 6265, section 4.2.1 */
export function cookiesIn(field = ""): readonly string[] {
  return field.split(";").map((pair) => pair.trim());
}

/**
 * The values that a `Cookie` field has for a name. There are several where a browser has cookies of
 * that name for other paths, or another host of the domain set one.
 */
export function cookieValues(field: string | undefined, name: string): readonly string[] {
  const start = `${name}=`;
  return cookiesIn(field)
    .filter((pair) => pair.startsWith(start))
    .map((pair) => pair.slice(start.length));
}
