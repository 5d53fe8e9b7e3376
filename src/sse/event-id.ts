/** A place in a session's conversation. */
export interface EventPosition {
  readonly sessionId: string;
  readonly seq: number;
}

/** Printable ASCII, which every client returns as it is. */
export function formatEventId(sessionId: string, seq: number): string {
  return `${sessionId}:${seq}`;
}

export function parseEventId(value: string | string[] | undefined): EventPosition | undefined {
  if (typeof value !== "string") return undefined;
  const [, sessionId, digits] = /^([\w-]{1,64}):(\d{1,15})$/.exec(value) ?? [];
  if (sessionId === undefined || digits === undefined) return undefined;
  return { sessionId, seq: Number(digits) };
}
