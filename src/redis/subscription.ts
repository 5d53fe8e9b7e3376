import { withTimeout } from "../shared/timeout.js";
import { ANSWER_MS, codeOf } from "./connection.js";
import type { Listening, RedisPort } from "./redis-port.js";

/** Milliseconds of silence after which a subscription has to prove that it hears. */
const SILENCE_MS = 3_000;

/** What a node hears. */
export interface Subscribed {
  /** Channels whose messages go to `hear`. */
  readonly channels: readonly string[];
  hear(message: string): void;
  /** A channel of this node alone, by which it proves that it hears. */
  readonly proof: string;
  /** Sends to it. */
  prove(): Promise<unknown>;
}

/**
 * A connection of our own that hears channels. It comes back by itself after a loss, as the clients do;
 * one that does not, or that hears nothing although it seems to be there, is replaced.
 *
 * A connection whose other side is gone without a word stays open for hours: only what is heard proves
 * that one hears.
 */
export class Subscription {
  readonly #port: RedisPort;
  readonly #of: Subscribed;
  #listening: Listening | undefined;
  #timer: NodeJS.Timeout | undefined;
  #hasHeard = true;
  #onHeard = (): void => undefined;
  #isProving = false;
  #isClosed = false;

  constructor(port: RedisPort, of: Subscribed) {
    this.#port = port;
    this.#of = of;
  }

  /** Resolves once it hears. */
  async open(): Promise<void> {
    await this.#listen();
    this.#timer = setInterval(() => void this.#watch(), SILENCE_MS).unref();
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
    this.#stop();
  }

  async #listen(): Promise<void> {
    if (this.#isClosed) return;
    const { channels, proof } = this.#of;
    const listening = this.#port.listen([...channels, proof], this.#hear);
    this.#listening = listening;
    let rejection: unknown;
    const opened = listening.opened.then(
      () => true,
      (error: unknown) => void (rejection = error),
    );
    if ((await withTimeout(opened, ANSWER_MS)) === true) return;
    // That a connection is closed is said by the rejection, and why by an event before.
    const trouble = listening.trouble() ?? rejection;
    listening.close();
    const what = trouble === undefined ? "got no answer" : `failed with ${codeOf(trouble)}`;
    throw new Error(`Redis: SUBSCRIBE ${what}`);
  }

  readonly #hear = (message: string, channel: string): void => {
    this.#hasHeard = true;
    this.#onHeard();
    if (!this.#isClosed && !channel.endsWith(this.#of.proof)) this.#of.hear(message);
  };

  async #watch(): Promise<void> {
    const isSilent = !this.#hasHeard;
    this.#hasHeard = false;
    if (!isSilent || this.#isProving) return;
    this.#isProving = true;
    try {
      if (await this.#isHearing()) return;
      this.#stop();
      await this.#listen();
    } catch {
      // Redis is away, and whoever asks is told so; it is looked at again.
    } finally {
      this.#isProving = false;
    }
  }

  async #isHearing(): Promise<boolean> {
    const heard = new Promise<true>((resolve) => (this.#onHeard = () => resolve(true)));
    await this.#of.prove();
    return (await withTimeout(heard, ANSWER_MS)) === true;
  }

  #stop(): void {
    this.#listening?.close();
    this.#listening = undefined;
  }
}
