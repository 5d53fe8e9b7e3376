import * as opt from "../shared/option.js";
import { secrets } from "../shared/secret-option.js";

/** How sessions of Streamable HTTP are restored. */
export interface RestoreConfig {
  /**
   * Seals, in a session's id, what is needed to go on with it: whose it is and what its client said of
   * itself. At least 32 characters, the same at all nodes. Of a list the first seals, and all open, so
   * that the next can be rolled out. Security: whoever knows it can make up sessions, but not their
   * owner's credential, which each request has to bring as well. Required.
   */
  secret: string | readonly string[];
  /**
   * Milliseconds for which an id counts, from `initialize` on. For as long is remembered which sessions
   * must not come back. Default: 604800000 (7 days).
   */
  maxAgeMs?: number;
}

/** {@link RestoreConfig}, checked and complete. */
export interface RestoreSettings {
  /** The first seals; never empty. */
  readonly secret: readonly string[];
  readonly maxAgeMs: number;
}

/** {@link RestoreConfig}. */
export const RESTORE: opt.Block<{
  readonly secret: opt.Option<readonly string[]>;
  readonly maxAgeMs: opt.Option<number>;
}> = opt.objectOf({
  secret: secrets,
  maxAgeMs: opt.number("milliseconds", 604_800_000, { min: 1_000 }),
} satisfies opt.Declares<RestoreConfig>);
