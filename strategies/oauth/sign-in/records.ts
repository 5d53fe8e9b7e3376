import { randomBytes } from "node:crypto";
import { ownerByLogin, personTag } from "./owners.js";
import type { SealedStorage } from "./seal.js";

/** Who signed in, as far as the sign-in needs it. */
export interface SignInProfile {
  /** Tells any two people apart and stays the same for each: the provider's `sub`. */
  readonly id: string;
  /** What the consent page calls the person: a name or an address. Default: the id. */
  readonly name?: string | undefined;
  /** What tools find in `principal.claims`, beside the token's claims. Default: none. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
}

/** Tokens of the provider, as they are kept. */
export interface UpstreamTokens {
  readonly accessToken: string;
  readonly refreshToken?: string | undefined;
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number | undefined;
  readonly scopes: readonly string[];
}

/** One time that somebody signed in. Everything that clients got since then hangs on it. */
export interface Login {
  readonly profile: SignInProfile;
  /** Tokens of the provider; `undefined` when the login step gave none. */
  readonly upstream?: UpstreamTokens | undefined;
}

/** What somebody approved for a client. */
export interface Approval {
  readonly scopes: readonly string[];
  readonly redirectUri: string;
}

/** Milliseconds for which a login counts, and so everything that was got with it: 90 days. */
export const LOGIN_LIFETIME_MS = 90 * 24 * 3600 * 1000;

/** How long an approval is remembered, in milliseconds: 90 days. */
const APPROVAL_LIFETIME_MS = 90 * 24 * 3600 * 1000;

/** The logins of a sign-in. Ending one ends every token that clients got with it. */
export class Logins {
  readonly #storage: SealedStorage;

  constructor(storage: SealedStorage) {
    this.#storage = storage;
  }

  /** Records a login; the result identifies it, and is no credential. */
  async create(login: Login): Promise<string> {
    const id = `${personTag(login.profile.id)}.${randomBytes(24).toString("base64url")}`;
    await this.update(id, login);
    return id;
  }

  async find(id: string): Promise<Login | undefined> {
    return (await this.#storage.get("Login", id)) as Login | undefined;
  }

  /** Keeps newer tokens of the provider. */
  async update(id: string, login: Login): Promise<void> {
    const owner = ownerByLogin(id);
    await this.#storage.set("Login", id, login, { ttlMs: LOGIN_LIFETIME_MS, owner });
  }

  async end(id: string): Promise<void> {
    await this.#storage.delete("Login", id);
  }
}

/** What people approved, by person and client. */
export class Approvals {
  readonly #storage: SealedStorage;

  constructor(storage: SealedStorage) {
    this.#storage = storage;
  }

  async find(profileId: string, clientId: string): Promise<Approval | undefined> {
    return (await this.#storage.get("Approval", key(profileId, clientId))) as Approval | undefined;
  }

  async remember(profileId: string, clientId: string, approval: Approval): Promise<void> {
    const owner = ownerByLogin(personTag(profileId));
    const keeping = { ttlMs: APPROVAL_LIFETIME_MS, owner };
    await this.#storage.set("Approval", key(profileId, clientId), approval, keeping);
  }

  async forget(profileId: string, clientId: string): Promise<void> {
    await this.#storage.delete("Approval", key(profileId, clientId));
  }
}

function key(profileId: string, clientId: string): string {
  return JSON.stringify([profileId, clientId]);
}
