/**
 * Who is calling: the principal, the key that decides which sessions are theirs, and the
 * `AuthInfo` through which both SDK majors hand it to tools.
 */

/** The authenticated caller. */
export interface Principal {
  /** Subject of the credential: `sub` of a token, the id of an API key. */
  readonly id: string;
  /** Name of the method that let the caller in: `"jwt"`, `"apikey"`, `"oauth"`, or the strategy's name. */
  readonly method: string;
  /** `iss` of the token. @see RFC 7519, section 4.1.1 */
  readonly issuer?: string;
  /** The client that acts for the subject: `client_id` or `azp`. @see RFC 9068, section 2.2 */
  readonly clientId?: string;
  /** What the credential permits; empty when it names no scopes. */
  readonly scopes: readonly string[];
  /** When the credential ends, in seconds since the epoch, as in `exp`. */
  readonly expiresAt?: number;
  /** Everything else that was verified with the credential. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** What an authentication method says of a caller; the rest of the {@link Principal} has defaults. */
export interface PrincipalInit {
  /** Logs show it: never the credential itself. */
  readonly id: string;
  readonly issuer?: string | undefined;
  readonly clientId?: string | undefined;
  readonly scopes?: readonly string[] | undefined;
  readonly expiresAt?: number | undefined;
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * What tools find as `extra.authInfo` (SDK v1) and `ctx.http.authInfo` (SDK v2); assignable to
 * both SDKs' type of that name.
 */
export interface AuthInfo {
  /** The bearer token; empty for every other credential. Not enumerable, so that printing this object does not print it. */
  token: string;
  /** The principal's `clientId`, else its `id`. */
  clientId: string;
  scopes: string[];
  /** Seconds since the epoch. */
  expiresAt?: number;
  /** `principal` holds the {@link Principal}; {@link principalOf} reads it. */
  extra?: Record<string, unknown>;
}

/** Every principal made here, so that an object that merely looks like one is never taken for one. */
const principals = new WeakSet<object>();

/**
 * Completes and freezes what a method said of its caller.
 *
 * @throws TypeError when `init` has no usable id: a caller without an identity would share
 * sessions with every other caller without one. And for scopes or an end that are none: text would
 * be a scope for each of its letters, and a `Date` is never over.
 */
export function createPrincipal(method: string, init: PrincipalInit): Principal {
  if (typeof init.id !== "string" || init.id === "") {
    throw new TypeError(`The principal of "${method}" has no id. Return { id: "…" }.`);
  }
  checkScopes(method, init.scopes ?? []);
  if (init.expiresAt !== undefined && !Number.isFinite(init.expiresAt)) {
    throw new TypeError(
      `The principal of "${method}" has an expiresAt that is no number. Return seconds since the epoch.`,
    );
  }
  const principal: Principal = Object.freeze({
    id: init.id,
    method,
    ...(init.issuer !== undefined && { issuer: init.issuer }),
    ...(init.clientId !== undefined && { clientId: init.clientId }),
    scopes: Object.freeze([...(init.scopes ?? [])]),
    ...(init.expiresAt !== undefined && { expiresAt: init.expiresAt }),
    // Not by spreading: V8 would make a hidden class of its own for each object frozen after that.
    claims: Object.freeze(Object.fromEntries(Object.entries(init.claims ?? {}))),
  });
  principals.add(principal);
  return principal;
}

function checkScopes(method: string, scopes: unknown): void {
  if (Array.isArray(scopes) && scopes.every((scope) => typeof scope === "string")) return;
  throw new TypeError(`The principal of "${method}" has scopes that are no list of texts.`);
}

/** The owner of sessions on an endpoint that is explicitly open. */
const ANONYMOUS_OWNER = "anonymous";

/**
 * The key that decides whose a session is: method, issuer, subject and client together. The
 * token is not part of it, so a refreshed token continues a session; leaving any of the four out
 * would let one caller into another's.
 *
 * JSON keeps the parts apart whatever they contain.
 */
export function ownerKey(principal: Principal | undefined): string {
  if (principal === undefined) return ANONYMOUS_OWNER;
  const { method, issuer = null, id, clientId = null } = principal;
  return JSON.stringify([method, issuer, id, clientId]);
}

/** Whom an owner's key names, for operators; `undefined` for that of an open endpoint. */
export function namedBy(
  key: string | undefined,
): Pick<Principal, "id" | "method" | "issuer" | "clientId"> | undefined {
  if (key === undefined || key === ANONYMOUS_OWNER) return undefined;
  const [method, issuer, id, clientId] = JSON.parse(key) as [string, string?, string?, string?];
  return {
    method,
    id: id ?? "",
    ...(typeof issuer === "string" && { issuer }),
    ...(typeof clientId === "string" && { clientId }),
  };
}

/** The SDKs' view of a principal. `token` is a bearer token or nothing, never an API key. */
export function createAuthInfo(principal: Principal, token = ""): AuthInfo {
  const { id, clientId = id, scopes, expiresAt } = principal;
  const info: Omit<AuthInfo, "token"> = { clientId, scopes: [...scopes], extra: { principal } };
  // Not by spreading: there is one of these for each call.
  if (expiresAt !== undefined) info.expiresAt = expiresAt;
  return Object.defineProperty(info, "token", { value: token, enumerable: false }) as AuthInfo;
}

/**
 * An `AuthInfo` whose principal {@link principalOf} knows, for callers that did not come through
 * this package: in tests of tools, over the SDK's `InMemoryTransport`, and from a transport of your
 * own that has authenticated its callers.
 *
 * @example
 * ```ts
 * const [near, far] = InMemoryTransport.createLinkedPair();
 * await mcp.connect(far);
 * const send = near.send.bind(near);
 * // What the client sends now is alice's.
 * near.send = (message, options) => send(message, { ...options, authInfo: authInfoFor({ id: "alice" }) });
 * ```
 *
 * @param caller who it is; `method` is `"test"` unless given.
 * @param token the bearer token that tools may see. Default: none.
 * @throws TypeError without a usable `id`.
 */
export function authInfoFor(
  { method = "test", ...init }: PrincipalInit & { readonly method?: string },
  token = "",
): AuthInfo {
  return createAuthInfo(createPrincipal(method, init), token);
}

/**
 * The caller, from inside a tool, prompt or resource handler: takes the handler's last argument
 * (`extra` of SDK v1, `ctx` of SDK v2), or a request that passed the router's `guard`.
 *
 * @example
 * ```ts
 * mcp.registerTool("whoami", {}, (extra) => ({
 *   content: [{ type: "text", text: principalOf(extra)?.id ?? "nobody" }],
 * }));
 * ```
 *
 * @returns `undefined` where nobody was authenticated: an open endpoint, or stdio.
 */
export function principalOf(context: unknown): Principal | undefined {
  const candidates = [
    read(read(context, "authInfo"), "extra"),
    read(read(read(context, "http"), "authInfo"), "extra"),
    read(read(context, "auth"), "extra"),
  ];
  for (const extra of candidates) {
    const principal = read(extra, "principal");
    if (isPrincipal(principal)) return principal;
  }
  return undefined;
}

function isPrincipal(value: unknown): value is Principal {
  return typeof value === "object" && value !== null && principals.has(value);
}

function read(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null
    ? (value as Record<string, unknown>)[key]
    : undefined;
}
