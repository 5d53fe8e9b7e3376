import { optionError } from "./check.js";
import * as opt from "./option.js";
import { isLongSecret, MIN_SECRET_LENGTH } from "./seal.js";

/** One secret or several, of which the first seals and all open. */
export const secrets: opt.Option<readonly string[]> = opt.custom(
  "text, or list of texts",
  readSecrets,
);

function readSecrets(option: string, value: unknown): readonly string[] {
  const list: unknown[] = Array.isArray(value) ? [...(value as unknown[])] : [value];
  if (list.length > 0 && list.every(isLongSecret)) return list;
  throw optionError(
    option,
    `must be a text with at least ${MIN_SECRET_LENGTH} characters, or a list of such`,
    'Make one with randomBytes(32).toString("hex"). If it comes from the environment: is that set?',
  );
}
