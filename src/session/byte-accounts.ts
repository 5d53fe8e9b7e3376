import type { ByteAccount, ByteShare } from "./byte-budget.js";

/** How many accounts of owners who have left are kept at least before it is looked through them. */
const MANY = 64;

/** The accounts of a router's owners. */
export class ByteAccounts {
  readonly #share: ByteShare;
  readonly #accounts = new Map<string, ByteAccount>();
  /** Owners without a session, for whom something may still be held. */
  readonly #left = new Set<string>();
  #lookAt = MANY;

  constructor(share: ByteShare) {
    this.#share = share;
  }

  /** The account of an owner; `shed` as in {@link ByteAccount}. */
  of(owner: string, shed: () => boolean): ByteAccount {
    this.#left.delete(owner);
    const known = this.#accounts.get(owner);
    if (known !== undefined) return known;
    const { budget, maxBytesPerPrincipal } = this.#share;
    const account = budget.open(maxBytesPerPrincipal, shed);
    this.#accounts.set(owner, account);
    return account;
  }

  /** An owner has no session any more; the account is there until nothing is held for them. */
  noteLeft(owner: string): void {
    this.#left.add(owner);
    if (this.#accounts.get(owner)?.isInUse === false) this.#close(owner);
    if (this.#left.size < this.#lookAt) return;
    for (const one of this.#left) if (this.#accounts.get(one)?.isInUse === false) this.#close(one);
    this.#lookAt = Math.max(MANY, 2 * this.#left.size);
  }

  #close(owner: string): void {
    const account = this.#accounts.get(owner);
    if (account !== undefined) this.#share.budget.close(account);
    this.#accounts.delete(owner);
    this.#left.delete(owner);
  }
}
