import type { SignInStorage } from "../../src/index.js";

/** A storage whose entries can be looked at. */
export class OpenStorage implements SignInStorage {
  readonly entries = new Map<string, string>();
  /** Every key that was ever set. */
  readonly seen = new Map<string, string>();
  /** Who caused them. */
  readonly owners = new Map<string, string>();

  async get(key: string): Promise<string | undefined> {
    return this.entries.get(key);
  }

  async set(key: string, value: string, _ttlMs?: number, owner?: string): Promise<void> {
    this.entries.set(key, value);
    this.seen.set(key, value);
    if (owner !== undefined) this.owners.set(key, owner);
  }

  async add(key: string, value: string, ttlMs?: number, owner?: string): Promise<boolean> {
    if (this.entries.has(key)) return false;
    await this.set(key, value, ttlMs, owner);
    return true;
  }

  async take(key: string): Promise<string | undefined> {
    const value = this.entries.get(key);
    this.entries.delete(key);
    return value;
  }

  async delete(key: string): Promise<void> {
    this.entries.delete(key);
  }
}
