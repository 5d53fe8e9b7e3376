/** How much a session's memo may be, in bytes of JSON (16 KiB). */
const MAX_BYTES = 16_384;

/**
 * The text of what a server keeps of a conversation beyond itself.
 *
 * @throws TypeError for what is no JSON, or too much of it.
 */
export function toMemoText(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const json = jsonOf(value);
  if (json === undefined) throw new TypeError("session.memo must be a value of JSON.");
  if (Buffer.byteLength(json) <= MAX_BYTES) return json;
  throw new TypeError("session.memo must have at most 16 KiB of JSON: keep more in a database.");
}

/** A copy of what was kept. */
export function fromMemoText(json: string | undefined): unknown {
  return json === undefined ? undefined : JSON.parse(json);
}

/** @returns `undefined` for what JSON has no text for, such as a function. */
function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch (cause) {
    throw new TypeError("session.memo must be a value of JSON.", { cause });
  }
}
