import { kindOf, weightOf } from "./entry-table.js";

/** As much of libsql as is used here. Statements run at once; what is executed, on another thread. */
interface Connection {
  readonly inTransaction: boolean;
  exec(sql: string): Promise<unknown>;
  prepare(sql: string): Promise<Statement>;
  close(): unknown;
}

interface Statement {
  run(...values: readonly SqlValue[]): unknown;
  get(...values: readonly SqlValue[]): unknown;
}

type SqlValue = string | number | null;

/** The package libsql, with promises. */
export type Libsql = new (path: string) => Connection;

/** A value as it is written. */
export interface NewEntry {
  readonly value: string;
  /** Milliseconds since the epoch; `null`: it is never forgotten. */
  readonly until: number | null;
  /** Who caused it. Default: whose the entry was before. */
  readonly owner: string | undefined;
}

/** A change counts once it is on the disk; another process is waited for a second. */
const SETTINGS = `
  PRAGMA busy_timeout = 1000;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
`;

/**
 * `share` is what each owner has of a kind, `total` what there is of it; both follow `entry`
 * by themselves. A new entry has a higher `id` than every other, whatever was deleted.
 */
const TABLES = `
  CREATE TABLE IF NOT EXISTS entry (
    id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
    owner TEXT NOT NULL, weight INTEGER NOT NULL, until REAL, value TEXT NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS entry_by_owner ON entry (kind, owner, id);
  CREATE INDEX IF NOT EXISTS entry_by_end ON entry (kind, until) WHERE until IS NOT NULL;

  CREATE TABLE IF NOT EXISTS share (
    kind TEXT NOT NULL, owner TEXT NOT NULL, weight INTEGER NOT NULL, since INTEGER NOT NULL,
    PRIMARY KEY (kind, owner)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS share_by_weight ON share (kind, weight DESC, since);
  CREATE TABLE IF NOT EXISTS total (
    kind TEXT PRIMARY KEY, weight INTEGER NOT NULL, entries INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TRIGGER IF NOT EXISTS entry_added AFTER INSERT ON entry BEGIN
    INSERT INTO share VALUES (new.kind, new.owner, new.weight, new.id)
      ON CONFLICT DO UPDATE SET weight = weight + new.weight, since = new.id;
    INSERT INTO total VALUES (new.kind, new.weight, 1)
      ON CONFLICT DO UPDATE SET weight = weight + new.weight, entries = entries + 1;
  END;
  CREATE TRIGGER IF NOT EXISTS entry_deleted AFTER DELETE ON entry BEGIN
    UPDATE share SET weight = weight - old.weight WHERE kind = old.kind AND owner = old.owner;
    DELETE FROM share WHERE kind = old.kind AND owner = old.owner AND weight = 0;
    UPDATE total SET weight = weight - old.weight, entries = entries - 1 WHERE kind = old.kind;
  END;

  DELETE FROM entry WHERE until <= unixepoch('subsec') * 1000;
`;

/** What is asked and done, by name. */
const STATEMENTS = {
  value: "SELECT value FROM entry WHERE key = ? AND (until IS NULL OR until > ?)",
  owner: "SELECT owner FROM entry WHERE key = ?",
  total: "SELECT weight, entries FROM total WHERE kind = ?",
  insert: "INSERT INTO entry (key, kind, owner, weight, until, value) VALUES (?, ?, ?, ?, ?, ?)",
  delete: "DELETE FROM entry WHERE key = ?",
  deleteOwed: "DELETE FROM entry WHERE key = ? AND id <= ?",
  deleteOver: "DELETE FROM entry WHERE kind = ? AND until <= ?",
  /** The oldest entry of the owner who has most. */
  deleteOne: `
    DELETE FROM entry WHERE id = (
      SELECT min(id) FROM entry WHERE kind = ?1 AND owner = (
        SELECT owner FROM share WHERE kind = ?1 ORDER BY weight DESC, since LIMIT 1
      )
    )`,
} as const;

type Statements = Readonly<Record<keyof typeof STATEMENTS, Statement>>;

/** What is asked without a transaction. */
const QUESTIONS = {
  value: `${STATEMENTS.value} AND id > ?`,
  newest: "SELECT max(id) AS id FROM entry",
} as const;

type Questions = Readonly<Record<keyof typeof QUESTIONS, Statement>>;

/** The entries within a transaction, with the bound and the shares of an EntryTable. */
export class Entries {
  readonly #statements: Statements;
  readonly #maxEntries: number;

  constructor(statements: Statements, maxEntries: number) {
    this.#statements = statements;
    this.#maxEntries = maxEntries;
  }

