/** One server-sent event. @see https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream */
export interface ServerSentEvent {
  /** Event type; the client's default is `message`. Must be one line. */
  readonly event?: string;
  /** Must be one line. */
  readonly id?: string;
  /** May have several lines; each becomes a `data` field. */
  readonly data: string;
}

const LINE_BREAK = /\r\n|\r|\n/;

/**
 * An event as it goes over the wire.
 *
 * @throws TypeError for a line break in `event` or `id`: it would let the text that follows
 * it write fields, and events, of its own.
 */
export function encodeEvent({ event, id, data }: ServerSentEvent): string {
  let frame = "";
  if (event !== undefined) frame += `event: ${oneLine(event)}\n`;
  if (id !== undefined) frame += `id: ${oneLine(id)}\n`;
  for (const line of data.split(LINE_BREAK)) frame += `data: ${line}\n`;
  return `${frame}\n`;
}

/** Control characters, and the line breaks of Unicode: some reader takes each of those for an end. */
const NOT_IN_FIELDS = /[\p{Cc}\u2028\u2029]/u;

function oneLine(field: string): string {
  if (NOT_IN_FIELDS.test(field)) {
    throw new TypeError("An SSE field must not contain a line break or NUL.");
  }
  return field;
}

/**
 * A message as it goes over the wire. JSON has no raw line breaks, so its text needs no look.
 *
 * @param id ASCII without line breaks. Default: the event has none.
 */
export function messageFrame(json: string, id?: string): string {
  return `${id === undefined ? "" : `id: ${id}\n`}event: message\ndata: ${json}\n\n`;
}

/** A ping, as an event without an id: it is no part of the conversation. */
export function pingFrame(id: string): string {
  return messageFrame(JSON.stringify({ jsonrpc: "2.0", id, method: "ping" }));
}
