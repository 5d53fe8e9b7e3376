import { isAnswered, isSuccess } from "./ask.js";
import type { AskInit, Reply } from "./contract.js";
import type { Message } from "./messages.js";
import { OpenStream } from "./open-stream.js";
import type { HeardEvent, Sign } from "./open-stream.js";
import type { Visit } from "./step.js";
import { endpointOf } from "./stream-evidence.js";

/** For how many answers a stream is held open. */
const HELD_TIMES = 10;

/** Whether an event says where to post. */
export function isEndpoint({ event }: HeardEvent): boolean {
  return event === "endpoint";
}

/** A session over HTTP+SSE: a stream that is held open, and the endpoint that it named. */
export class SseSession {
  readonly #stream: OpenStream;
  readonly #endpoint: URL;
  readonly #visit: Visit;

  private constructor(stream: OpenStream, endpoint: URL, visit: Visit) {
    this.#stream = stream;
    this.#endpoint = endpoint;
    this.#visit = visit;
  }

  /** Opens another session where the step `stream` found one. */
  static async open(visit: Visit, heldMs = 0): Promise<SseSession | undefined> {
    const { stream, target } = visit.evidence;
    if (stream === undefined) return undefined;
    const { url } = stream.reply;
    const timeoutMs = heldMs + HELD_TIMES * target.timeoutMs;
    const opened = new OpenStream(visit.ask, url, { timeoutMs });
    const named = await opened.event(isEndpoint, target.timeoutMs);
    const endpoint = endpointOf({ reply: stream.reply, endpoint: named?.data });
    if (endpoint !== undefined) return new SseSession(opened, endpoint, visit);
    await opened.close();
    return undefined;
  }

  /** Whether its stream is over although nobody closed it. */
  get hasEnded(): boolean {
    return this.#stream.endedMs !== undefined;
  }

  /** As clients do: with the headers of the stream, and with no query but the endpoint's. */
  post(message: unknown, init: AskInit = {}): Promise<Reply> {
    return this.#visit.ask(this.#endpoint, {
      ...init,
      method: "POST",
      body: message,
      isAuthorized: true,
      keepsQuery: true,
    });
  }

  /** Posts a request, and waits for its answer on the stream if it was taken. */
  async call(id: number, request: unknown): Promise<{ reply: Reply; answer: Message | undefined }> {
    const reply = await this.post(request);
    const isRefused = isAnswered(reply) && !isSuccess(reply);
    const { timeoutMs } = this.#visit.evidence.target;
    return { reply, answer: await this.#stream.answerTo(id, isRefused ? 0 : timeoutMs) };
  }

  /** Whether anything comes on the stream; see {@link OpenStream.sign}. */
  sign(withinMs: number): Promise<Sign> {
    return this.#stream.sign(withinMs);
  }

  /** @returns the stream, with all that came on it. */
  close(): Promise<Reply> {
    return this.#stream.close();
  }
}
