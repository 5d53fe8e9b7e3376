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

/** A page, or the address at which a person left the servers of the test. */
export interface Visit {
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** Somebody in front of a browser without scripts: follows redirects, fills in forms. */
export class Person {
  readonly cookies = new CookieJar();
  /** Every URL that was asked for, in order. */
  readonly trail: string[] = [];

  /**
   * @param home URLs that begin otherwise are not fetched: there the visit ends.
   * @param headers What is sent with every request.
   */
  constructor(
    readonly home: readonly string[],
    readonly headers: Readonly<Record<string, string>> = {},
  ) {}

  /** Goes to a URL, and wherever it leads. `stopAt`: a redirect that is not followed. */
  async visit(url: string, stopAt?: RegExp): Promise<Visit> {
    return await this.#go(url, { method: "GET" }, stopAt);
  }

  /** Sends the form of a page, as its button with this name and value would. */
  async submit(
    page: Visit,
    fields: Readonly<Record<string, string>>,
    { stopAt, headers = {} }: { stopAt?: RegExp; headers?: Readonly<Record<string, string>> } = {},
  ): Promise<Visit> {
    const action = /<form[^>]*\baction="([^"]*)"/.exec(page.text)?.[1] ?? page.url;
    const form = new URLSearchParams(hiddenFields(page.text));
    for (const [name, value] of Object.entries(fields)) form.set(name, value);
    const target = new URL(decode(action), page.url).href;
    const { origin } = new URL(page.url);
    return await this.#go(
      target,
      {
        method: "POST",
        body: form.toString(),
        headers: { "content-type": "application/x-www-form-urlencoded", origin, ...headers },
      },
      stopAt,
    );
  }

  async #go(start: string, first: RequestInit, stopAt?: RegExp): Promise<Visit> {
    let url = start;
    let init = first;
    for (let hops = 0; hops < 20; hops++) {
      if (!this.home.some((origin) => url.startsWith(origin))) return left(url);
      this.trail.push(url);
      const response = await fetch(url, {
        ...init,
        redirect: "manual",
        headers: {
          accept: "text/html",
          ...this.headers,
          ...(init.headers as Record<string, string> | undefined),
          cookie: this.cookies.for(url),
        },
      });
      this.cookies.take(url, response.headers.getSetCookie());
      const text = await response.text();
      const location = response.headers.get("location");
      if (location === null || response.status < 300) {
        return { url, status: response.status, headers: response.headers, text };
      }
      url = new URL(location, url).href;
      if (stopAt?.test(url)) return left(url);
      init = { method: "GET" };
    }
    throw new Error(`too many redirects, at ${url}`);
  }
}

/** Signs in at the provider, from its login page to wherever our server goes on. */
export async function passProvider(
  person: Person,
  page: Visit,
  login: string,
  stopAt?: RegExp,
): Promise<Visit> {
  let current = page;
  while (/name="prompt" value="(login|consent)"/.test(current.text)) {
    current = await person.submit(
      current,
      { login, password: "any" },
      stopAt === undefined ? {} : { stopAt },
    );
  }
  return current;
}

function left(url: string): Visit {
  return { url, status: 0, headers: new Headers(), text: "" };
}

function hiddenFields(page: string): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const [input] of page.matchAll(/<input[^>]*type="hidden"[^>]*>/g)) {
    const name = /name="([^"]*)"/.exec(input)?.[1];
    if (name !== undefined) fields[name] = decode(/value="([^"]*)"/.exec(input)?.[1] ?? "");
  }
  return fields;
}

function decode(text: string): string {
  return text
    .replace(/&amp;/g, "&")
    .replace(/&quot;/g, '"')
    .replace(/&#39;/g, "'");
}
