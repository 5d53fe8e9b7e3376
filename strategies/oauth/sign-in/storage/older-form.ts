import { hash } from "node:crypto";
import type { SignInStorage } from "../../../storage/sign-in-storage.js";

/** What an operator is told, once. */
const WARNING =
  "The storage of signIn holds records of an older version, which do not name their issuer. " +
  "They do not count any more, because they could be another issuer's: people sign in again, " +
  "and clients register again.";

/**
 * Finds records from before names bore their issuer's, and says so once.
 *
 * Security decision: they are not taken over. Whose they are cannot be told from them, and a
 * record that another issuer made must not count here.
 */
export class OlderRecords {
  readonly #storage: SignInStorage;
  readonly #warn: (message: string) => void;
  #hasWarned = false;

  constructor(storage: SignInStorage, warn: (message: string) => void) {
    this.#storage = storage;
    this.#warn = warn;
  }

  /** Looks for keys that an older version made; there are none where all keys were given. */
  async lookForKeys(): Promise<void> {
    await this.#look("keys:0");
  }

  /** Looks for a record that was asked for, and is not there under its name of today. */
  async lookFor(kind: string, id: string): Promise<void> {
    if (!this.#hasWarned) await this.#look(`${kind}:${hash("sha256", id, "base64url")}`);
  }

  async #look(name: string): Promise<void> {
    if ((await this.#storage.get(name)) === undefined || this.#hasWarned) return;
    this.#hasWarned = true;
    this.#warn(WARNING);
  }
}
