/** More pages than a login has; beyond, something goes in circles. */
const MAX_PAGES = 20;

interface Page {
  readonly url: string;
  readonly form?: URLSearchParams;
}

/** As much of a browser as a login needs: redirects, cookies and forms. */
export class Browser {
  readonly #cookies = new Map<string, string>();

  /**
   * Fills in the forms of oidc-provider's own pages.
   *
   * @returns the parameters of the redirect that leads back to the client.
   */
  async signIn(authorizationUrl: URL, user: string): Promise<URLSearchParams> {
    const callback = authorizationUrl.searchParams.get("redirect_uri") ?? "";
    let page: Page = { url: authorizationUrl.href };
    for (let count = 0; count < MAX_PAGES; count++) {
      const response = await this.#open(page);
      const text = await response.text();
      const location = response.headers.get("location");
      if (location !== null) page = { url: new URL(location, page.url).href };
      else page = fillIn(text, page.url, user);
      if (page.url.startsWith(callback)) return new URL(page.url).searchParams;
    }
    throw new Error("the login does not end");
  }

  async #open({ url, form }: Page): Promise<Response> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(url, {
      redirect: "manual",
      headers: { cookie },
      ...(form !== undefined && { method: "POST", body: form }),
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      this.#cookies.set(name, value);
    }
    return response;
  }
}

function fillIn(html: string, url: string, user: string): Page {
  const action = /action="([^"]+)"/.exec(html)?.[1];
  const prompt = /name="prompt" value="(\w+)"/.exec(html)?.[1];
  if (action === undefined || prompt === undefined) throw new Error(`no form in: ${html}`);
  const form = new URLSearchParams({ prompt, login: user, password: "any" });
  return { url: new URL(action, url).href, form };
}
