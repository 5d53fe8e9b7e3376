import type { Finder } from "./evidence.js";
import { REACH } from "./findings/reach.js";

/**
 * All finders: a cause stands before its consequences. Among findings of one severity the first in this list is the
 * first that is shown.
 */
export const FINDERS: readonly Finder[] = [...REACH];
