import { randomBytes } from "node:crypto";
import { ownerByLogin, personTag } from "./owners.js";
import type { Approval, Login } from "./login.js";
import type { SealedStorage } from "./seal.js";

/** Milliseconds for which a login counts, and so everything that was got with it: 90 days. */
export const LOGIN_LIFETIME_MS = 90 * 24 * 3600 * 1000;

/** How long it is known that a login was ended, in milliseconds: longer than any write takes. */
const ENDED_MS = 60_000;

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
    const person = personTag(login.profile.id);
    const id = `${person}.${randomBytes(24).toString("base64url")}`;
    const round = await this.#roundOf(person);
    await this.#write(id, { ...login, confirmedAt: Date.now(), round });
    return id;
  }

  async find(id: string): Promise<Login | undefined> {
    const [found, round] = await Promise.all([
      this.#storage.get("Login", id),
      this.#roundOf(id.split(".")[0] ?? ""),
    ]);
    const login = found as Login | undefined;
    if (login === undefined || round === undefined || round === login.round) return login;
    await this.#storage.delete("Login", id);
    return undefined;
  }

  /** Notes that the person was vouched for just now. */
  async confirm(id: string): Promise<Login | undefined> {
    const login = await this.find(id);
    if (login === undefined) return undefined;
    const confirmed = { ...login, confirmedAt: Date.now() };
    await this.update(id, confirmed);
    return confirmed;
  }

  /**
   * Keeps newer tokens of the provider.
   *
   * Security decision: between the look at a login and this, somebody may have signed out. What
   * was ended stays so: whoever ends says it before deleting, and whoever writes looks after
   * writing, so that one of the two sees the other, in whatever process.
   */
  async update(id: string, login: Login): Promise<void> {
    await this.#write(id, login);
    const wasEnded = (await this.#storage.get("LoginEnded", id)) !== undefined;
    if (wasEnded) await this.#storage.delete("Login", id);
    // Takes it away if all of the person's logins were ended meanwhile.
    else await this.find(id);
  }

  async end(id: string): Promise<void> {
    const options = { ttlMs: ENDED_MS, owner: ownerByLogin(id) };
    // A full disk keeps nobody from ending: the deletion is what counts.
    await this.#storage.set("LoginEnded", id, true, options).catch(() => undefined);
    await this.#storage.delete("Login", id);
  }

  /**
   * Ends all logins of a person.
   *
   * Security decision: by one write, so that there is no list of logins which a login at the same
   * moment could be missing from. What was begun in an earlier round counts no more, in whatever
   * process. The word outlives every login that it is about: in time, and in a storage that is
   * full, where it is of the same kind and owner as they are, and younger.
   */
  async endFor(profileId: string): Promise<void> {
    const person = personTag(profileId);
    const round = randomBytes(12).toString("base64url");
    const options = { ttlMs: LOGIN_LIFETIME_MS, owner: ownerByLogin(person) };
    await this.#storage.set("Login", person, round, options);
  }

  async #write(id: string, login: Login): Promise<void> {
    const owner = ownerByLogin(id);
    await this.#storage.set("Login", id, login, { ttlMs: LOGIN_LIFETIME_MS, owner });
  }

  /** @param person What the ids of all their logins begin with. */
  async #roundOf(person: string): Promise<string | undefined> {
    return (await this.#storage.get("Login", person)) as string | undefined;
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
    const options = { ttlMs: APPROVAL_LIFETIME_MS, owner };
    await this.#storage.set("Approval", key(profileId, clientId), approval, options);
  }

  async forget(profileId: string, clientId: string): Promise<void> {
    await this.#storage.delete("Approval", key(profileId, clientId));
  }
}

function key(profileId: string, clientId: string): string {
  return JSON.stringify([profileId, clientId]);
}
