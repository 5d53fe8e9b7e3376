import type { Stage } from "./stage.js";

/** A check before it has something to run with. */
export interface StagedCheck {
  readonly name: string;
  readonly body: (stage: Stage) => Promise<void>;
}

/** Names that somebody's way to write them down may stumble over. */
export const STRANGE = [
  "a b",
  "a:b",
  "{a}b",
  "*",
  "a*?[b]",
  "a\nb",
  "a\0b",
  "__proto__",
  "constructor",
  "ä€😀",
  "'\"\\",
  "-1",
  "a".repeat(500),
] as const;
