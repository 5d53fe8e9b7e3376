import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { AuthMethod } from "./auth/auth-method.js";
import type { Caller } from "./auth/outcome.js";
import type { AuthInfo } from "./auth/principal.js";

/** What a tool of SDK v1 finds as `extra.requestInfo`. */
export interface RequestInfo {
  headers: IncomingHttpHeaders;
  url?: URL | undefined;
}

/**
 * What accompanies a message on its way to the SDK server: `authInfo` and `requestInfo` are what
 * SDK v1 reads, `authInfo` and `request` what SDK v2 reads.
 */
export interface MessageExtra {
  authInfo?: AuthInfo | undefined;
  requestInfo?: RequestInfo | undefined;
  request?: Request | undefined;
}

/** The extra of a message that came as a POST; its parts are made when they are read. */
export class PostExtra implements MessageExtra {
  declare readonly authInfo?: AuthInfo;
  readonly #req: IncomingMessage;
  readonly #hidden: () => readonly string[];
  #requestInfo: RequestInfo | undefined;
  #request: Request | undefined;

  /** @param hidden names headers with secrets that tools must not find, in lower case. */
  constructor(
    req: IncomingMessage,
    authInfo: AuthInfo | undefined,
    hidden: () => readonly string[] = () => [],
  ) {
    if (authInfo !== undefined) this.authInfo = authInfo;
    this.#req = req;
    this.#hidden = hidden;
  }

  get requestInfo(): RequestInfo {
    this.#requestInfo ??= this.#createRequestInfo();
    return this.#requestInfo;
  }

  get request(): Request {
    this.#request ??= this.#createRequest();
    return this.#request;
  }

  #createRequestInfo(): RequestInfo {
    const headers = { ...this.#req.headers };
    for (const name of this.#hidden()) Reflect.deleteProperty(headers, name);
    const url = requestUrl(this.#req);
    return url === undefined ? { headers } : { headers, url };
  }

  #createRequest(): Request {
    const { headers, url = new URL("http://unknown.invalid/") } = this.requestInfo;
    const copy = new Headers();
    for (const [name, value] of Object.entries(headers)) {
      for (const item of Array.isArray(value) ? value : [value]) {
        if (item !== undefined) copy.append(name, item);
      }
    }
    return new Request(url, { method: this.#req.method ?? "POST", headers: copy });
  }
}

/** The URL that was asked for, mount prefix included; `undefined` when Host and path make none. */
function requestUrl(req: IncomingMessage & { originalUrl?: string }): URL | undefined {
  const { host } = req.headers;
  const path = req.originalUrl ?? req.url;
  if (host === undefined || path === undefined) return undefined;
  const scheme = "encrypted" in req.socket ? "https" : "http";
  const text = `${scheme}://${host}${path}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // Credentials in a Host are no part of HTTP, and no Request takes a URL that has them.
  return url?.username === "" && url.password === "" ? url : undefined;
}

/**
 * Headers with credentials that tools must not see: all but the token that let the caller in. A
 * key is one even when a token beside it counted.
 */
export function headersToHide(
  req: IncomingMessage,
  { exposesToken }: Caller,
  methods: readonly AuthMethod[],
): readonly string[] {
  const hidden = exposesToken ? [] : ["authorization"];
  for (const method of methods) {
    if (method.exposesToken === true) continue;
    const found = method.findCredential?.(req);
    if (found?.place === "header") hidden.push(found.name);
  }
  return hidden;
}
