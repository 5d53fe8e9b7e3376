/** Somebody in front of a browser: follows redirects, keeps cookies, fills in forms. */
export class Person {
  readonly #cookies = new Map<string, { readonly path: string; readonly value: string }>();

  /** Goes to a URL and wherever it leads; `isAtEnd` tells where nothing is asked any more. */
  async visit(
    start: string,
    isAtEnd: (url: string) => boolean,
    form?: URLSearchParams,
  ): Promise<{ url: string; text: string }> {
    let url = start;
    let body = form;
    while (!isAtEnd(url)) {
      const response = await fetch(url, {
        ...(body !== undefined && { method: "POST", body }),
        headers: {
          accept: "text/html",
          cookie: this.#cookiesFor(url),
          ...(body !== undefined && { origin: new URL(url).origin }),
        },
        redirect: "manual",
      });
      this.#keep(response.headers.getSetCookie(), url);
      const location = response.headers.get("location");
      if (location === null) return { url, text: await response.text() };
      await response.body?.cancel();
      url = new URL(location, url).href;
      body = undefined;
    }
    return { url, text: "" };
  }

  /** Sends the form of a page, with its hidden fields. */
  async submit(
    page: { readonly url: string; readonly text: string },
    fields: Readonly<Record<string, string>>,
    isAtEnd: (url: string) => boolean,
  ): Promise<{ url: string; text: string }> {
    const form = new URLSearchParams(fields);
    for (const [, name = "", value = ""] of page.text.matchAll(
      /type="hidden" name="([^"]*)" value="([^"]*)"/g,
    )) {
      form.set(name, value);
    }
    const action = /<form[^>]* action="([^"]*)"/.exec(page.text)?.[1] ?? page.url;
    return await this.visit(new URL(action, page.url).href, isAtEnd, form);
  }

  #keep(fields: readonly string[], url: string): void {
    for (const field of fields) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(field) ?? [];
      const path = /; *path=([^;]+)/i.exec(field)?.[1] ?? new URL(url).pathname;
      this.#cookies.set(`${path} ${name}`, { path, value: `${name}=${value}` });
    }
  }

  #cookiesFor(url: string): string {
    const { pathname } = new URL(url);
    const fitting = [...this.#cookies.values()].filter(({ path }) => pathname.startsWith(path));
    return fitting.map(({ value }) => value).join("; ");
  }
}
