import { mkdir, open, readFile, rename } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { checkNumber, checkOptionNames, checkText } from "../../../src/errors.js";
import { DEFAULT_MAX_ENTRIES, EntryTable } from "./entry-table.js";
import type { StoredEntry } from "./entry-table.js";
import type { SignInStorage } from "./storage.js";

/** Options of {@link FileStorage}. */
export interface FileStorageOptions {
  /** The file; it and its folder are made when missing. Only its owner may read it. */
  readonly path: string;
  /** How many entries of each kind are kept. From 1. Default: 10000. */
  readonly maxEntries?: number;
}

/** Lines of the file that are not needed any more, before it is written anew. */
const MAX_STALE_LINES = 2_000;

/** Only the owner may read and write: the file may hold keys. */
const FILE_MODE = 0o600;

/** One line: a key with its value, its end (`null`: none) and its owner, or a key alone that was deleted. */
type Line =
  | readonly [key: string]
  | readonly [key: string, value: string, until: number | null, owner?: string];

/**
 * A {@link SignInStorage} in a file, so that a restart signs nobody out. For one process: a second
 * one on the same file would not see what the first redeems.
 *
 * Every change is a line at the end of the file, and counts once it is on the disk. From time to
 * time the file is written anew, without what is over. A last line that was cut off, because the
 * machine stopped while it was written, is dropped.
 *
 * @throws TypeError for a wrong option.
 */
export class FileStorage implements SignInStorage {
  readonly #path: string;
  readonly #table: EntryTable;
  #file: Promise<FileHandle> | undefined;
  #pending: Line[] = [];
  /** The flush under way; it never rejects. */
  #writing: Promise<void> = Promise.resolve();
  /** The flush that takes what is pending, once the one under way is over. */
  #nextFlush: Promise<void> | undefined;
  #lines = 0;

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
    await this.#write([key]);
    return entry.value;
  }

  async delete(key: string): Promise<void> {
    await this.#opened();
    if (this.#table.delete(key)) await this.#write([key]);
  }

  async close(): Promise<void> {
    await this.#nextFlush;
    await this.#writing;
    const file = await this.#file;
    this.#file = undefined;
    await file?.close();
  }

  async #put(key: string, value: string, ttlMs?: number, owner?: string): Promise<void> {
    await this.#write(toLine(key, this.#table.set(key, value, ttlMs, owner)));
  }

  #opened(): Promise<FileHandle> {
    this.#file ??= this.#open().catch((error: unknown) => {
      this.#file = undefined;
      throw error;
    });
    return this.#file;
  }

  async #open(): Promise<FileHandle> {
    await mkdir(dirname(this.#path), { recursive: true });
    await this.#load();
    await this.#rewrite();
    return await open(this.#path, "a", FILE_MODE);
  }

  async #load(): Promise<void> {
    const text = await readFile(this.#path, "utf8").catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
      throw error;
    });
    for (const line of text.split("\n")) {
      const [key, value, until, owner = ""] = parseLine(line);
      if (key === undefined) continue;
      if (value === undefined) this.#table.delete(key);
      else this.#table.restore(key, { value, until: until ?? Infinity, owner });
    }
  }

  /** Writes a new file and puts it in the place of the old one, so that there always is a whole one. */
  async #rewrite(): Promise<void> {
    const lines = [...this.#table.entries()].map(([key, entry]) => formatLine(toLine(key, entry)));
    const path = `${this.#path}.new`;
    const file = await open(path, "w", FILE_MODE);
    try {
      await file.writeFile(lines.join(""));
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(path, this.#path);
    this.#lines = lines.length;
  }

  /** Resolves when the line is on the disk; lines that come while others are written go together. */
  #write(line: Line): Promise<void> {
    this.#pending.push(line);
    this.#nextFlush ??= this.#writing.then(() => {
      this.#nextFlush = undefined;
      const flushed = this.#flush();
      this.#writing = flushed.catch(() => undefined);
      return flushed;
    });
    return this.#nextFlush;
  }

  async #flush(): Promise<void> {
    const lines = this.#pending;
    this.#pending = [];
    if (this.#lines > this.#table.size + MAX_STALE_LINES) {
      await this.#reopen();
      return;
    }
    const file = await this.#opened();
    await file.appendFile(lines.map(formatLine).join(""));
    await file.datasync();
    this.#lines += lines.length;
  }

  /** The table holds every change, also those that are still to be written. */
  async #reopen(): Promise<void> {
    const file = await this.#file;
    await file?.close();
    await this.#rewrite();
    this.#file = open(this.#path, "a", FILE_MODE);
    await this.#file;
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
