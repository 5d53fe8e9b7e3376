import type { Finder } from "./evidence.js";
import { CREDENTIAL, UNEXPLAINED } from "./findings/credential.js";
import { DISCOVERY } from "./findings/discovery.js";
import { ISSUER } from "./findings/issuer.js";
import { REACH } from "./findings/reach.js";
import { TOKEN } from "./findings/token.js";

/**
 * All finders: a cause stands before its consequences. Among findings of one severity the first in this list is the
 * first that is shown.
 */
export const FINDERS: readonly Finder[] = [
  ...REACH,
  ...CREDENTIAL,
  ...DISCOVERY,
  ...ISSUER,
  ...TOKEN,
  ...UNEXPLAINED,
];
