import type { FileHandle } from "node:fs/promises";
import { checkNumber, checkText, checkOptionNames } from "../../src/shared/check.js";
import { DEFAULT_MAX_ENTRIES, EntryTable } from "./entry-table.js";
import type { StoredEntry } from "./entry-table.js";
import { readPrivate, replacePrivate } from "./private-file.js";
import type { SignInStorage } from "./storage.js";

/** Options of {@link FileStorage}. */
export interface FileStorageOptions {
  /**
   * The file; it and its folder are made when missing. Only its owner may read it. Security: a
   * file or folder that everybody may write to is refused, and so is a link.
   */
  readonly path: string;
  /**
   * How many entries of each kind are kept. One of more than 8192 characters counts as several, one
   * for each 8192. From 1. Default: 10000.
   */
  readonly maxEntries?: number;
}

/** Lines of the file that are not needed any more, before it is written anew. */
const MAX_STALE_LINES = 2_000;

/** One line: a key with its value, its end (`null`: none) and its owner, or a key alone that was deleted. */
type Line =
  | readonly [key: string]
  | readonly [key: string, value: string, until: number | null, owner?: string];

/** A change that is not on the disk yet. */
interface Change {
  readonly line: Line;
  /** Takes it back, when it cannot be written. Default: it is kept, and written later. */
  readonly undo?: () => void;
}

/**
 * A {@link SignInStorage} in a file, so that a restart signs nobody out. For one process: a second
 * one on the same file would not see what the first redeems.
 *
 * Every change is a line at the end of the file, and counts once it is on the disk. One that cannot
 * be written is rejected; what it got onto the disk is taken away before the next one. From time to
 * time the file is written anew, without what is over. A last line that was cut off, because the
 * machine stopped while it was written, is dropped.
 *
 * @example
 * ```ts
 * const signIn = { storage: new FileStorage({ path: "/var/lib/notes/sign-in" }) };
 * ```
 *
 * @throws TypeError for a wrong option.
 */
export class FileStorage implements SignInStorage {
  readonly #path: string;
  readonly #table: EntryTable;
  #file: Promise<FileHandle> | undefined;
  #pending: Change[] = [];
  /** The flush under way; it never rejects. */
  #writing: Promise<void> = Promise.resolve();
  /** The flush that takes what is pending, once the one under way is over. */
  #nextFlush: Promise<void> | undefined;
  #lines = 0;
  /** The file is written anew when it has more lines. */
  #maxLines = MAX_STALE_LINES;
  /** Bytes of the file that are whole lines. */
  #size = 0;
  /** Whether there may be more in the file than that. */
  #isTorn = false;

