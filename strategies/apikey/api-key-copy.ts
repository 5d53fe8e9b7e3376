import type { ApiKeyEntry } from "./api-key-entry.js";

/** What a list of keys was like: its plain keys, and a copy of each entry. */
export type KeyListCopy = readonly (string | EntryCopy)[];

/** All of one shape, whatever the entries are like: these are compared at each call. */
interface EntryCopy {
  readonly id: string;
  readonly key: string | undefined;
  readonly sha256: string | undefined;
  readonly endsAt: number | undefined;
  readonly scopes: readonly string[] | undefined;
}

/** A copy of a list that {@link isUnchanged} compares with later. */
export function copyOf(list: readonly (string | ApiKeyEntry)[]): KeyListCopy {
  return list.map((entry) => (typeof entry === "string" ? entry : copyOfEntry(entry)));
}

function copyOfEntry(entry: ApiKeyEntry): EntryCopy {
  const { id, key, sha256, scopes } = entry;
  return { id, key, sha256, endsAt: endOf(entry), scopes: scopes && [...scopes] };
}

/**
 * Whether a list says what it said when it was copied.
 *
 * Security decision: the contents are compared, not only which array it is. A key that is taken out
 * of the array in place (`splice`), or an entry that is changed, must count from then on: it is the
 * most natural way to withdraw a key. Equal texts that are the same string cost one comparison.
 */
export function isUnchanged(list: unknown, copy: KeyListCopy): boolean {
  if (!Array.isArray(list) || list.length !== copy.length) return false;
  // By index: an iterator over each list costs as much as the comparison.
  for (let index = 0; index < copy.length; index++) {
    const before = copy[index];
    const now = (list as unknown[])[index];
    if (now === before) continue;
    if (typeof before !== "object" || typeof now !== "object" || now === null) return false;
    if (!isSameEntry(now as ApiKeyEntry, before)) return false;
  }
  return true;
}

function isSameEntry(now: ApiKeyEntry, before: EntryCopy): boolean {
  return (
    now.id === before.id &&
    now.key === before.key &&
    now.sha256 === before.sha256 &&
    endOf(now) === before.endsAt &&
    hasSameScopes(now.scopes, before.scopes)
  );
}

function hasSameScopes(now: EntryCopy["scopes"], before: EntryCopy["scopes"]): boolean {
  if (now === undefined || before === undefined) return now === before;
  if (now.length !== before.length) return false;
  for (let index = 0; index < now.length; index++) {
    if (now[index] !== before[index]) return false;
  }
  return true;
}

/** As a number, because a `Date` can be set to another time. */
function endOf({ expiresAt }: ApiKeyEntry): number | undefined {
  return typeof expiresAt === "object" ? expiresAt.getTime() : expiresAt;
}
