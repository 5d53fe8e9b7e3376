import type { Spare } from "../session/limits.js";

/** What a node can spare of an owner's, and what it has. */
export interface SparedAt {
  readonly spare: Spare | undefined;
  /** What its sessions of that owner are called in the directory. */
  readonly names: readonly string[];
}

/** What a node answered. Another release may say it otherwise: then it spares nothing. */
export function readSpare(answer: unknown): SparedAt {
  const [spare, names] = Array.isArray(answer) ? (answer as readonly unknown[]) : [];
  const { rank, since, isMissed } = Object(spare) as Partial<Record<keyof Spare, unknown>>;
  const isSpare = typeof rank === "number" && typeof since === "number";
  return {
    spare: isSpare ? { rank, since, isMissed: isMissed !== false } : undefined,
    names: Array.isArray(names) ? names.filter((name) => typeof name === "string") : [],
  };
}

/** Where that session is which can best be spared; `undefined` where none can be. */
export function leastUsed<T extends SparedAt>(
  answers: readonly T[],
): (T & { readonly spare: Spare }) | undefined {
  let best: (T & { readonly spare: Spare }) | undefined;
  for (const one of answers) {
    const { spare } = one;
    if (spare === undefined) continue;
    const isBetter =
      best === undefined ||
      spare.rank < best.spare.rank ||
      (spare.rank === best.spare.rank && spare.since < best.spare.since);
    if (isBetter) best = { ...one, spare };
  }
  return best;
}
