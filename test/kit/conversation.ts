import { initialize, initialized, openSession, post, toolCall } from "./raw-sse.js";
import type { RawStream } from "./raw-sse.js";
import { bearer, secretToken } from "./tokens.js";

/** What a session id looks like, as the source of a regular expression. */
export const SESSION_ID = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";

/** Headers with a good token, for alice unless told otherwise. */
export function asCaller(claims: Parameters<typeof secretToken>[0] = {}): {
  authorization: string;
} {
  return bearer(secretToken(claims));
}

/** A session that has been initialized, as a client has it. */
export class Conversation {
  #id = 1;

  constructor(
    readonly stream: RawStream,
    readonly postUrl: string,
    readonly endpoint: string,
    readonly headers: Record<string, string>,
  ) {}

  get sessionId(): string {
    return new URL(this.postUrl).searchParams.get("sessionId") ?? "";
  }

  /** Calls a tool and returns the text of its answer. */
  async call(name: string, args: Record<string, unknown> = {}): Promise<string> {
    const id = ++this.#id;
    const { status, text } = await post(this.postUrl, toolCall(id, name, args), this.headers);
    if (status !== 202) throw new Error(`POST answered ${status}: ${text}`);
    const { result, error } = await this.stream.answerTo(id);
    if (error !== undefined) throw new Error(`answered with an error: ${JSON.stringify(error)}`);
    return (result as { content: [{ text: string }] }).content[0].text;
  }
}

/**
 * Opens a session and does what every client does first.
 *
 * @param later headers that the client adds once it is initialised.
 */
export async function converse(
  sseUrl: string,
  headers: Record<string, string> = asCaller(),
  later: Record<string, string> = {},
): Promise<Conversation> {
  const { stream, postUrl, endpoint } = await openSession(sseUrl, headers);
  const accepted = await post(postUrl, initialize, headers);
  if (accepted.status !== 202) throw new Error(`initialize: ${accepted.status} ${accepted.text}`);
  await stream.answerTo(initialize.id);
  await post(postUrl, initialized, { ...headers, ...later });
  return new Conversation(stream, postUrl, endpoint, { ...headers, ...later });
}
