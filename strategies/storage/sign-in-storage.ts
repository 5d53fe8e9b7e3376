/**
 * Where a sign-in keeps what must outlive a request: registered clients, grants, refresh tokens,
 * codes, browser sessions, the provider's tokens, and its keys unless they are given.
 *
 * Values are sealed (AES-256-GCM) before they come here, and what identifies them is hashed. A
 * shared database makes several processes one authorization server; give `keys` then, too.
 *
 * **You implement** five operations on strings. `add` and `take` must be atomic, because codes and
 * refresh tokens are redeemed with them, once: in Redis `SET key value NX PX ttl` and
 * `GETDEL key`. A rejection is answered as an outage; nobody is let in and nothing is redeemed.
 *
 * What comes with an `owner` was caused by one person, one client or the addresses of one network,
 * of whom it says nothing else. Security: a storage that holds a limited number of entries should
 * take room from the owner who has most of a kind, which is what stands before the `:` of a key.
 * One that forgets the oldest lets anybody push out what others need. A storage without such a
 * limit needs no owners.
 */
export interface SignInStorage {
  /** The value; `undefined` when there is none, or its time is over. */
  get(key: string): Promise<string | undefined>;
  /**
   * Sets or replaces a value. `ttlMs`: milliseconds until it is forgotten; without it, never.
   * `owner`: who caused it; without it, the one of the value that is replaced.
   */
  set(key: string, value: string, ttlMs?: number, owner?: string): Promise<void>;
  /** Sets a value unless there is one; whether it was set. Atomic. */
  add(key: string, value: string, ttlMs?: number, owner?: string): Promise<boolean>;
  /** The value, which is then gone: of several callers one gets it. Atomic. */
  take(key: string): Promise<string | undefined>;
  /** Forgets a value. Nothing happens when there is none. */
  delete(key: string): Promise<void>;
  /** Finishes what is being written. Called when the router is closed. Default: nothing to finish. */
  close?(): Promise<void>;
}
