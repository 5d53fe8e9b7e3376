import { EventEmitter } from "node:events";
import type { ToldRequest } from "./relay-frames.js";

/** The client's connection, which ends at another node, as far as anything here looks at one. */
export class RelayedSocket extends EventEmitter {
  readonly remoteAddress: string | undefined;
  /** Where the connection is one of TLS, as Node shows it. */
  declare readonly encrypted?: true;
  /** What a reader has taken, as the handle of a socket counts it: see `ReaderWatch`. */
  readonly _handle: { readonly bytesWritten: number };
  readonly #cut: () => void;
  #isDestroyed = false;

  /** @param cut has the client's connection cut. */
  constructor({ address, isSecure }: ToldRequest, taken: () => number, cut: () => void) {
    super();
    this.remoteAddress = address;
    this._handle = {
      get bytesWritten() {
        return taken();
      },
    };
    this.#cut = cut;
    if (isSecure) this.encrypted = true;
  }

  get destroyed(): boolean {
    return this.#isDestroyed;
  }

  /** What is sent in one tick is one message of the engine already. */
  cork(): void {
    // Nothing to gather.
  }

  uncork(): void {
    // Nothing was gathered.
  }

  destroy(): this {
    if (!this.#isDestroyed) this.#cut();
    return this;
  }

  /** The response is over, and nothing is known of the connection any more. */
  close(): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    this.emit("close");
  }
}
