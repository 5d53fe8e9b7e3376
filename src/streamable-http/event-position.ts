import type { ResumeMark } from "../session/resume-mark.js";

/** A place in one of a session's streams. */
export interface StreamPosition {
  readonly sessionId: string;
  /** 0 for the stream of a GET, from 1 for those of calls. */
  readonly stream: number;
  /** The last event that the client has. */
  readonly seq: number;
}

/** Printable ASCII. HTTP+SSE has a colon in its ids, so none is ever taken for one of the other wire. */
export function formatPosition({ sessionId, stream, seq }: StreamPosition): string {
  return `${sessionId}.${stream}.${seq}`;
}

/** @returns `undefined` for what is no id of ours. */
export function parsePosition(text: string): StreamPosition | undefined {
  const [, sessionId, stream, seq] = /^([\w-]{1,64})\.(\d{1,15})\.(\d{1,15})$/.exec(text) ?? [];
  if (sessionId === undefined) return undefined;
  return { sessionId, stream: Number(stream), seq: Number(seq) };
}

/** By what a client that listens shows that it was here before; `undefined` where it was not, or is still. */
export function resumeMark(
  position: unknown,
  before: { readonly hasListened: boolean; readonly leftAt: number | undefined },
): ResumeMark | undefined {
  if (position !== undefined) return "event-id";
  return before.hasListened && before.leftAt !== undefined ? "session-id" : undefined;
}
