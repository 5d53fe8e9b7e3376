import { randomUUID } from "node:crypto";
import { encodeEvent, pingFrame } from "../http/event.js";
import { Deadline } from "../session/deadline.js";
import type { DeadlineListener } from "../session/deadline.js";
import type { ResumeOptions } from "../options/resume-options.js";

/**
 * A client that came back to a session that is gone, and has not shown whether it knows.
 *
 * One that wants a new session begins it at once. One that does not is asked by a ping, and if it
 * answers, it goes on as if the old one were there, perhaps waiting for answers that nobody will
 * give; then it is made to close.
 */
export class StaleClient implements DeadlineListener {
  readonly #options: ResumeOptions;
  readonly #write: (frame: string) => void;
  readonly #ping = new Deadline(this);

  /** @param write writes to the stream that there is, if there is one. */
  constructor(options: ResumeOptions, write: (frame: string) => void) {
    this.#options = options;
    this.#write = write;
  }

  /** It has a stream now. */
  attached(): void {
    if (this.#options.closeLostClients) this.#ping.set(Date.now() + this.#options.probeMs);
  }

  /** Asks it whether it is there. */
  deadlineReached(): void {
    this.#write(pingFrame(`express-mcp-sse-lost-${randomUUID()}`));
  }

  /** It has begun anew, or has gone. */
  settled(): void {
    this.#ping.clear();
  }

  /**
   * Makes it close: an endpoint of another origin is an error to official clients, so that their
   * calls fail now rather than at their time-out. No such server is ever asked.
   *
   * Security decision: https, since a client that does not compare origins posts there, with its
   * credential, and a name that resolves all the same must not get that in the clear.
   */
  close(): void {
    if (!this.#options.closeLostClients) return;
    this.#write(encodeEvent({ event: "endpoint", data: "https://session-expired.invalid/" }));
  }
}
