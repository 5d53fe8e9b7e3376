import { AsyncResource } from "node:async_hooks";
import { getHeapStatistics } from "node:v8";
import { AnswerSizes } from "./answer-size.js";
import { fullLimit } from "./byte-limits.js";
import type { ByteLimit, ByteLimits } from "./byte-limits.js";

/** Who waits until more may be held for an owner. */
interface Waiter {
  readonly bytes: number;
  readonly hasRoom: (limit: ByteLimit | undefined) => void;
  readonly timer: NodeJS.Timeout;
}

/** How many may wait for room at a time: each is a connection that is not answered. */
const MAX_WAITING = 1_024;
const MAX_WAITING_PER_OWNER = 128;

/** The bytes that are held for one owner. */
export class ByteAccount {
  /** What the owner's calls are answered with. */
  readonly answers = new AnswerSizes();
  readonly #budget: ByteBudget;
  readonly #limits: ByteLimits;
  readonly #shed: () => boolean;
  /** Oldest first. */
  readonly #waiters = new Set<Waiter>();
  #held = 0;

  /**
   * @param maxBytes what may be held for this owner.
   * @param shed gives up what is held for the owner and can be given up, as much as belongs
   * together. @returns whether there was anything.
   */
  constructor(budget: ByteBudget, maxBytes: number, shed: () => boolean) {
    this.#budget = budget;
    this.#limits = { maxHeldBytes: budget.maxBytes, maxHeldBytesPerPrincipal: maxBytes };
    this.#shed = shed;
  }

  get held(): number {
    return this.#held;
  }

  /** What may be held for the owner. */
  get maxBytes(): number {
    return this.#limits.maxHeldBytesPerPrincipal;
  }

  /** Whether there is a bound in all. */
  get isBounded(): boolean {
    return this.#budget.maxBytes < Infinity;
  }

  /** Whether anything is held, or somebody waits for room. */
  get isInUse(): boolean {
    return this.#held > 0 || this.#waiters.size > 0;
  }

  /** Holds what is there already, and cannot be refused; or, with a negative number, lets it go. */
  add(bytes: number): void {
    const before = this.#held;
    this.#held = before + bytes;
    this.#budget.noteChange(before, bytes);
  }

  /** Holds as much if there is room. @returns the limit that leaves none; `undefined` if it is held. */
  take(bytes: number): ByteLimit | undefined {
    const full = this.#fullLimit(bytes);
    if (full === undefined) this.add(bytes);
    return full;
  }

