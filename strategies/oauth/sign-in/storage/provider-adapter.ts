import type { IncomingMessage } from "node:http";
import type { Adapter, AdapterPayload } from "oidc-provider";
import type { OlderRecords } from "./older-form.js";
import { ownerByClient, ownerByLogin, ownerByRequest } from "./owners.js";
import type { RegisteredClients } from "./registered-clients.js";
import type { RecordOptions, SealedStorage } from "./seal.js";

/** What is redeemed, and only once. */
const REDEEMABLE: ReadonlySet<string> = new Set(["AuthorizationCode", "RefreshToken"]);

/** How long a refresh token still counts after its first use, in seconds. */
export const REUSE_SECONDS = 10;

/** What the records of the engine are kept with. */
export interface AdapterParts {
  readonly records: SealedStorage;
  readonly clients: RegisteredClients;
  readonly older: OlderRecords;
  /** Makes the error for what was redeemed before. */
  readonly refuse: () => Error;
  /** The request that the engine is answering. */
  readonly request: () => IncomingMessage | undefined;
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
    const owner = this.#ownerOf(payload);
    if (this.#model === "Client") {
      await this.#parts.clients.register(id, payload, owner);
      return;
    }
    // The successor of a token that came once more, which has been used already: it stays used.
    if (this.#model === "RefreshToken" && (await this.#storage.get(this.#usedKind, id))) return;
    const options: RecordOptions = { ttlMs: lifetimeOf(expiresIn), owner };
    await this.#storage.set(this.#model, id, payload, options);
    const { uid } = payload;
    if (this.#model === "Session" && uid !== undefined) {
      await this.#storage.set("SessionUid", uid, id, options);
    }
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    const payload = await this.#find(id);
    const isAskedByClients = this.#model === "Client" || this.#model === "RefreshToken";
    if (payload === undefined && isAskedByClients) await this.#parts.older.lookFor(this.#model, id);
    if (payload === undefined || !stillCounts(this.#model, payload)) return payload;
    // The engine would refuse it.
    return { ...payload, consumed: undefined };
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
   * and ends the whole grant, as with every token that is used twice (but see
   * {@link stillCounts}). The mark takes the place of what was redeemed: a storage that is full
   * may lose it, and must not make a used token good.
   *
   * @see OAuth 2.1, sections 4.1.3 and 4.3.1; RFC 9700, section 4.14.2
   */
  async consume(id: string): Promise<void> {
    const payload = await this.#find(id);
    if (payload === undefined) throw this.#parts.refuse();
    const consumed = Math.floor(Date.now() / 1000);
    const options: RecordOptions = {
      ttlMs: lifetimeOf((payload.exp ?? consumed) - consumed),
      owner: this.#ownerOf(payload),
    };
    if (await this.#storage.add(this.#usedKind, id, { ...payload, consumed }, options)) {
      await this.#storage.delete(this.#model, id);
      return;
    }
    const mark = await this.#storage.get(this.#usedKind, id);
    if (mark !== undefined && stillCounts(this.#model, mark as AdapterPayload)) return;
    if (payload.grantId !== undefined) await this.revokeByGrantId(payload.grantId);
    throw this.#parts.refuse();
  }

  /**
   * Security decision: of a token that is revoked the grant goes first. If that fails, the token is
   * still found when the client tries again; else that would be told to have worked.
   */
  async destroy(id: string): Promise<void> {
    if (REDEEMABLE.has(this.#model)) {
      const { grantId } = (await this.#find(id)) ?? {};
      if (grantId !== undefined) await this.revokeByGrantId(grantId);
    }
    await this.#storage.delete(this.#model, id);
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    await this.#storage.delete("Grant", grantId);
  }

  get #usedKind(): string {
    return `${this.#model}Used`;
  }

  async #find(id: string): Promise<AdapterPayload | undefined> {
    if (this.#model === "Client") return await this.#parts.clients.find(id);
    const payload = await this.#storage.get(this.#model, id);
    const found =
      payload === undefined && REDEEMABLE.has(this.#model)
        ? await this.#storage.get(this.#usedKind, id)
        : payload;
    return found as AdapterPayload | undefined;
  }

  /** `undefined` for a record that is changed outside of a request to the engine: its owner stays. */
  #ownerOf({ accountId, session, iss }: AdapterPayload): string | undefined {
    const loginId = accountId ?? session?.accountId;
    if (loginId !== undefined) return ownerByLogin(loginId);
    if (this.#model === "ReplayDetection") return ownerByClient(String(iss));
    const request = this.#parts.request();
    return request === undefined ? undefined : ownerByRequest(request);
  }
}

/**
 * Whether what was redeemed still counts: a refresh token does, for {@link REUSE_SECONDS}.
 *
 * Security decision: clients of both SDK majors send one refresh token with each of their calls
 * that got 401, so that two calls at once after an access token has expired would end the grant, and
 * the person would have to sign in again. Whoever comes within this time gets the same new refresh
 * token (see `engine-overrides.ts`), and that is used once as well: a thief is found out as soon as
 * both, thief and client, have come with it. A code is sent by one request, and never counts twice.
 *
 * @see RFC 9700, section 4.14.2
 */
function stillCounts(model: string, { consumed }: AdapterPayload): boolean {
  if (model !== "RefreshToken" || typeof consumed !== "number") return false;
  return Date.now() / 1000 - consumed <= REUSE_SECONDS;
}

function lifetimeOf(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.max(1, seconds) * 1000;
}
