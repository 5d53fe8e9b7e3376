import { AsyncResource } from "node:async_hooks";
import type { IncomingMessage } from "node:http";
import { nextTick } from "node:process";

/** Why a body could not be read. */
export type BodyProblem = "too-large" | "cut-off";

/** The text of a body, or why there is none. */
export type BodyRead = { readonly text: string } | { readonly problem: BodyProblem };

/** How long a body is. */
export interface BodyLength {
  /** Longest that is taken, in bytes. */
  readonly maxBytes: number;
  /** As announced, in bytes; `undefined` if it was not. */
  readonly announced: number | undefined;
}

/**
 * Reads a body that nobody has read. Most messages come in one piece, and those are not copied.
 *
 * What is beyond the limit is taken from the socket and thrown away, because a connection with
 * unread bytes answers nobody any more.
 *
 * @param onRead is called once, in the async context of the call; `isLate` says whether time has
 * passed since, because not all of the body had come by then.
 */
export function readBody(
  req: IncomingMessage,
  { maxBytes, announced }: BodyLength,
  onRead: (read: BodyRead, isLate: boolean) => void,
): void {
  let tell = onRead;
  let isLate = false;
  let chunks: Buffer[] = [];
  let size = 0;
  let isOver = false;
  const finish = (read: BodyRead): void => {
    if (isOver) return;
    isOver = true;
    tell(read, isLate);
  };
  req.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > maxBytes) {
      chunks = [];
      finish({ problem: "too-large" });
      return;
    }
    chunks.push(chunk);
    if (size === announced) finish({ text: decode(chunks) });
  });
  // Most bodies have come by then, and every listener costs a microsecond. No end is missed: the
  // stream tells of one in a tick after that in which it begins to flow, and this is that tick.
  nextTick(() => {
    if (isOver) return;
    // What comes now is told by the connection, which knows nothing of what an app's middleware
    // has left for those behind it.
    tell = AsyncResource.bind(onRead);
    isLate = true;
    if (req.destroyed) finish(CUT_OFF);
    req.on("end", () => finish(req.complete ? { text: decode(chunks) } : CUT_OFF));
    // When the connection breaks. Node reports an error of a request only to those who listen for it.
    req.on("close", () => finish(CUT_OFF));
  });
}

const CUT_OFF: BodyRead = { problem: "cut-off" };

function decode(chunks: readonly Buffer[]): string {
  const [first] = chunks;
  if (first === undefined) return "";
  return (chunks.length === 1 ? first : Buffer.concat(chunks)).toString("utf8");
}
