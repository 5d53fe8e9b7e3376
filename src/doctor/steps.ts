import type { Step } from "./step.js";
import { browser } from "./steps/browser.js";
import { discovery } from "./steps/discovery.js";
import { keepAlive } from "./steps/keep-alive.js";
import { messages } from "./steps/messages.js";
import { modern } from "./steps/modern.js";
import { replicas } from "./steps/replicas.js";
import { stranger } from "./steps/stranger.js";
import { stream } from "./steps/stream.js";
import { streamable } from "./steps/streamable.js";
import { token } from "./steps/token.js";

/** All steps, in the order in which they are made: each may read what those above it have gathered. */
export const STEPS: readonly Step[] = [
  stranger,
  discovery,
  token,
  stream,
  messages,
  streamable,
  modern,
  browser,
  replicas,
  keepAlive,
];
