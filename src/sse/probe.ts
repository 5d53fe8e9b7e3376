import { randomUUID } from "node:crypto";
import type { EventStream } from "../http/event-stream.js";
import type { JsonRpcMessage } from "../shared/json-rpc.js";
import type { CloseReason } from "../session/close-reason.js";
import { TIMED_OUT, withTimeout } from "../shared/timeout.js";
import { pingFrame } from "../http/event.js";

/** Begins the ids of pings that ask a client which session is its own. */
const PROBE_PREFIX = "express-mcp-sse-probe-";

/** What a probe needs of a session that is still to be opened. */
export interface Newcomer {
  end(reason: CloseReason): void;
  onClosed(listener: () => void): void;
}

/** A client that is asked. */
export interface Question<S> {
  /** The stream at whose other end it is; it must be open. */
  readonly stream: EventStream;
  /** What it gets if it names none; ends with the stream, and ends the question. */
  readonly newcomer: Newcomer;
  /** Whether whoever opened the stream may go on with a session. */
  readonly mayContinue: (session: S) => boolean;
  /** Milliseconds that the client may take. */
  readonly timeoutMs: number;
}

/** A question that was asked. */
interface Probe<S> {
  readonly mayContinue: (session: S) => boolean;
  readonly answered: (session: S) => void;
}

/**
 * Finds the session of a returning client that does not name it. The client is sent a ping and
 * answers where it always answers: at the URL of its session.
 */
export class Probes<S> {
  readonly #probes = new Map<string, Probe<S>>();

  /** @returns `undefined` when no answer came in time, or nobody waits for one any more. */
  async ask({ stream, newcomer, mayContinue, timeoutMs }: Question<S>): Promise<S | undefined> {
    const id = `${PROBE_PREFIX}${randomUUID()}`;
    const asked = new Promise<S | undefined>((resolve) => {
      this.#probes.set(id, { mayContinue, answered: resolve });
      stream.owner = { streamEnded: () => newcomer.end("client-disconnected") };
      newcomer.onClosed(() => resolve(undefined));
      // It may have left before anybody could be told.
      if (stream.isOpen) stream.write(pingFrame(id))?.catch(() => undefined);
      else newcomer.end("client-disconnected");
    });
    try {
      const answer = await withTimeout(asked, timeoutMs);
      return answer === TIMED_OUT ? undefined : answer;
    } finally {
      stream.owner = undefined;
      this.#probes.delete(id);
    }
  }

  /**
   * Looks whether a message that came for `session` answers a probe.
   *
   * Security decision: it counts only if whoever opened the stream may go on with the session.
   *
   * @returns whether the message was meant for us, and not for the server.
   */
  takeAnswer(message: JsonRpcMessage, session: S): boolean {
    if ("method" in message || typeof message.id !== "string") return false;
    if (!message.id.startsWith(PROBE_PREFIX)) return false;
    const probe = this.#probes.get(message.id);
    if (probe?.mayContinue(session) === true) probe.answered(session);
    return true;
  }
}
