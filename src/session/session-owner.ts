import { noUpstream } from "../shared/upstream-token.js";
import type { UpstreamToken } from "../shared/upstream-token.js";
import { permitsMore, saysOtherwise } from "./continuation.js";
import type { PrincipalListener } from "./session-info.js";
import type { SessionInit } from "./session-init.js";

/**
 * Whose a session is, as most recently verified, and until when. Whoever goes on with a session
 * has at least its rights, so the principal that is kept never permits less than one before.
 */
export class SessionOwner<P> {
  readonly key: string;
  /** Typed, like the listeners, so that a session can stand for one of anybody. */
  readonly #upstream: ((principal: never) => Promise<UpstreamToken>) | undefined;
  #principal: P;
  #validUntil: number | undefined;
  /** `undefined` until somebody listens. */
  #listeners: readonly PrincipalListener<never>[] | undefined;

  constructor(init: Pick<SessionInit<P>, "principal" | "ownerKey" | "validUntil" | "upstream">) {
    this.key = init.ownerKey;
    this.#principal = init.principal;
    this.#validUntil = init.validUntil;
    this.#upstream = init.upstream;
  }

  get principal(): P {
    return this.#principal;
  }

  /** When the credential ends that counts, in milliseconds since the epoch; `undefined` for never. */
  get validUntil(): number | undefined {
    return this.#validUntil;
  }

  /** Calls `listener` when another principal comes that permits more, or of whom other things are said. */
  onChanged(listener: PrincipalListener<P>): void {
    this.#listeners = [...(this.#listeners ?? []), listener];
  }

  /**
   * Keeps the most recent credential's principal. One that ends later prolongs the session, one
   * that ends earlier does not shorten it.
   *
   * @param failed hears of listeners that throw or reject.
   */
  renew(principal: P, validUntil: number | undefined, failed: (error: unknown) => void): void {
    const previous = this.#principal;
    if (this.#validUntil !== undefined) {
      if (validUntil === undefined || validUntil > this.#validUntil) this.#validUntil = validUntil;
    }
    if (principal === previous) return;
    this.#principal = principal;
    if (this.#listeners === undefined) return;
    if (!permitsMore(principal, previous) && !saysOtherwise(principal, previous)) return;
    for (const listener of this.#listeners as readonly PrincipalListener<P>[]) {
      tell(listener, principal, previous, failed);
    }
  }

  async upstream(): Promise<UpstreamToken> {
    const principal = this.#principal;
    if (this.#upstream === undefined || typeof principal !== "object" || principal === null) {
      throw noUpstream();
    }
    return await this.#upstream(principal as never);
  }
}

/** An application's listener may throw, or return a promise although nobody waits for it. */
function tell<P>(
  listener: PrincipalListener<P>,
  principal: P,
  previous: P,
  failed: (error: unknown) => void,
): void {
  try {
    const returned = (listener as (...args: P[]) => unknown)(principal, previous);
    Promise.resolve(returned).catch(failed);
  } catch (error) {
    failed(error);
  }
}
