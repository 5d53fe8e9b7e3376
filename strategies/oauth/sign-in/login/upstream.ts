import type { UpstreamToken } from "../../../../src/shared/upstream-token.js";
import { ownerByLogin } from "../storage/owners.js";
import type { Logins } from "../storage/records.js";
import type { Login, UpstreamTokens } from "../storage/login.js";
import { endsLogin } from "./ends-login.js";
import type { SealedStorage } from "../storage/seal.js";
import { toUpstreamTokens } from "./token-client.js";
import type { TokenResponse } from "./token-client.js";

/** A token is refreshed this long before it ends, in milliseconds, so that it lasts for a call. */
const EARLY_MS = 60_000;

/** How long one process may hold the others back, in milliseconds. */
const LOCK_MS = 20_000;

/** How often a process that is held back looks again, in milliseconds. */
const LOOK_AGAIN_MS = 250;

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
    const login = await this.#stored(loginId);
    if (!this.#isDue(login)) return toToken(login.upstream);
    return toToken(await this.renew(loginId, (stored) => this.#isDue(stored)));
  }

  /**
   * New tokens, by refreshing.
   *
   * @param isDue whether a login, as it is stored by then, still needs them: somebody else may
   * have been faster.
   * @throws Error when there are none to be had. A login that the provider has ended is ended.
   */
  async renew(loginId: string, isDue: (login: Login) => boolean): Promise<UpstreamTokens> {
    return await (this.#refreshing.get(loginId) ?? this.#refreshOnce(loginId, isDue));
  }

  #refreshOnce(loginId: string, isDue: (login: Login) => boolean): Promise<UpstreamTokens> {
    const refreshing = this.#refresh(loginId, isDue).finally(() =>
      this.#refreshing.delete(loginId),
    );
    this.#refreshing.set(loginId, refreshing);
    return refreshing;
  }

  async #refresh(loginId: string, isDue: (login: Login) => boolean): Promise<UpstreamTokens> {
    const { records } = this.#parts;
    const owner = ownerByLogin(loginId);
    for (;;) {
      const login = await this.#stored(loginId);
      if (!isDue(login)) return login.upstream;
      if (await records.add("UpstreamLock", loginId, true, { ttlMs: LOCK_MS, owner })) {
        return await this.#refreshLocked(loginId, isDue).finally(() =>
          records.delete("UpstreamLock", loginId),
        );
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
  }

  async #refreshLocked(loginId: string, isDue: (login: Login) => boolean): Promise<UpstreamTokens> {
    const before = await this.#stored(loginId);
    // Whoever had the lock before may have done it.
    if (!isDue(before)) return before.upstream;
    const { refreshToken } = before.upstream;
    if (refreshToken === undefined) throw signInAgain();
    const { logins, refresh } = this.#parts;
    const response = await refresh(refreshToken).catch(async (error: unknown) => {
      if (endsLogin(error)) await logins.end(loginId);
      throw error;
    });
    const upstream = toUpstreamTokens(response, before.upstream, this.#now());
    const login = await logins.find(loginId);
    if (login === undefined) throw signInAgain();
    await logins.update(loginId, { ...login, upstream, confirmedAt: this.#now() });
    return upstream;
  }

  async #stored(loginId: string): Promise<Login & { readonly upstream: UpstreamTokens }> {
    const login = await this.#parts.logins.find(loginId);
    if (login?.upstream === undefined) throw signInAgain();
    return { ...login, upstream: login.upstream };
  }

  #isDue({ upstream }: Login): boolean {
    const expiresAt = upstream?.expiresAt;
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
