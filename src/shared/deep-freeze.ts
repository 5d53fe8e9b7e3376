/**
 * Freezes what was read from JSON, through and through: several requests may have it at a time, and none
 * is to find what another has written into it.
 *
 * Without recursion: how deep it is nested is not ours to say.
 */
export function deepFreeze<T extends object>(root: T): Readonly<T> {
  const pending: unknown[] = [root];
  while (pending.length > 0) {
    const value = pending.pop();
    if (typeof value !== "object" || value === null || Object.isFrozen(value)) continue;
    Object.freeze(value);
    for (const item of Object.values(value)) pending.push(item);
  }
  return root;
}
