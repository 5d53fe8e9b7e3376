import type { Owner, Whose } from "./whose.js";

/**
 * What is written down when everything of somebody is ended, for nodes that cannot be told: since when
 * it counts, by the name of who is meant. It outlasts whatever can be opened, or moved, with what was
 * verified before.
 */

/** How long a mark is kept, in milliseconds: a day. */
export const MARK_TTL_MS = 24 * 60 * 60 * 1_000;

/** Below which marks are kept that mean somebody. */
export function marksOf(whose: Whose): readonly string[] {
  if (whose.kind === "named") return [namedMark(whose.id, whose.issuer)];
  return whose.keys.map(ownerMark);
}

/** Below which marks are kept that mean this owner. */
export function marksOn({ ownerKey, principal }: Owner): readonly string[] {
  if (principal === undefined) return [ownerMark(ownerKey)];
  const { id, issuer } = principal;
  const named = issuer === undefined ? [] : [namedMark(id, issuer)];
  return [ownerMark(ownerKey), namedMark(id, null), ...named];
}

/** As JSON, so that no two are the same text. */
function ownerMark(ownerKey: string): string {
  return JSON.stringify(["owner", ownerKey]);
}

function namedMark(id: string, issuer: string | null): string {
  return JSON.stringify(["named", id, issuer]);
}

/** @param at milliseconds since the epoch. */
export function writeMark(at: number): string {
  return String(at);
}

/**
 * Whether somebody's everything was ended after something of theirs began.
 *
 * Security decision: what was verified in the same millisecond counts as before, and so does everything
 * where a mark cannot be read: it was written because access was withdrawn. Clocks of nodes are compared:
 * one that is ahead lets a session of the last moments pass here, which it hears of as a rule; one that is
 * behind refuses new ones for as long.
 *
 * @param marks those of {@link marksOn}, as far as there are any.
 * @param since when it began, in milliseconds since the epoch.
 */
export function isRevoked(marks: readonly (string | undefined)[], since: number): boolean {
  return marks.some((mark) => {
    if (mark === undefined) return false;
    const at = Number(mark);
    return !Number.isFinite(at) || mark.trim() === "" || since <= at;
  });
}
