import { createHmac } from "node:crypto";

/** 192 bits: enough that no two are ever the same. */
const NAME_LENGTH = 32;

/**
 * What keys and sets are called in the engine: nobody who reads it there learns whose they are.
 *
 * @see `epoch.ts` for where the key comes from.
 */
export class ClusterNames {
  readonly #key: Buffer;

  constructor(key: Buffer) {
    this.#key = key;
  }

  /** @param kind of what is named, so that the same text has a name for each. */
  of(kind: string, text: string): string {
    const digest = createHmac("sha256", this.#key).update(`${kind}\n${text}`).digest("base64url");
    return digest.slice(0, NAME_LENGTH);
  }
}
