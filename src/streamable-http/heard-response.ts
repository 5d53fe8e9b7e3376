import { heard, UnfilterableError } from "../policy/passage.js";
import type { Hearing } from "../policy/passage.js";
import type { ResultFilter } from "../policy/policy.js";
import { messageFrame } from "../http/event.js";
import { errorInPlaceOf, fromJson } from "../session/message-json.js";
import type { JsonRpcMessage } from "../shared/json-rpc.js";

/** Whom a response is for, and what of it they may have. */
export interface Audience {
  readonly session: { noteFault(fault: string): void };
  /** That is answered. */
  readonly message: JsonRpcMessage;
  /** Of the result. Default: all of it may be had. */
  readonly filter: ResultFilter | undefined;
  readonly hearing: Pick<Hearing, "mayHear">;
}

/**
 * As much of a response of the SDK's handler as its client may have: of a body, and of each message of a stream.
 *
 * Security decision: what is not understood is not passed on.
 */
export async function heardResponse(response: Response, audience: Audience): Promise<Response> {
  const { status, headers, body } = response;
  if (body === null) return response;
  if (EVENT_STREAM.test(headers.get("content-type") ?? "")) {
    return new Response(body.pipeThrough(heardEvents(audience)), { status, headers });
  }
  // There is nothing else in it that not everybody may hear.
  if (audience.filter === undefined) return response;
  const known = await heardText(await response.text(), audience);
  return Response.json(known, { status });
}

/** @see RFC 9110, section 8.3.1 */
const EVENT_STREAM = /^text\/event-stream\s*(?:;|$)/i;

/** Looks at each event of a stream. */
function heardEvents(audience: Audience): TransformStream<Uint8Array, Uint8Array> {
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  let rest = "";
  return new TransformStream({
    async transform(chunk, controller) {
      const events = (rest + decoder.decode(chunk, { stream: true })).split(END_OF_EVENT);
      rest = events.pop() ?? "";
      for (const event of events) {
        const known = await heardEvent(event, audience);
        if (known !== undefined) controller.enqueue(encoder.encode(known));
      }
    },
  });
}

/** @see HTML, "Server-sent events", interpreting an event stream */
const END_OF_EVENT = /\r\n\r\n|\n\n|\r\r/;
const END_OF_LINE = /\r\n|\n|\r/;

async function heardEvent(event: string, audience: Audience): Promise<string | undefined> {
  const data = event.split(END_OF_LINE).filter((line) => line.startsWith("data:"));
  // A comment, or an id to come back with.
  if (data.every((line) => line.slice(5).trim() === "")) return `${event}\n\n`;
  const text = data.map((line) => line.slice(5).trimStart()).join("\n");
  const known = await heardText(text, audience);
  return known && messageFrame(fromJson(JSON.stringify(known)).json);
}

async function heardText(text: string, audience: Audience): Promise<JsonRpcMessage | undefined> {
  const { session, message, filter, hearing } = audience;
  try {
    return await heard(messageIn(text), filter, hearing);
  } catch (error) {
    const { fault, told } =
      error instanceof UnfilterableError ? error : new UnfilterableError(error);
    session.noteFault(fault);
    return errorInPlaceOf(message, told);
  }
}

/** @throws TypeError for what is no message. */
function messageIn(text: string): JsonRpcMessage {
  const message = JSON.parse(text) as Partial<JsonRpcMessage> | null;
  const members = Object.keys(message ?? {});
  const isMessage = ["method", "result", "error"].some((name) => members.includes(name));
  if (Array.isArray(message) || !isMessage) throw new TypeError("this is no message of JSON-RPC");
  return message as JsonRpcMessage;
}
