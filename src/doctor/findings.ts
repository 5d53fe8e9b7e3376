import type { Finder } from "./evidence.js";
import { BROWSER } from "./findings/browser.js";
import { CREDENTIAL, UNEXPLAINED } from "./findings/credential.js";
import { DISCOVERY } from "./findings/discovery.js";
import { ISSUER } from "./findings/issuer.js";
import { MESSAGES } from "./findings/messages.js";
import { HOSTS, KEEP_ALIVE } from "./findings/proxy.js";
import { REACH } from "./findings/reach.js";
import { REDIRECT } from "./findings/redirect.js";
import { REPLICAS } from "./findings/replicas.js";
import { STATUS } from "./findings/status.js";
import { STREAM } from "./findings/stream.js";
import { STREAMABLE } from "./findings/streamable.js";
import { TOKEN } from "./findings/token.js";

/**
 * All finders: a cause stands before its consequences. Among findings of one severity the first in this list is the
 * first that is shown.
 */
export const FINDERS: readonly Finder[] = [
  ...REACH,
  ...HOSTS,
  ...REDIRECT,
  ...CREDENTIAL,
  ...DISCOVERY,
  ...ISSUER,
  ...TOKEN,
  ...UNEXPLAINED,
  ...STREAM,
  ...REPLICAS,
  ...MESSAGES,
  ...STATUS,
  ...STREAMABLE,
  ...BROWSER,
  ...KEEP_ALIVE,
];
