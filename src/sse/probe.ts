import { randomUUID } from "node:crypto";
import type { EventStream } from "../http/event-stream.js";
import { pingFrame } from "../http/event.js";
import type { ReturningClients } from "../http/returning-clients.js";
import type { CloseReason } from "../session/close-reason.js";
import type { JsonRpcMessage } from "../shared/json-rpc.js";
import { TIMED_OUT, withTimeout } from "../shared/timeout.js";

/** Begins the ids of pings that ask a client which session is its own. */
const PROBE_PREFIX = "express-mcp-sse-probe-";

/** What a probe needs of a session that is still to be opened. */
export interface Newcomer {
  end(reason: CloseReason): void;
  onClosed(listener: () => void): void;
}

/** A client that is asked. */
export interface Question {
  /** The stream at whose other end it is; it must be open. */
  readonly stream: EventStream;
  /** What it gets if it names none; ends with the stream, and ends the question. */
  readonly newcomer: Newcomer;
  /** Whether whoever opened the stream may go on with a session; a promise where that is not here. */
  readonly mayContinue: (sessionId: string) => boolean | Promise<boolean>;
  /** Milliseconds that the client may take. */
  readonly timeoutMs: number;
  /** How many more it may take, asked when these are over. Default: none. */
  readonly moreMs?: (() => Promise<number>) | undefined;
}

/** A question that was asked. */
interface Probe {
  readonly mayContinue: Question["mayContinue"];
  readonly answered: (sessionId: string) => void;
}

/** Other nodes, which may ask, or hear the answer. */
type Others = Pick<ReturningClients, "nameQuestion" | "tellAnswer" | "onAnswer">;

/**
 * Finds the session of a returning client that does not name it. The client is sent a ping and
 * answers where it always answers: at the URL of its session. In a cluster that may be at another node,
 * which tells the one that asked.
 */
export class Probes {
  readonly #probes = new Map<string, Probe>();
  readonly #others: Others | undefined;

  /** @param others `undefined` where there are none. */
  constructor(others?: Others) {
    this.#others = others;
    others?.onAnswer((question, sessionId) => void this.#hear(question, sessionId));
  }

  /** @returns the session's id; `undefined` when no answer came in time, or nobody waits for one any more. */
  async ask(question: Question): Promise<string | undefined> {
    const { stream, newcomer, mayContinue, timeoutMs, moreMs } = question;
    const name = this.#others?.nameQuestion() ?? randomUUID();
    const asked = new Promise<string | undefined>((resolve) => {
      this.#probes.set(name, { mayContinue, answered: resolve });
      stream.owner = { streamEnded: () => newcomer.end("client-disconnected") };
      newcomer.onClosed(() => resolve(undefined));
      // It may have left before anybody could be told.
      if (stream.isOpen) stream.write(pingFrame(PROBE_PREFIX + name))?.catch(() => undefined);
      else newcomer.end("client-disconnected");
    });
    try {
      let answer = await withTimeout(asked, timeoutMs);
      const longerMs = answer === TIMED_OUT ? ((await moreMs?.()) ?? 0) : 0;
      if (longerMs > 0) answer = await withTimeout(asked, longerMs);
      return answer === TIMED_OUT ? undefined : answer;
    } finally {
      stream.owner = undefined;
      this.#probes.delete(name);
    }
  }

  /**
   * Looks whether a message that came for a session answers a probe, of this node or of another.
   *
   * @returns whether the message was meant for us, and not for the server.
   */
  takeAnswer(message: JsonRpcMessage, { id: sessionId }: { readonly id: string }): boolean {
    if ("method" in message || typeof message.id !== "string") return false;
    if (!message.id.startsWith(PROBE_PREFIX)) return false;
    const name = message.id.slice(PROBE_PREFIX.length);
    if (this.#probes.has(name)) void this.#hear(name, sessionId);
    else this.#others?.tellAnswer(name, sessionId);
    return true;
  }

  /**
   * Security decision: an answer counts only if whoever opened the stream may go on with the session for
   * which it came. So nobody who repeats a probe that was another's leads its client to a session of
   * their own, or hears of one: the client is waited for as if nothing had come.
   */
  async #hear(name: string, sessionId: string): Promise<void> {
    const probe = this.#probes.get(name);
    if (probe === undefined) return;
    const may = probe.mayContinue(sessionId);
    // While nobody can tell whose it is, it is nobody's.
    if (may === true || (await Promise.resolve(may).catch(() => false))) probe.answered(sessionId);
  }
}
