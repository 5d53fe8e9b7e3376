/** A cookie as a browser keeps it. */
export interface Cookie {
  readonly name: string;
  readonly value: string;
  readonly host: string;
  readonly path: string;
  readonly secure: boolean;
  readonly httpOnly: boolean;
  readonly sameSite: string | undefined;
  /** The field as it was sent. */
  readonly text: string;
}

/** Cookies of one browser. Like a browser's they know no ports. */
export class CookieJar {
  readonly #cookies = new Map<string, Cookie>();

  /** Cookies that a page would be sent with. */
  for(url: string): string {
    const { hostname, pathname } = new URL(url);
    return [...this.#cookies.values()]
      .filter(({ host, path }) => host === hostname && covers(path, pathname))
      .map(({ name, value }) => `${name}=${value}`)
      .join("; ");
  }

  take(url: string, fields: readonly string[]): void {
    for (const text of fields) {
      const cookie = parse(url, text);
      const key = `${cookie.host} ${cookie.path} ${cookie.name}`;
      if (isOver(text)) this.#cookies.delete(key);
      else this.#cookies.set(key, cookie);
    }
  }

  list(): readonly Cookie[] {
    return [...this.#cookies.values()];
  }

  /** The one cookie whose name matches. */
  find(name: RegExp): Cookie {
    const found = this.list().filter((cookie) => name.test(cookie.name));
    if (found.length !== 1) throw new Error(`${found.length} cookies match ${name.source}`);
    return found[0]!;
  }

  delete(name: RegExp): void {
    for (const [key, cookie] of this.#cookies)
      if (name.test(cookie.name)) this.#cookies.delete(key);
  }

  set(cookie: Cookie): void {
    this.#cookies.set(`${cookie.host} ${cookie.path} ${cookie.name}`, cookie);
  }
}

function covers(path: string, pathname: string): boolean {
  return pathname === path || pathname.startsWith(path.endsWith("/") ? path : `${path}/`);
}

function parse(url: string, text: string): Cookie {
  const { hostname, pathname } = new URL(url);
  const [pair = "", ...attributes] = text.split(";").map((part) => part.trim());
  const find = (name: string): string | undefined =>
    attributes.find((attribute) => attribute.toLowerCase().startsWith(name))?.split("=")[1] ??
    (attributes.some((attribute) => attribute.toLowerCase() === name) ? "" : undefined);
  const separator = pair.indexOf("=");
  return {
    name: pair.slice(0, separator),
    value: pair.slice(separator + 1),
    host: hostname,
    path: find("path") ?? pathname,
    secure: find("secure") !== undefined,
    httpOnly: find("httponly") !== undefined,
    sameSite: find("samesite"),
    text,
  };
}

function isOver(text: string): boolean {
  const expires = /expires=([^;]+)/i.exec(text)?.[1];
  return /max-age=0\b/i.test(text) || (expires !== undefined && new Date(expires) <= new Date());
}
