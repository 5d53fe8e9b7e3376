import type { UpstreamToken } from "../../../src/upstream-token.js";
import { ownerByLogin } from "./owners.js";
import type { Logins, UpstreamTokens } from "./records.js";
import type { SealedStorage } from "./seal.js";
import { toUpstreamTokens } from "./token-client.js";
import type { TokenResponse } from "./token-client.js";

/** A token is refreshed this long before it ends, in milliseconds, so that it lasts for a call. */
const EARLY_MS = 60_000;

/** How long one process may hold the others back, in milliseconds. */
const LOCK_MS = 20_000;

/** How often a process that is held back looks again, in milliseconds. */
const LOOK_AGAIN_MS = 250;

/** What refreshing needs. */
export interface UpstreamParts {
  readonly logins: Logins;
  readonly records: SealedStorage;
  /** Asks the provider's token endpoint. */
  readonly refresh: (refreshToken: string) => Promise<TokenResponse>;
  /** Milliseconds since the epoch. Default: `Date.now`. */
  readonly now?: () => number;
}

/**
 * The provider's tokens of each login, refreshed when they are due. However many calls need one,
 * one refresh runs for each login: here by sharing its promise, among processes by a lock in the
 * storage. Providers that rotate refresh tokens would take a second one for theft.
 */
export class Upstream {
  readonly #parts: UpstreamParts;
  readonly #refreshing = new Map<string, Promise<UpstreamTokens>>();

  constructor(parts: UpstreamParts) {
    this.#parts = parts;
  }

  /** @throws Error when there is no token of this login, or it ended and cannot be refreshed. */
  async token(loginId: string): Promise<UpstreamToken> {
    const tokens = await this.#stored(loginId);
    if (!this.#isDue(tokens)) return toToken(tokens);
    const refreshing = this.#refreshing.get(loginId) ?? this.#refreshOnce(loginId);
    return toToken(await refreshing);
  }

  #refreshOnce(loginId: string): Promise<UpstreamTokens> {
    const refreshing = this.#refresh(loginId).finally(() => this.#refreshing.delete(loginId));
    this.#refreshing.set(loginId, refreshing);
    return refreshing;
  }

  async #refresh(loginId: string): Promise<UpstreamTokens> {
    const { records } = this.#parts;
    const owner = ownerByLogin(loginId);
    for (;;) {
      const tokens = await this.#stored(loginId);
      if (!this.#isDue(tokens)) return tokens;
      if (await records.add("UpstreamLock", loginId, true, { ttlMs: LOCK_MS, owner })) {
        return await this.#refreshLocked(loginId).finally(() =>
          records.delete("UpstreamLock", loginId),
        );
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
  }

  async #refreshLocked(loginId: string): Promise<UpstreamTokens> {
    const before = await this.#stored(loginId);
    // Whoever had the lock before may have done it.
    if (!this.#isDue(before)) return before;
    const { refreshToken } = before;
    if (refreshToken === undefined) throw signInAgain();
    const { logins, refresh } = this.#parts;
    const upstream = toUpstreamTokens(await refresh(refreshToken), before, this.#now());
    const login = await logins.find(loginId);
    if (login === undefined) throw signInAgain();
    await logins.update(loginId, { ...login, upstream });
    return upstream;
  }

  async #stored(loginId: string): Promise<UpstreamTokens> {
    const login = await this.#parts.logins.find(loginId);
    if (login?.upstream === undefined) throw signInAgain();
    return login.upstream;
  }

  #isDue({ expiresAt }: UpstreamTokens): boolean {
    return expiresAt !== undefined && expiresAt - EARLY_MS <= this.#now();
  }

  #now(): number {
    return (this.#parts.now ?? Date.now)();
  }
}

function toToken({ accessToken, expiresAt, scopes }: UpstreamTokens): UpstreamToken {
  const token: Omit<UpstreamToken, "accessToken"> = {
    ...(expiresAt !== undefined && { expiresAt }),
    scopes: [...scopes],
  };
  return Object.defineProperty(token, "accessToken", {
    value: accessToken,
    enumerable: false,
  }) as UpstreamToken;
}

function signInAgain(): Error {
  return new Error("There is no token of the identity provider: the caller has to sign in again.");
}