  get(key: string): string | undefined {
    return valueIn(this.#statements.value, key);
  }

  set(key: string, { value, until, owner }: NewEntry): void {
    const before = this.#statements.owner.get(key) as { owner: string } | undefined;
    const kind = kindOf(key);
    const whose = owner ?? before?.owner ?? "";
    this.delete(key);
    this.#statements.insert.run(key, kind, whose, weightOf(value), until, value);
    if (this.#isFull(kind)) this.#statements.deleteOver.run(kind, Date.now());
    while (this.#isFull(kind)) this.#statements.deleteOne.run(kind);
  }

  delete(key: string): void {
    this.#statements.delete.run(key);
  }

  /** @param newest What was added after this entry stays. */
  deleteOwed(key: string, newest: number): void {
    this.#statements.deleteOwed.run(key, newest);
  }

  /** An entry that is alone may be as long as it likes. */
  #isFull(kind: string): boolean {
    const total = this.#statements.total.get(kind) as { weight: number; entries: number };
    return total.weight > this.#maxEntries && total.entries > 1;
  }
}

/** Changes in one transaction: what they do until it is written holds up the process. */
const MAX_TOGETHER = 100;

/** A change that waits for its transaction. */
interface Change {
  readonly work: (entries: Entries) => unknown;
  /** The key that it takes away, if it is a deletion. */
  readonly deleted: string | undefined;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * An SQLite database of entries. Changes that come while others are written go to the disk
 * together, in one transaction, and none of them holds up the process. Reading has a connection of
 * its own, which sees what was written and waits for nothing.
 */
export class EntryDatabase {
  readonly #writer: Connection;
  readonly #reader: Connection;
  readonly #questions: Questions;
  readonly #entries: Entries;
  readonly #pending: Change[] = [];
  #isWriting = false;
  /** Keys that were deleted and are still on the disk, and the newest entry there was by then. */
  readonly #owed = new Map<string, number>();

  private constructor(
    { writer, reader }: { readonly writer: Connection; readonly reader: Connection },
    questions: Questions,
    entries: Entries,
  ) {
    this.#writer = writer;
    this.#reader = reader;
    this.#questions = questions;
    this.#entries = entries;
  }

  static async open(libsql: Libsql, path: string, maxEntries: number): Promise<EntryDatabase> {
    const [writer, reader] = [new libsql(path), new libsql(path)];
    try {
      await writer.exec(SETTINGS);
      await writer.exec(`BEGIN IMMEDIATE; ${TABLES} COMMIT`);
      await reader.exec(SETTINGS);
      const statements = await prepareAll(writer, STATEMENTS);
      const questions = await prepareAll(reader, QUESTIONS);
      return new EntryDatabase({ writer, reader }, questions, new Entries(statements, maxEntries));
    } catch (error) {
      writer.close();
      reader.close();
      throw error;
    }
  }

  get(key: string): string | undefined {
    return valueIn(this.#questions.value, key, this.#owed.get(key) ?? 0);
  }

  /**
   * Resolves once what `work` changes is on the disk.
   *
   * @param deleted The key that it takes away, if it is a deletion.
   */
  change<T>(work: (entries: Entries) => T, deleted?: string): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#pending.push({ work, deleted, resolve: resolve as Change["resolve"], reject });
      if (!this.#isWriting) void this.#write();
    });
  }

  /** Writes what is pending, brings everything into the one file if there is room, and closes it. */
  async close(): Promise<void> {
    try {
      await this.change(() => undefined);
      await this.#writer.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    } finally {
      this.#writer.close();
      this.#reader.close();
    }
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    while (this.#pending.length > 0) {
      let changes: readonly Change[] = [];
      try {
        await this.#writer.exec("BEGIN IMMEDIATE");
        changes = this.#pending.splice(0, MAX_TOGETHER);
        for (const [key, newest] of this.#owed) this.#entries.deleteOwed(key, newest);
        const results = changes.map(({ work }) => work(this.#entries));
        await this.#writer.exec("COMMIT");
        this.#owed.clear();
        changes.forEach(({ resolve }, index) => resolve(results[index]));
      } catch (error) {
        if (this.#writer.inTransaction) await this.#writer.exec("ROLLBACK").catch(() => undefined);
        this.#fail(changes.length > 0 ? changes : this.#pending.splice(0), error);
      }
    }
    this.#isWriting = false;
  }

  /**
   * Security decision: what cannot be written does not count, but for a deletion: it holds from
   * now on, and is written before anything that comes after it. A grant that was revoked is not
   * granted again because a disk was full. What another process adds meanwhile under the same name is
   * another entry, and stays.
   */
  #fail(changes: readonly Change[], error: unknown): void {
    const newest = this.#newest();
    for (const { deleted, reject } of changes) {
      if (deleted !== undefined) this.#owed.set(deleted, newest);
      reject(error);
    }
  }

  /** The newest entry that there is; where that cannot be read, every one counts as older. */
  #newest(): number {
    try {
      return (this.#questions.newest.get() as { id: number | null }).id ?? 0;
    } catch {
      return Number.MAX_SAFE_INTEGER;
    }
  }
}

async function prepareAll<Name extends string>(
  connection: Connection,
  texts: Readonly<Record<Name, string>>,
): Promise<Readonly<Record<Name, Statement>>> {
  const prepared = Object.entries<string>(texts).map(
    async ([name, text]) => [name, await connection.prepare(text)] as const,
  );
  return Object.fromEntries(await Promise.all(prepared)) as Record<Name, Statement>;
}

function valueIn(statement: Statement, key: string, ...more: number[]): string | undefined {
  return (statement.get(key, Date.now(), ...more) as { value: string } | undefined)?.value;
}
