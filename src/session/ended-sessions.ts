/** A session that its client can have restored. */
export interface SealedSession {
  readonly id: string;
  readonly ownerKey: string;
  /** When its id was sealed, in milliseconds since the epoch. */
  readonly sealedAt: number;
}

export interface EndedSessionsOptions {
  /** How long a session can be restored, in milliseconds. */
  readonly maxAgeMs: number;
  /** How far the clocks of two nodes may differ, in milliseconds. */
  readonly skewMs: number;
  /** Whether everybody may call: then all of them are one owner, and none is to pay for another. */
  readonly isOpenEndpoint: boolean;
  /** Sessions of one owner that are remembered. Default: 1000; on an open endpoint as many as in all. */
  readonly maxPerOwner?: number;
  /** The same of all. Default: 100000. */
  readonly maxInAll?: number;
  /** Owners of whom anything is remembered, and acts of revocation by anything else. Default: 10000. */
  readonly maxOwners?: number;
}

/** What has ended of one owner. */
interface Owned {
  /** Nothing comes back that was sealed until then, in milliseconds since the epoch. */
  until: number;
  /** When each session was sealed that has ended by itself, by its id. */
  readonly sessions: Map<string, number>;
  /** When anything was heard of it last, in milliseconds since the epoch. */
  heardAt: number;
}

interface Revocation<P> {
  readonly isMeant: (principal: P) => boolean;
  readonly until: number;
}

/**
 * The sessions that must not be restored although their ids are good. Each is remembered for as long
 * as its id counts.
 *
 * Security decision: the number is bounded, and what is forgotten for that does not come back: it takes
 * along what was sealed before it, of the same owner, and of everybody only where there are too many
 * owners. So nobody can keep somebody else's sessions from coming back by ending many of their own.
 */
export class EndedSessions<P> {
  readonly #options: Required<EndedSessionsOptions>;
  /** Who was heard of least recently comes first. */
  readonly #owners = new Map<string, Owned>();
  #revocations: readonly Revocation<P>[] = [];
  #until = -Infinity;
  #sessionsInAll = 0;

  constructor(options: EndedSessionsOptions) {
    const { isOpenEndpoint, maxInAll = 100_000 } = options;
    const maxPerOwner = isOpenEndpoint ? maxInAll : 1_000;
    this.#options = { maxPerOwner, maxInAll, maxOwners: 10_000, ...options };
  }

  /** How many facts are remembered. */
  get size(): number {
    return this.#revocations.length + this.#owners.size + this.#sessionsInAll;
  }

  /** A session has ended for good. */
  note({ id, ownerKey, sealedAt }: SealedSession): void {
    const owned = this.#touch(ownerKey);
    if (sealedAt <= owned.until || owned.sessions.has(id)) return;
    owned.sessions.set(id, sealedAt);
    this.#sessionsInAll++;
    this.#dropOldest(owned);
  }

  /** All that an owner has begun so far has ended. */
  noteRevoked(ownerKey: string): void {
    const owned = this.#touch(ownerKey);
    owned.until = this.#now;
    this.#sessionsInAll -= owned.sessions.size;
    owned.sessions.clear();
  }

  /** The same for all principals of whom something is true. */
  noteRevokedWhere(isMeant: (principal: P) => boolean): void {
    const alive = this.#revocations.filter(({ until }) => this.#counts(until));
    const [oldest] = alive.length < this.#options.maxOwners ? [] : alive;
    if (oldest !== undefined) this.#until = Math.max(this.#until, oldest.until);
    const kept = oldest === undefined ? alive : alive.slice(1);
    this.#revocations = [...kept, { isMeant, until: this.#now }];
  }

  /** Whether a session has ended for good, as far as this process knows. */
  has({ id, ownerKey, sealedAt }: SealedSession, principal: P): boolean {
    if (sealedAt <= this.#until) return true;
    const owned = this.#owners.get(ownerKey);
    if (owned !== undefined && (sealedAt <= owned.until || owned.sessions.has(id))) return true;
    return this.#revocations.some(({ isMeant, until }) => sealedAt <= until && isMeant(principal));
  }

  /** What another node has sealed by now, if its clock is ahead. */
  get #now(): number {
    return Date.now() + this.#options.skewMs;
  }

  /** Whether something that was sealed then can still be restored. */
  #counts(sealedAt: number): boolean {
    return Date.now() - sealedAt <= this.#options.maxAgeMs;
  }

  #touch(ownerKey: string): Owned {
    const known = this.#owners.get(ownerKey);
    const owned = known ?? { until: -Infinity, sessions: new Map<string, number>(), heardAt: 0 };
    owned.heardAt = Date.now();
    this.#owners.delete(ownerKey);
    this.#owners.set(ownerKey, owned);
    this.#dropOwners();
    return owned;
  }

  /** Those of whom nothing counts any more, and one who is too many. */
  #dropOwners(): void {
    const { maxOwners, skewMs } = this.#options;
    for (const [key, owned] of this.#owners) {
      // Another node may have sealed what it had in the future of then.
      const isOver = !this.#counts(owned.heardAt + skewMs);
      if (!isOver && this.#owners.size <= maxOwners) return;
      if (!isOver) this.#until = Math.max(this.#until, latestIn(owned));
      this.#sessionsInAll -= owned.sessions.size;
      this.#owners.delete(key);
    }
  }

  #dropOldest(owned: Owned): void {
    const { maxPerOwner, maxInAll } = this.#options;
    for (const [id, sealedAt] of owned.sessions) {
      const isTooMany = owned.sessions.size > maxPerOwner || this.#sessionsInAll > maxInAll;
      if (!isTooMany && this.#counts(sealedAt)) return;
      owned.sessions.delete(id);
      this.#sessionsInAll--;
      if (isTooMany) owned.until = Math.max(owned.until, sealedAt);
    }
  }
}

function latestIn({ until, sessions }: Owned): number {
  let latest = until;
  for (const sealedAt of sessions.values()) latest = Math.max(latest, sealedAt);
  return latest;
}
