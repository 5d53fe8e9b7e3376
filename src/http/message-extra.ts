import type { IncomingMessage } from "node:http";
import type { AuthMethod } from "../auth/auth-method.js";
import type { Caller } from "../auth/outcome.js";
import type { AuthInfo } from "../auth/principal.js";
import { parseUrl, rawQueryOf } from "../shared/url.js";
import { addressOf } from "./mount.js";
import type { MessageExtra, RequestInfo } from "./mcp-transport.js";
import { partsOf } from "./request-parts.js";
import type { RequestParts } from "./request-parts.js";

/** The extra of a message that came as a POST; its parts are made when they are read. */
export class PostExtra implements MessageExtra {
  declare readonly authInfo?: AuthInfo;
  declare closeSSEStream?: () => void;
  declare closeStandaloneSSEStream?: () => void;
  readonly #req: IncomingMessage;
  readonly #parts: RequestParts;
  readonly #hidden: () => readonly string[];
  readonly #publicUrl: string | undefined;
  #headers: RequestInfo["headers"] | undefined;
  #requestInfo: RequestInfo | undefined;
  #request: Request | undefined;

  /**
   * @param hidden names headers with secrets that tools must not find, in lower case.
   * @param parts of the request, if they were read before.
   * @param publicUrl URL of the message route as the operator wrote it down; whatever `Host` says.
   */
  constructor(
    req: IncomingMessage,
    authInfo: AuthInfo | undefined,
    hidden: () => readonly string[] = () => [],
    parts: RequestParts = partsOf(req),
    publicUrl?: string,
  ) {
    if (authInfo !== undefined) this.authInfo = authInfo;
    this.#req = req;
    this.#parts = parts;
    this.#hidden = hidden;
    this.#publicUrl = publicUrl;
  }

  /** Whom the request comes from. */
  get address(): string | undefined {
    return addressOf(this.#req);
  }

  /** Those that tools may see; without the URL, which is parsed for who wants it. */
  get headers(): RequestInfo["headers"] {
    if (this.#headers === undefined) {
      this.#headers = { ...this.#parts.headers };
      for (const name of this.#hidden()) Reflect.deleteProperty(this.#headers, name);
    }
    return this.#headers;
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
    return new LazyRequestInfo(this.headers, () =>
      requestUrl(this.#req, this.#parts, this.#publicUrl),
    );
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

/** SDK v1 takes one from each message, and few tools look at its URL: that is parsed for those. */
class LazyRequestInfo implements RequestInfo {
  /** An own property, as others have it: who copies this object copies the URL. */
  static readonly #URL: PropertyDescriptor & ThisType<LazyRequestInfo> = {
    get() {
      const url = this.#urlOf();
      this.#urlOf = () => url;
      return url;
    },
    set(url: URL | undefined) {
      this.#urlOf = () => url;
    },
    enumerable: true,
    configurable: true,
  };
  headers: RequestInfo["headers"];
  declare url?: URL | undefined;
  #urlOf: () => URL | undefined;

  constructor(headers: RequestInfo["headers"], urlOf: () => URL | undefined) {
    this.headers = headers;
    this.#urlOf = urlOf;
    Object.defineProperty(this, "url", LazyRequestInfo.#URL);
  }
}

/** With what a message came, as far as operators hear of it; nothing is known of one that no POST brought. */
export function originOf(extra: MessageExtra | undefined): Pick<PostExtra, "address" | "headers"> {
  return extra instanceof PostExtra ? extra : { address: undefined, headers: {} };
}

/** The URL that was asked for, mount prefix included; `undefined` when Host and path make none. */
function requestUrl(
  req: IncomingMessage & { originalUrl?: string },
  { headers: { host }, socket }: RequestParts,
  publicUrl: string | undefined,
): URL | undefined {
  const path = req.originalUrl ?? req.url;
  if (publicUrl !== undefined) return new URL(withQueryOf(publicUrl, path));
  if (host === undefined || path === undefined) return undefined;
  const scheme = "encrypted" in socket ? "https" : "http";
  const url = parseUrl(`${scheme}://${host}${path}`);
  // Credentials in a Host are no part of HTTP, and no Request takes a URL that has them.
  return url?.username === "" && url.password === "" ? url : undefined;
}

function withQueryOf(publicUrl: string, path = ""): string {
  const query = rawQueryOf(path);
  return query === undefined ? publicUrl : `${publicUrl}?${query}`;
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
