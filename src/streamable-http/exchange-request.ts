import type { PostExtra } from "../http/message-extra.js";

/**
 * The request as the SDK's handler sees it, and tools do (`ctx.http.req`).
 *
 * A Request and its Headers cost as much as all else of a call together, and the handler looks at four
 * headers. So these are known, and a Request is made for whoever asks for anything else. It is one to
 * `instanceof`, but not to another Request's constructor.
 */
export function exchangeRequest(extra: PostExtra, signal: AbortSignal): Request {
  const get = (name: string): string | null =>
    extra.headers[name.toLowerCase()]?.toString() ?? null;
  const has = (name: string): boolean => get(name) !== null;
  const headers = standIn<Headers>({ get, has }, Headers, () => extra.request.headers);
  const known = { method: "POST", headers, signal };
  return standIn<Request>(known, Request, () => extra.request);
}

/** An object that has some of its members, and takes the others from one that is made for that. */
function standIn<T extends object>(
  known: Partial<T>,
  type: { readonly prototype: T },
  whole: () => T,
): T {
  return new Proxy(known as T, {
    getPrototypeOf: () => type.prototype,
    has: (_known, key) => key in type.prototype,
    get(_known, key) {
      if (Object.hasOwn(known, key)) return known[key as keyof T];
      const all = whole();
      const value: unknown = Reflect.get(all, key, all);
      // Their methods look for what only they have.
      return typeof value === "function" ? (value.bind(all) as unknown) : value;
    },
  });
}
