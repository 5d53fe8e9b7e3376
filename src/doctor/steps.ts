import type { Step } from "./step.js";
import { discovery } from "./steps/discovery.js";
import { stranger } from "./steps/stranger.js";
import { token } from "./steps/token.js";

/** All steps, in the order in which they are made: each may read what those above it have gathered. */
export const STEPS: readonly Step[] = [stranger, discovery, token];
