import type { ServerResponse } from "node:http";
import { McpSseError, retryAfter } from "../shared/errors.js";
import type { Sessions, RouterSession } from "./router-session.js";
import type { ByteLimit } from "../session/byte-limits.js";
import type { HeldCall } from "../session/held-call.js";
import type { BodyAdmission } from "./message-body.js";
import type { JsonRpcMessage } from "../shared/json-rpc.js";

/**
 * A body of so many bytes is read whether there is memory left or not: it may acknowledge what fills the
 * memory, or cancel a call. If it is a call, it waits after that.
 */
export const SMALL = 4_096;

/** How long a POST waits until others of its principal were answered, in milliseconds. */
export const WAIT_MS = 10_000;

/**
 * The bytes of one POST: taken when its header is there, and given back when its message is in
 * the hands of its session.
 */
export class PostedBytes implements BodyAdmission {
  /** The bytes of its message, if that is a call. */
  call: HeldCall | undefined;
  readonly #res: ServerResponse;
  readonly #session: RouterSession;
  readonly #sessions: Sessions;
  /** Whether a place for a body is taken, and how many bytes. */
  #isReading = false;
  #held = 0;
  /** What is needed before the body is read. */
  #needed = 0;
  /** Of its message, in memory. */
  #weight = 0;

  constructor(res: ServerResponse, session: RouterSession, sessions: Sessions) {
    this.#res = res;
    this.#session = session;
    this.#sessions = sessions;
  }

  /** Whether a body may be read now. @throws McpSseError when too many of its session are. */
  mayRead(bytes: number): boolean {
    this.#sessions.admission.admitBody(this.#session);
    this.#isReading = true;
    const { account } = this.#session.bytes;
    if (bytes <= SMALL) {
      account.add(bytes);
      this.#held = bytes;
      return true;
    }
    // With memory for its answer, so that it need not be refused once it was read.
    this.#needed = bytes + account.answers.largest;
    if (account.take(this.#needed) !== undefined) return false;
    this.#held = this.#needed;
    return true;
  }

  /** Waits until the body may be read. */
  waitToRead(read: () => void, refuse: (error: McpSseError) => void): void {
    const { account } = this.#session.bytes;
    this.#wait(
      (done) => account.wait(this.#needed, WAIT_MS, done),
      () => {
        this.#held = this.#needed;
        read();
      },
      refuse,
    );
  }

  /** Takes memory for what was read, once it is parsed. @throws McpSseError when there is none. */
  weigh(weight: number): void {
    this.#weight = weight;
    // What is small waits for its turn in memory: see {@link mayTake}.
    if (this.#needed === 0) return;
    const more = weight - this.#held;
    if (more <= 0) return;
    const full = this.#session.bytes.account.take(more);
    if (full !== undefined) throw this.#tooMany(full);
    this.#held += more;
  }

  /** The body was read, or is not read any more. */
  leave(): void {
    if (this.#isReading) this.#session.bytes.bodies--;
    this.#isReading = false;
    if (this.#held > 0) this.#session.bytes.account.add(-this.#held);
    this.#held = 0;
  }

  /** Whether the message may be taken now. @throws McpSseError when it is too large to wait. */
  mayTake(message: JsonRpcMessage): boolean {
    this.leave();
    this.call = this.#session.bytes.callOf(message, this.#weight);
    const full = this.call?.take();
    if (full === undefined) return true;
    if (this.#weight > LARGEST_THAT_WAITS) throw this.#tooMany(full);
    return false;
  }

  /** Waits until the message may be taken. */
  waitToTake(take: () => void, refuse: (error: McpSseError) => void): void {
    this.#wait((done) => this.call?.wait(WAIT_MS, done), take, refuse);
  }

  #wait(
    wait: (done: (full: ByteLimit | undefined) => void) => (() => void) | undefined,
    go: () => void,
    refuse: (error: McpSseError) => void,
  ): void {
    const { account } = this.#session.bytes;
    const isFirst = !account.isAwaited;
    const giveUp = wait((full) => {
      this.#res.off("close", leave);
      if (full === undefined) go();
      else refuse(this.#tooMany(full));
    });
    const leave = (): void => {
      giveUp?.();
      this.leave();
    };
    if (giveUp === undefined) refuse(this.#tooMany("maxHeldBytesPerPrincipal"));
    else {
      // Its client has left then. A request, unlike its response, closes once it was read.
      this.#res.once("close", leave);
      if (isFirst) this.#tell("maxHeldBytesPerPrincipal", "delayed");
    }
  }

  #tooMany(limit: ByteLimit): McpSseError {
    this.#tell(limit, "refused");
    return tooManyBytes(limit);
  }

  #tell(limit: ByteLimit, outcome: "refused" | "delayed"): void {
    const session = this.#session;
    this.#sessions.noteLimit({ limit, outcome, session, principal: session.principal });
  }
}

/** The most that a message of {@link SMALL} bytes is likely to weigh. */
const LARGEST_THAT_WAITS = 64 * SMALL;

const MEANING: Readonly<Record<ByteLimit, string>> = {
  maxHeldBytes: "There is no memory left for this message: wait for answers, or try again later.",
  maxHeldBytesPerPrincipal:
    "Your calls and answers take as much memory as they may: read your answers, or wait for them.",
};

export function tooManyBytes(limit: ByteLimit): McpSseError {
  return new McpSseError("too_many_bytes", MEANING[limit], { headers: retryAfter() });
}
