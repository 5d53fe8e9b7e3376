import { McpSseError, retryAfter } from "../shared/errors.js";
import type { ClusterEngine } from "./engine.js";
import { readRecord, writeRecord } from "./session-record.js";
import type { SessionRecord } from "./session-record.js";

/** Seals texts for the place where they are kept; a `SealBox` does. */
export interface Sealer {
  seal(text: string, place: string): string;
  /** @returns `undefined` for what was not sealed for that place. */
  open(sealed: string, place: string): string | undefined;
}

export interface RecordStoreInit {
  readonly engine: ClusterEngine;
  readonly box: Sealer;
  /** What a session is called in the engine. @throws McpSseError 503 while nobody can tell. */
  readonly nameOf: (id: string) => string;
  /** Hears that there is a record which does not open. */
  readonly onUnreadable: () => void;
}

/** A record as it was found, with what it takes to change it. */
export interface FoundRecord<S> {
  readonly key: string;
  readonly version: number;
  readonly record: SessionRecord<S>;
}

/**
 * The directory of sessions, in the engine.
 *
 * Security decision: the engine is told no id and nothing that is in a record. A record is sealed with the
 * name that it has, so it counts for no other session; and one that was changed, or that somebody without the
 * secret has written, is none.
 */
export class RecordStore<S> {
  readonly #init: RecordStoreInit;

  constructor(init: RecordStoreInit) {
    this.#init = init;
  }

  /** The name of a session's record. @throws McpSseError 503 while nobody can tell. */
  keyOf(id: string): string {
    return `s:${this.#init.nameOf(id)}`;
  }

  /**
   * What is known of a session.
   *
   * @returns `undefined` where nothing is.
   * @throws McpSseError 503 when nobody can tell.
   */
  async find(id: string): Promise<FoundRecord<S> | undefined> {
    return await this.read(this.keyOf(id));
  }

  /** The same by the record's name. */
  async read(key: string): Promise<FoundRecord<S> | undefined> {
    const { engine, box, onUnreadable } = this.#init;
    const found = await askDirectory(engine.get(key));
    if (found === undefined) return undefined;
    const text = box.open(found.value, key);
    const record = text === undefined ? undefined : readRecord<S>(text);
    if (record === undefined) {
      onUnreadable();
      return undefined;
    }
    return { key, version: found.version, record };
  }

  /**
   * Writes a record, if its version is still the one that is known; 0 for one that is not there.
   *
   * @returns whether it did.
   * @throws McpSseError 503 when nobody can tell whether it did.
   */
  async put(
    key: string,
    record: SessionRecord<S>,
    version: number,
    ttlMs: number,
  ): Promise<boolean> {
    const { engine, box } = this.#init;
    return await askDirectory(engine.put(key, box.seal(writeRecord(record), key), version, ttlMs));
  }

  /** Deletes a record, if its version is still the one that is known. @throws McpSseError like `put`. */
  async take(key: string, version: number): Promise<boolean> {
    return await askDirectory(this.#init.engine.take(key, version));
  }

  /** Lets records live on, many in one exchange. */
  async touch(keys: readonly string[], ttlMs: number): Promise<void> {
    await askDirectory(this.#init.engine.touch(keys, ttlMs));
  }
}

/** @throws McpSseError 503 when the engine does not answer. */
export async function askDirectory<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (cause) {
    throw directoryIsAway(cause);
  }
}

/** What a request is answered while nobody can tell where its session is. */
export function directoryIsAway(cause?: unknown): McpSseError {
  return new McpSseError(
    "temporarily_unavailable",
    "Sessions cannot be looked up: try again soon.",
    {
      headers: retryAfter(1),
      cause,
    },
  );
}
