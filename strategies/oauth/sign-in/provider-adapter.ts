import type { Adapter, AdapterPayload } from "oidc-provider";
import type { OlderRecords } from "./older-form.js";
import type { SealedStorage } from "./seal.js";

/** A registered client that nobody has approved yet is forgotten after a day, in milliseconds. */
export const UNUSED_CLIENT_MS = 24 * 3600 * 1000;

/** A client is forgotten 90 days after it last got a token, in milliseconds. */
export const USED_CLIENT_MS = 90 * 24 * 3600 * 1000;

/** What is redeemed, and only once. */
const REDEEMABLE: ReadonlySet<string> = new Set(["AuthorizationCode", "RefreshToken"]);

/** What clients come back with, and so what they find gone if an older version kept it. */
const ASKED_FOR_BY_CLIENTS: ReadonlySet<string> = new Set(["Client", "RefreshToken"]);

/** What the records of the engine are kept with. */
export interface AdapterParts {
  readonly records: SealedStorage;
  readonly older: OlderRecords;
  /** Makes the error for what was redeemed before. */
  readonly refuse: () => Error;
}

/**
 * Keeps the records of oidc-provider in a {@link SealedStorage}.
 *
 * Revoking a grant deletes the grant itself: oidc-provider redeems no code and no refresh token
 * whose grant is gone, and access tokens are checked against it (see `own-tokens.ts`). So no
 * index of a grant's tokens is needed, which a store of keys and values could not keep atomically.
 */
export class StorageAdapter implements Adapter {
  readonly #model: string;
  readonly #parts: AdapterParts;
  readonly #storage: SealedStorage;

  /** @param model Name of the kind of record. */
  constructor(model: string, parts: AdapterParts) {
    this.#model = model;
    this.#parts = parts;
    this.#storage = parts.records;
  }

  async upsert(id: string, payload: AdapterPayload, expiresIn?: number): Promise<void> {
    const ttlMs = this.#model === "Client" ? UNUSED_CLIENT_MS : lifetimeOf(expiresIn);
    await this.#storage.set(this.#model, id, payload, ttlMs);
    const { uid } = payload;
    if (this.#model === "Session" && uid !== undefined) {
      await this.#storage.set("SessionUid", uid, id, ttlMs);
    }
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    const payload = (await this.#storage.get(this.#model, id)) as AdapterPayload | undefined;
    if (payload === undefined && ASKED_FOR_BY_CLIENTS.has(this.#model)) {
      await this.#parts.older.lookFor(this.#model, id);
    }
    if (payload === undefined || !REDEEMABLE.has(this.#model)) return payload;
    const consumed = await this.#storage.get(`${this.#model}Used`, id);
    return consumed === undefined ? payload : { ...payload, consumed: consumed as number };
  }

  async findByUid(uid: string): Promise<AdapterPayload | undefined> {
    const id = await this.#storage.get("SessionUid", uid);
    return typeof id === "string" ? await this.find(id) : undefined;
  }

  /** No feature that uses codes of the device flow is on. */
  async findByUserCode(): Promise<undefined> {
    return undefined;
  }

  /**
   * Redeems a code or a refresh token.
   *
   * Security decision: oidc-provider looks and marks in two steps, between which a second request
   * may look too. So the mark itself is atomic: who does not set it comes too late, is refused,
   * and ends the whole grant, as with every token that is used twice.
   *
   * @see OAuth 2.1, sections 4.1.3 and 4.3.1; RFC 9700, section 4.14.2
   */
  async consume(id: string): Promise<void> {
    const payload = await this.find(id);
    const now = Math.floor(Date.now() / 1000);
    const lifetimeMs = lifetimeOf((payload?.exp ?? now) - now);
    if (await this.#storage.add(`${this.#model}Used`, id, now, lifetimeMs)) return;
    if (payload?.grantId !== undefined) await this.revokeByGrantId(payload.grantId);
    throw this.#parts.refuse();
  }

  async destroy(id: string): Promise<void> {
    await this.#storage.delete(this.#model, id);
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    await this.#storage.delete("Grant", grantId);
  }
}

function lifetimeOf(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.max(1, seconds) * 1000;
}
