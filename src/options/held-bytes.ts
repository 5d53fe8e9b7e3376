import { optionError } from "../shared/check.js";
import * as opt from "../shared/option.js";
import type { ByteShare } from "../session/byte-budget.js";
import { ByteBudget, OWNER_SHARE, processBudget } from "../session/byte-budget.js";

/** One message of the default size, and its answer. */
const MIN_BYTES = 8 * 1024 * 1024;

/** A number of bytes, `Infinity` where 0 was written; `undefined` for a share of the heap. */
export const heldBytes: opt.Option<number | undefined> = opt.custom(
  `bytes, from ${MIN_BYTES}, or 0`,
  (name, value) => {
    if (value === undefined) return undefined;
    if (typeof value !== "number" || !Number.isFinite(value) || value < 0) {
      throw optionError(
        name,
        "must be a number of bytes",
        "Leave it out for a share of the heap, or write 0 for no limit.",
      );
    }
    const bytes = Math.floor(value);
    if (value > 0 && bytes < MIN_BYTES) {
      throw optionError(name, "is too little to serve anybody", `Write ${MIN_BYTES} or more.`);
    }
    return bytes === 0 ? Infinity : bytes;
  },
);

/**
 * How much memory a router may hold for its callers: of a budget of its own if it names one,
 * else of the one that all routers of the process share.
 *
 * @throws TypeError for a principal's share that is more than there is.
 */
export function byteShare(
  path: string,
  max: number | undefined,
  perPrincipal: number | undefined,
): ByteShare {
  const budget = max === undefined ? processBudget() : new ByteBudget(max);
  if (perPrincipal !== undefined && perPrincipal > budget.maxBytes && perPrincipal !== Infinity) {
    throw optionError(
      `${path}.maxHeldBytesPerPrincipal`,
      `is more than maxHeldBytes, ${budget.maxBytes}`,
      "Write less, or 0 for no limit of its own.",
    );
  }
  return {
    budget,
    maxBytesPerPrincipal: perPrincipal ?? Math.floor(budget.maxBytes * OWNER_SHARE),
  };
}
