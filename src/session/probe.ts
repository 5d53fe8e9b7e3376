import { randomUUID } from "node:crypto";
import type { EventStream } from "../wire/event-stream.js";
import type { JsonRpcMessage } from "../wire/message-body.js";
import { pingFrame } from "./ping-frame.js";

/** Begins the ids of pings that ask a client which session is its own. */
const PROBE_PREFIX = "express-mcp-sse-probe-";

/** A stream whose client has been asked. */
interface Probe<S> {
  readonly ownerKey: string;
  readonly answered: (session: S | undefined) => void;
}

/**
 * Finds the session of a returning client that does not name it. The client is sent a ping and
 * answers where it always answers: at the URL of its session.
 */
export class Probes<S extends { readonly ownerKey: string }> {
  readonly #probes = new Map<string, Probe<S>>();

  /**
   * Asks the client at the other end of a stream, which must be open.
   *
   * @param ownerKey of the caller who opened the stream; a session of anybody else is no answer.
   * @param timeoutMs milliseconds that the client may take.
   * @returns `undefined` when no answer came in time, or the client has left.
   */
  async ask(stream: EventStream, ownerKey: string, timeoutMs: number): Promise<S | undefined> {
    const id = `${PROBE_PREFIX}${randomUUID()}`;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<S | undefined>((resolve) => {
        this.#probes.set(id, { ownerKey, answered: resolve });
        timer = setTimeout(resolve, timeoutMs, undefined).unref();
        stream.owner = { streamEnded: () => resolve(undefined) };
        stream.write(pingFrame(id))?.catch(() => undefined);
      });
    } finally {
      clearTimeout(timer);
      stream.owner = undefined;
      this.#probes.delete(id);
    }
  }

  /** Waits for no answer any more: everything is being closed. */
  giveUp(): void {
    for (const { answered } of this.#probes.values()) answered(undefined);
  }

  /**
   * Looks whether a message that came for `session` answers a probe.
   *
   * Security decision: it counts only if whoever opened the stream owns the session too.
   *
   * @returns whether the message was meant for us, and not for the server.
   */
  takeAnswer(message: JsonRpcMessage, session: S): boolean {
    if ("method" in message || typeof message.id !== "string") return false;
    if (!message.id.startsWith(PROBE_PREFIX)) return false;
    const probe = this.#probes.get(message.id);
    if (probe?.ownerKey === session.ownerKey) probe.answered(session);
    return true;
  }
}