  /**
   * Holds as much as soon as there is room, for at most `timeoutMs`.
   *
   * @param hasRoom is called once, never at once: with the limit that leaves none, or
   * `undefined` when the bytes are held.
   * @returns a function after which nobody waits; `undefined` if too many wait already.
   */
  wait(
    bytes: number,
    timeoutMs: number,
    hasRoom: (limit: ByteLimit | undefined) => void,
  ): (() => void) | undefined {
    if (this.#waiters.size >= MAX_WAITING_PER_OWNER || !this.#budget.canWait()) return undefined;
    // Whoever makes room belongs to another request, and to another context of the application.
    const tell = AsyncResource.bind(hasRoom);
    const giveUp = (): void => {
      this.#leave(waiter);
      tell(this.#fullLimit(bytes) ?? "maxHeldBytesPerPrincipal");
    };
    const waiter: Waiter = { bytes, hasRoom: tell, timer: setTimeout(giveUp, timeoutMs).unref() };
    this.#waiters.add(waiter);
    this.#budget.noteWaiting(this, 1);
    return () => this.#leave(waiter);
  }

  /** Whether somebody waits. */
  get isAwaited(): boolean {
    return this.#waiters.size > 0;
  }

  /** Serves the one who has waited for the longest time. @returns whether there was room. */
  serveOne(): boolean {
    const [waiter] = this.#waiters;
    if (waiter === undefined || this.take(waiter.bytes) !== undefined) return false;
    this.#leave(waiter);
    waiter.hasRoom(undefined);
    return true;
  }

  /** Gives up something. @returns whether there was anything to give up. */
  shed(): boolean {
    return this.#shed();
  }

  /** Ends what is held beyond the bound, whoever is to blame. Cheap, and to be called after each {@link add}. */
  keepBound(): void {
    if (this.#budget.isOverdrawn) this.#budget.shed();
  }

  #fullLimit(bytes: number): ByteLimit | undefined {
    const own = this.#held;
    const { held: inAll, owners } = this.#budget;
    return fullLimit(bytes, { own, inAll, owners: own > 0 ? owners : owners + 1 }, this.#limits);
  }

  #leave(waiter: Waiter): void {
    clearTimeout(waiter.timer);
    if (this.#waiters.delete(waiter)) this.#budget.noteWaiting(this, -1);
  }
}

/**
 * How many bytes this process holds for its callers: bodies that are being read, calls that are
 * not answered, answers that wait, and what is kept until it is acknowledged.
 *
 * What can still be refused asks first, and waits for its turn; what cannot is counted, and if
 * that is more than there may be, whoever has most loses a session.
 */
export class ByteBudget {
  readonly maxBytes: number;
  readonly #accounts = new Set<ByteAccount>();
  readonly #awaited = new Set<ByteAccount>();
  #held = 0;
  #owners = 0;
  #waiting = 0;
  #isServingSoon = false;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  get held(): number {
    return this.#held;
  }

  /** For how many owners anything is held. */
  get owners(): number {
    return this.#owners;
  }

  /** Whether more is held than may be. */
  get isOverdrawn(): boolean {
    return this.#held > this.maxBytes;
  }

  /** For an owner; see {@link ByteAccount}. */
  open(maxBytes: number, shed: () => boolean): ByteAccount {
    const account = new ByteAccount(this, maxBytes, shed);
    this.#accounts.add(account);
    return account;
  }

  /** For an owner who is gone; what is still held counts in all until it is let go. */
  close(account: ByteAccount): void {
    this.#accounts.delete(account);
  }

  noteChange(before: number, bytes: number): void {
    this.#held += bytes;
    const now = before + bytes;
    if (before <= 0 && now > 0) this.#owners++;
    else if (before > 0 && now <= 0) this.#owners--;
    if (bytes < 0 && this.#waiting > 0) this.#serveSoon();
  }

  canWait(): boolean {
    return this.#waiting < MAX_WAITING;
  }

  noteWaiting(account: ByteAccount, change: 1 | -1): void {
    this.#waiting += change;
    if (account.isAwaited) this.#awaited.add(account);
    else this.#awaited.delete(account);
  }

  /** Until the bound is kept, whoever has most gives something up. */
  shed(): void {
    const accounts = [...this.#accounts].sort((a, b) => b.held - a.held);
    for (const account of accounts) {
      while (this.isOverdrawn && account.shed());
      if (!this.isOverdrawn) return;
    }
  }

  /** Once for all that is let go in a turn of the event loop. */
  #serveSoon(): void {
    if (this.#isServingSoon) return;
    this.#isServingSoon = true;
    setImmediate(() => {
      this.#isServingSoon = false;
      this.#serve();
    });
  }

  /** One of each owner at a time, those first for whom the least is held. */
  #serve(): void {
    for (let isServed = true; isServed;) {
      isServed = false;
      const accounts = [...this.#awaited].sort((a, b) => a.held - b.held);
      for (const account of accounts) if (account.serveOne()) isServed = true;
    }
  }
}

/** Of the heap that V8 may have; the rest is for the application, and for what nobody can count. */
const HEAP_SHARE = 0.5;

/** What one owner may hold, of all. */
export const OWNER_SHARE = 0.5;

let ofProcess: ByteBudget | undefined;

/** The budget of all who have none of their own: they share one heap. */
export function processBudget(): ByteBudget {
  ofProcess ??= new ByteBudget(Math.floor(getHeapStatistics().heap_size_limit * HEAP_SHARE));
  return ofProcess;
}

/** From which budget the sessions of a router take, and how much of it each owner may. */
export interface ByteShare {
  readonly budget: ByteBudget;
  readonly maxBytesPerPrincipal: number;
}
