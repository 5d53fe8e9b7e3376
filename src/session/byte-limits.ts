/** How many bytes may be held for callers; `Infinity` stands for no bound. */
export interface ByteLimits {
  /** In all. */
  readonly maxHeldBytes: number;
  /** For one owner. */
  readonly maxHeldBytesPerPrincipal: number;
}

/** Which of them leaves no room. */
export type ByteLimit = keyof ByteLimits;

/** What is held at the moment. */
export interface BytesHeld {
  /** For the owner who asks for more. */
  readonly own: number;
  readonly inAll: number;
  /** For how many owners anything is held, the one included who asks. */
  readonly owners: number;
}

/** The rest is kept for owners who have less than their fair share. */
const OPEN_TO_ALL = 0.75;

/**
 * Whether more may be held for an owner; if not, which limit says so.
 *
 * Security decision: nobody can use up what others need. Whoever stays below the fair share, an
 * equal part for each owner that anything is held for, is refused only when nothing is left at
 * all; the last quarter is for those alone. Whoever has nothing yet may begin with more than an
 * owner's share, since otherwise a message larger than that could never come in.
 */
export function fullLimit(
  bytes: number,
  { own, inAll, owners }: BytesHeld,
  { maxHeldBytes, maxHeldBytesPerPrincipal }: ByteLimits,
): ByteLimit | undefined {
  if (inAll + bytes > maxHeldBytes) return "maxHeldBytes";
  if (own > 0 && own + bytes > maxHeldBytesPerPrincipal) return "maxHeldBytesPerPrincipal";
  const isFair = own + bytes <= maxHeldBytes / Math.max(1, owners);
  return isFair || inAll + bytes <= maxHeldBytes * OPEN_TO_ALL ? undefined : "maxHeldBytes";
}
