import type { AdapterPayload } from "oidc-provider";
import { ownerByLogin } from "./owners.js";
import type { SealedStorage } from "./seal.js";

/** A registered client that nobody has approved yet is forgotten after a day, in milliseconds. */
export const UNUSED_CLIENT_MS = 24 * 3600 * 1000;

/** A client is forgotten 90 days after it last got a token, in milliseconds. */
export const USED_CLIENT_MS = 90 * 24 * 3600 * 1000;

/**
 * The clients that registered, and the addresses of those that publish a document.
 *
 * Security decision: anybody can register as many as they like, so a client that never got a token
 * is kept apart, as a `Registration`. However many come, they push no client out that is in use.
 */
export class RegisteredClients {
  readonly #records: SealedStorage;

  constructor(records: SealedStorage) {
    this.#records = records;
  }

  async register(id: string, client: AdapterPayload, owner: string | undefined): Promise<void> {
    await this.#records.set("Registration", id, client, { ttlMs: UNUSED_CLIENT_MS, owner });
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    const client =
      (await this.#records.get("Client", id)) ?? (await this.#records.get("Registration", id));
    return client as AdapterPayload | undefined;
  }

  /** Whether a client that publishes a document got a token in the last 90 days. */
  async isUsedDocument(url: string): Promise<boolean> {
    return (await this.#records.get("ClientDocument", url)) !== undefined;
  }

  /** Keeps a client that got a token for somebody. */
  async keep(id: string, loginId: string): Promise<void> {
    const options = { ttlMs: USED_CLIENT_MS, owner: ownerByLogin(loginId) };
    const client = await this.find(id);
    if (client === undefined) {
      await this.#records.set("ClientDocument", id, true, options);
      return;
    }
    await this.#records.set("Client", id, client, options);
    await this.#records.delete("Registration", id);
  }
}