  constructor(options: FileStorageOptions) {
    checkOptionNames("FileStorage options", options, ["path", "maxEntries"]);
    const { path, maxEntries } = options as FileStorageOptions;
    this.#path = checkText("FileStorage options.path", path);
    this.#table = new EntryTable(
      checkNumber("FileStorage options.maxEntries", maxEntries, DEFAULT_MAX_ENTRIES, { min: 1 }),
    );
  }

  async get(key: string): Promise<string | undefined> {
    await this.#opened();
    return this.#table.get(key)?.value;
  }

  async set(key: string, value: string, ttlMs?: number, owner?: string): Promise<void> {
    await this.#opened();
    await this.#put(key, value, ttlMs, owner);
  }

  async add(key: string, value: string, ttlMs?: number, owner?: string): Promise<boolean> {
    await this.#opened();
    // Nothing is waited for between the look and the change, so of several callers one wins.
    if (this.#table.get(key) !== undefined) return false;
    await this.#put(key, value, ttlMs, owner);
    return true;
  }

  async take(key: string): Promise<string | undefined> {
    await this.#opened();
    const entry = this.#table.get(key);
    if (entry === undefined) return undefined;
    this.#table.delete(key);
    await this.#write({ line: [key] });
    return entry.value;
  }

  /**
   * Also writes a line when there is no such value (any more): an earlier deletion may not be on
   * the disk, and whoever is told that it is gone must not find it there after a restart.
   */
  async delete(key: string): Promise<void> {
    await this.#opened();
    this.#table.delete(key);
    await this.#write({ line: [key] });
  }

  async close(): Promise<void> {
    try {
      await (this.#nextFlush ?? this.#writing);
      if (this.#pending.length > 0) await this.#flush();
    } finally {
      const file = await this.#file;
      this.#file = undefined;
      await file?.close();
    }
  }

  async #put(key: string, value: string, ttlMs?: number, owner?: string): Promise<void> {
    const before = this.#table.get(key);
    const entry = this.#table.set(key, value, ttlMs, owner);
    const undo = (): void => {
      if (this.#table.get(key) !== entry) return;
      this.#table.delete(key);
      if (before !== undefined) this.#table.restore(key, before);
    };
    await this.#write({ line: toLine(key, entry), undo });
  }

  #opened(): Promise<FileHandle> {
    this.#file ??= this.#open().catch((error: unknown) => {
      this.#file = undefined;
      throw error;
    });
    return this.#file;
  }

  async #open(): Promise<FileHandle> {
    const text = await readPrivate(this.#path);
    for (const line of text.split("\n")) {
      const [key, value, until, owner = ""] = parseLine(line);
      if (key === undefined) continue;
      if (value === undefined) this.#table.delete(key);
      else this.#table.restore(key, { value, until: until ?? Infinity, owner });
    }
    return await this.#rewrite();
  }

  async #rewrite(): Promise<FileHandle> {
    const lines = [...this.#table.entries()].map(([key, entry]) => formatLine(toLine(key, entry)));
    const text = lines.join("");
    const file = await replacePrivate(this.#path, text);
    this.#lines = lines.length;
    this.#maxLines = lines.length + MAX_STALE_LINES;
    this.#size = Buffer.byteLength(text);
    this.#isTorn = false;
    return file;
  }

  /** Resolves when the change is on the disk; those that come while others are written go together. */
  #write(change: Change): Promise<void> {
    this.#pending.push(change);
    this.#nextFlush ??= this.#writing.then(() => {
      this.#nextFlush = undefined;
      const flushed = this.#flush();
      this.#writing = flushed.catch(() => undefined);
      return flushed;
    });
    return this.#nextFlush;
  }

  /**
   * Security decision: what cannot be written does not count, but for a deletion: it holds from
   * now on, and stays pending until it is on the disk, before anything that comes after it. A
   * grant that was revoked is not granted again because a disk was full.
   */
  async #flush(): Promise<void> {
    const changes = this.#pending;
    this.#pending = [];
    try {
      const file = await this.#opened();
      if (this.#lines > this.#maxLines && (await this.#compact(file))) return;
      await this.#append(file, changes);
    } catch (error) {
      for (const { undo } of [...changes].reverse()) undo?.();
      const deletions = changes.filter(({ undo }) => undo === undefined);
      this.#pending.unshift(...deletions);
      throw error;
    }
  }

  async #append(file: FileHandle, changes: readonly Change[]): Promise<void> {
    const bytes = Buffer.from(changes.map(({ line }) => formatLine(line)).join(""));
    if (this.#isTorn) await file.truncate(this.#size);
    this.#isTorn = true;
    for (let done = 0; done < bytes.length;) {
      const at = this.#size + done;
      done += (await file.write(bytes, done, bytes.length - done, at)).bytesWritten;
    }
    await file.datasync();
    this.#isTorn = false;
    this.#size += bytes.length;
    this.#lines += changes.length;
  }

  /**
   * Writes the file anew; the table holds every change, also those that are still to be written.
   * Whether that worked: a full disk may have room for a line and not for a second file.
   */
  async #compact(file: FileHandle): Promise<boolean> {
    try {
      this.#file = Promise.resolve(await this.#rewrite());
    } catch {
      this.#maxLines = this.#lines + MAX_STALE_LINES;
      return false;
    }
    await file.close();
    return true;
  }
}

function toLine(key: string, { value, until, owner }: StoredEntry): Line {
  return [key, value, Number.isFinite(until) ? until : null, owner];
}

function formatLine(line: Line): string {
  return `${JSON.stringify(line)}\n`;
}

/** What a line says; nothing for one that was cut off. */
function parseLine(
  line: string,
): readonly [key?: string, value?: string, until?: number | null, owner?: string] {
  try {
    const parts: unknown = JSON.parse(line);
    return Array.isArray(parts) && typeof parts[0] === "string" ? (parts as [string]) : [];
  } catch {
    return [];
  }
}
