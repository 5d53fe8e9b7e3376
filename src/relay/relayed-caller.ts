import type { AuthMethod } from "../auth/auth-method.js";
import { ANONYMOUS } from "../auth/authenticate.js";
import type { Caller } from "../auth/outcome.js";
import { createAuthInfo, createPrincipal, ownerKey } from "../auth/principal.js";
import type { Principal } from "../auth/principal.js";
import { deepFreeze } from "../shared/deep-freeze.js";
import { fromPortable, NotPortableError, toPortable } from "./portable-value.js";
import type { CallerText } from "./relay-frames.js";

/** What that text says. */
interface ToldCaller {
  readonly id: string;
  readonly method: string;
  readonly issuer?: string;
  readonly clientId?: string;
  readonly scopes: readonly string[];
  readonly expiresAt?: number;
  /** As {@link toPortable} makes them, by names that may be any: no name says what a value is. */
  readonly claims: readonly (readonly [name: string, value: unknown])[];
  readonly validUntil?: number;
}

/** Shorter ones may stand in a claim by chance. */
const TELLING_LENGTH = 16;

/** A principal is told of with each of its requests. */
const texts = new WeakMap<Principal, string>();

/**
 * What another node is told of a caller.
 *
 * Security decision: of a success, and never the credential. A principal that has its own credential
 * among its claims is refused, since whoever reads claims, and logs them, takes them for no secret.
 *
 * @throws Error that says to the operator which claim cannot travel.
 */
export function tellCaller({ principal, validUntil, credential }: Caller): CallerText {
  if (principal === undefined) return null;
  let text = texts.get(principal);
  if (text === undefined) {
    const { claims, ...rest } = principal;
    const told = { ...rest, claims: portableClaims(principal.method, claims), validUntil };
    text = JSON.stringify(told);
    texts.set(principal, text);
  }
  // As it would stand there.
  const secret = JSON.stringify(credential?.text ?? "").slice(1, -1);
  if (secret.length >= TELLING_LENGTH && text.includes(secret)) {
    throw new Error(`the principal of ${principal.method} has its credential in a claim`);
  }
  return text;
}

function portableClaims(method: string, claims: Principal["claims"]): ToldCaller["claims"] {
  return Object.entries(claims).map(([name, value]) => {
    try {
      return [name, toPortable(value)] as const;
    } catch (error) {
      if (!(error instanceof NotPortableError)) throw error;
      throw new Error(
        `claim ${JSON.stringify(name)} of the ${method} method cannot be told to another node: ${error.message}`,
        { cause: error },
      );
    }
  });
}

/** How many are known at a time; each takes as much as its claims. */
const MAX_KNOWN = 1_024;

/** What is the same for all requests of a caller. */
type KnownCaller = Omit<Caller, "authInfo" | "verifiedAt">;

/** Callers that other nodes have let in, as this one takes them. */
export class RelayedCallers {
  readonly #methods: readonly AuthMethod[];
  /** By what was told of them, the oldest first, so that the same caller is the same principal. */
  readonly #known = new Map<string, KnownCaller>();

  /** @param methods of this endpoint; none where it is open. */
  constructor(methods: readonly AuthMethod[]) {
    this.#methods = methods;
  }

  /**
   * The caller of one relayed request.
   *
   * Security decision: the node that has the credential has verified it for this request, with the
   * secret that all nodes share. Nothing is concluded from that for any other request, and this node,
   * which could not verify it again, looks at its end only.
   *
   * @param token the bearer token, where tools may see it.
   * @throws Error for a caller whom no method of this endpoint could have let in.
   */
  read(text: CallerText, token = ""): Caller {
    if (text === null) {
      if (this.#methods.length > 0)
        throw new Error("another node has let in a caller without a name");
      return { ...ANONYMOUS, isRelayed: true };
    }
    const known = this.#known.get(text) ?? this.#learn(text);
    const { principal } = known;
    return {
      ...known,
      verifiedAt: performance.now(),
      get authInfo() {
        return principal && createAuthInfo(principal, token);
      },
    };
  }

  #learn(text: string): KnownCaller {
    const { method: name, validUntil, claims, ...init } = JSON.parse(text) as ToldCaller;
    const index = this.#methods.findIndex((method) => couldBeOf(method, name, init.issuer));
    const method = this.#methods[index];
    if (method === undefined) {
      throw new Error(`another node has a method ${name}, which is not in this one's auth`);
    }
    const principal = createPrincipal(name, {
      ...init,
      // All its requests have them.
      claims: deepFreeze(
        Object.fromEntries(claims.map(([claim, value]) => [claim, fromPortable(value)])),
      ),
    });
    const known: KnownCaller = {
      principal,
      methodsTried: this.#methods.slice(0, index + 1),
      ownerKey: ownerKey(principal),
      credential: undefined,
      exposesToken: false,
      validUntil,
      upstream: method.upstream?.bind(method),
      isRelayed: true,
    };
    const [oldest] = this.#known.keys();
    if (this.#known.size >= MAX_KNOWN && oldest !== undefined) this.#known.delete(oldest);
    this.#known.set(text, known);
    return known;
  }
}

/** Methods that share a name are told apart by their issuers. */
function couldBeOf(method: AuthMethod, name: string, issuer: string | undefined): boolean {
  if (method.name !== name) return false;
  return method.issuers === undefined || (issuer !== undefined && method.issuers.includes(issuer));
}
