import { optionError } from "../shared/check.js";
import type { SessionOptions } from "./options.js";
import type { ByteShare } from "../session/byte-accounts.js";
import { ByteBudget, OWNER_SHARE, processBudget } from "../session/byte-budget.js";

/**
 * How much memory a router may hold for its callers: of a budget of its own if it names one,
 * else of the one that all routers of the process share.
 *
 * @throws TypeError for a wrong option.
 */
export function resolveByteShare(
  path: string,
  { maxHeldBytes, maxHeldBytesPerPrincipal }: SessionOptions,
): ByteShare {
  const max = checkBytes(`${path}.maxHeldBytes`, maxHeldBytes);
  const perPrincipal = checkBytes(`${path}.maxHeldBytesPerPrincipal`, maxHeldBytesPerPrincipal);
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

/** 0 stands for no limit; `undefined` for the default. */
function checkBytes(option: string, value: unknown): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "number" || !Number.isFinite(value) || value < 0) {
    throw optionError(
      option,
      "must be a number of bytes",
      "Leave it out for a share of the heap, or write 0 for no limit.",
    );
  }
  const bytes = Math.floor(value);
  if (value > 0 && bytes < MIN_BYTES) {
    throw optionError(option, "is too little to serve anybody", `Write ${MIN_BYTES} or more.`);
  }
  return bytes === 0 ? Infinity : bytes;
}

/** One message of the default size, and its answer. */
const MIN_BYTES = 8 * 1024 * 1024;
