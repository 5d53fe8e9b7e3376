import { hash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { AuthMethod } from "./auth-method.js";
import type { Caller } from "./outcome.js";
import { hasRepeatedAuthorization } from "./repeated-authorization.js";
import { hasLapsed } from "./verified-cache.js";

/** How many callers are kept, and how long their credentials are in all, in characters. */
const MAX_CALLERS = 10_000;
const MAX_CHARACTERS = 16 * 1024 * 1024;

/** How often what counts no more is looked for, at most, in milliseconds. */
const SWEEP_MS = 30_000;

/** Where the caller of a request is kept; see {@link VerifiedCallers.slotOf}. */
export interface CallerSlot {
  readonly key: string;
  readonly characters: number;
  /** What had been forgotten by then. */
  readonly revocations: number;
}

interface Entry {
  readonly caller: Caller;
  readonly characters: number;
}

/**
 * Callers who were let in a short while ago, by what they showed, for requests that belong to no
 * session: those of 2026-07-28, and those of `router.guard`.
 *
 * Security decision: without a session nothing but the credential says who it is. So a caller is kept
 * only where nothing else decides ({@link AuthMethod.credentialDecides}) for each method that was asked,
 * and found only by every byte of every credential that any method finds in the request: one more, or
 * one less, is another request. What stands in a URL is verified each time. Looked up by a digest, so
 * that timing gives no credential away.
 */
export class VerifiedCallers {
  readonly #methods: readonly AuthMethod[];
  readonly #forMs: number;
  /** Those that were used last are at the end. */
  readonly #entries = new Map<string, Entry>();
  #characters = 0;
  #revocations = 0;
  #sweep: NodeJS.Timeout | undefined;

  /** @param forMs milliseconds for which a success may be relied on; 0 for never. */
  constructor(methods: readonly AuthMethod[], forMs: number) {
    const mayKeep =
      forMs > 0 && methods.some(({ credentialDecides }) => credentialDecides === true);
    this.#methods = mayKeep ? methods.filter((method) => method.findCredential !== undefined) : [];
    this.#forMs = forMs;
  }

  /** How many are kept. */
  get size(): number {
    return this.#entries.size;
  }

  /** Where the caller of a request would be kept; `undefined` where that may not be. */
  slotOf(req: IncomingMessage): CallerSlot | undefined {
    if (this.#methods.length === 0) return undefined;
    let characters = 0;
    const found: (readonly string[] | null)[] = [];
    for (const method of this.#methods) {
      const credential = method.findCredential?.(req);
      if (credential?.place === "query") return undefined;
      characters += credential?.text.length ?? 0;
      found.push(credential ? [credential.place, credential.name, credential.text] : null);
    }
    // Which of the two counts is not for a memory to say.
    if (characters === 0 || hasRepeatedAuthorization(req.rawHeaders)) return undefined;
    // As JSON, so that no two lists are the same text.
    const key = hash("sha256", JSON.stringify(found), "base64");
    return { key, characters, revocations: this.#revocations };
  }

  /** The caller who was let in with the same, if nothing has happened to that since. */
  get({ key }: CallerSlot): Caller | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    if (this.#isOver(entry)) {
      this.#characters -= entry.characters;
      return undefined;
    }
    this.#entries.set(key, entry);
    return entry.caller;
  }

  /**
   * Keeps a caller who was let in. Not one whose sessions were ended while it was verified: that may
   * have been decided before.
   */
  keep({ key, characters, revocations }: CallerSlot, caller: Caller): void {
    const { methodsTried, revision, principal } = caller;
    const isDecided = methodsTried.every(({ credentialDecides }) => credentialDecides === true);
    if (!isDecided || revision === undefined || principal === undefined) return;
    if (revocations !== this.#revocations) return;
    this.#delete(key);
    this.#entries.set(key, { caller, characters });
    this.#characters += characters;
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= MAX_CALLERS && this.#characters <= MAX_CHARACTERS) break;
      this.#delete(oldest);
    }
    this.#sweepLater();
  }

  /** Forgets callers: what they showed is verified again. */
  forget(isMeant: (caller: Caller) => boolean): void {
    this.#revocations++;
    for (const [key, { caller }] of this.#entries) if (isMeant(caller)) this.#delete(key);
  }

  /** Forgets everybody, and leaves no timer behind. */
  clear(): void {
    this.#entries.clear();
    this.#characters = 0;
    clearTimeout(this.#sweep);
    this.#sweep = undefined;
  }

  /** So that no credential stays in memory for longer than it counts. */
  #forgetOver(): void {
    this.#sweep = undefined;
    for (const [key, entry] of this.#entries) if (this.#isOver(entry)) this.#delete(key);
    if (this.#entries.size > 0) this.#sweepLater();
  }

  #sweepLater(): void {
    if (this.#sweep !== undefined) return;
    const afterMs = Math.min(this.#forMs, SWEEP_MS);
    this.#sweep = setTimeout(() => this.#forgetOver(), afterMs).unref();
  }

  #isOver({ caller }: Entry): boolean {
    return performance.now() - caller.verifiedAt >= this.#forMs || hasLapsed(caller);
  }

  #delete(key: string): void {
    this.#characters -= this.#entries.get(key)?.characters ?? 0;
    this.#entries.delete(key);
  }
}
