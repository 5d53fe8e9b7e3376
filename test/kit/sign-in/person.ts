import { CookieJar } from "./cookie-jar.js";

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
