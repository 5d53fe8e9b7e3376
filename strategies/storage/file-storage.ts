import { resolve } from "node:path";
import * as opt from "../../src/shared/option.js";
import packages from "../../src/shared/packages.cjs";
import type { EntryDatabase, Libsql } from "./entry-database.js";
import { maxEntries } from "./storage.js";
import type { SignInStorage } from "./sign-in-storage.js";

/** Options of {@link FileStorage}. */
export interface FileStorageOptions {
  /**
   * The file, an SQLite database; it and its folder are made when missing. Only its owner may read
   * it. SQLite has two more beside it while it is in use, `-wal` and `-shm`. Security: a folder, and
   * a file, that everybody may write to is refused, and so is a link.
   */
  readonly path: string;
  /**
   * How many entries of each kind are kept. One of more than 8192 characters counts as several, one
   * for each 8192. From 1. Default: 10000.
   */
  readonly maxEntries?: number;
}

/** {@link FileStorageOptions}. */
export const FILE_STORAGE = opt.objectOf({
  path: opt.text(),
  maxEntries,
} satisfies opt.Declares<FileStorageOptions>);

/** What SQLite makes beside the file. */
const BESIDES = ["-wal", "-shm", "-journal"];

/**
 * A {@link SignInStorage} in a file, so that a restart signs nobody out. Processes of one machine
 * may share it, on a disk of its own: SQLite's locks do not hold on a network's.
 *
 * Every change counts once it is on the disk, and is rejected when it cannot be written.
 *
 * @example
 * ```ts
 * const signIn = { storage: new FileStorage({ path: "/var/lib/mcp/sign-in.db" }) };
 * ```
 *
 * @throws TypeError for a wrong option; Error without the package libsql.
 */
export class FileStorage implements SignInStorage {
  readonly #path: string;
  readonly #maxEntries: number;
  readonly #libsql: Libsql;
  #database: Promise<EntryDatabase> | undefined;

  constructor(options: FileStorageOptions) {
    const { path, maxEntries } = FILE_STORAGE.read("FileStorage options", options);
    // In full, because to libsql `:memory:`, `file:…` and `https://…` are no files of these names.
    this.#path = resolve(path);
    this.#maxEntries = maxEntries;
    this.#libsql = packages.libsql() as Libsql;
  }

  async get(key: string): Promise<string | undefined> {
    return (await this.#opened()).get(key);
  }

  async set(key: string, value: string, ttlMs?: number, owner?: string): Promise<void> {
    const database = await this.#opened();
    await database.change((entries) => entries.set(key, { value, until: endOf(ttlMs), owner }));
  }

  async add(key: string, value: string, ttlMs?: number, owner?: string): Promise<boolean> {
    const database = await this.#opened();
    return await database.change((entries) => {
      if (entries.get(key) !== undefined) return false;
      entries.set(key, { value, until: endOf(ttlMs), owner });
      return true;
    });
  }

  async take(key: string): Promise<string | undefined> {
    const database = await this.#opened();
    return await database.change((entries) => {
      const value = entries.get(key);
      entries.delete(key);
      return value;
    }, key);
  }

  async delete(key: string): Promise<void> {
    const database = await this.#opened();
    await database.change((entries) => entries.delete(key), key);
  }

  async close(): Promise<void> {
    const database = this.#database;
    this.#database = undefined;
    await (await database)?.close();
  }

  #opened(): Promise<EntryDatabase> {
    this.#database ??= this.#open().catch((error: unknown) => {
      this.#database = undefined;
      throw error;
    });
    return this.#database;
  }

  async #open(): Promise<EntryDatabase> {
    // Most who import the package have no file.
    const { makePrivate } = await import("./private-file.js");
    const { EntryDatabase } = await import("./entry-database.js");
    await makePrivate(this.#path, BESIDES);
    try {
      return await EntryDatabase.open(this.#libsql, this.#path, this.#maxEntries);
    } catch (error) {
      if ((error as { readonly code?: unknown }).code !== "SQLITE_NOTADB") throw error;
      throw new Error(
        `FileStorage does not use ${this.#path}: it is no SQLite database. Move it away, and people sign in once more.`,
        { cause: error },
      );
    }
  }
}

function endOf(ttlMs: number | undefined): number | null {
  return ttlMs === undefined ? null : Date.now() + ttlMs;
}
