import type { ServerResponse } from "node:http";
import { onResponseEnd } from "../http/response-end.js";
import { ReaderWatch } from "../http/slow-reader.js";
import type { MessageJson } from "../session/message-json.js";
import type { ByteHolder, WriteResult } from "../session/write-result.js";

/** The session of a call. */
export interface AnswerHolder {
  /** Counts what has not left. */
  readonly bytes: ByteHolder;
  /** Is told of an answer that its client left lying. */
  noteLimit(limit: "stallMs", outcome: "dropped"): void;
}

/**
 * Answers a call by one JSON body. A client that takes nothing of it for `stallMs` loses it.
 *
 * @returns when all of it has left this process, or never will.
 */
export function sendJsonAnswer(
  res: ServerResponse,
  { json, bytes, weight }: MessageJson,
  stallMs: number,
  holder: AnswerHolder,
): WriteResult {
  res.writeHead(200, {
    "Content-Type": "application/json",
    "Content-Length": bytes,
    "Cache-Control": "no-store",
  });
  // As many bytes as characters are ASCII, which needs no conversion.
  res.end(json, bytes === json.length ? "latin1" : "utf8");
  if (res.writableLength === 0 || res.destroyed) return undefined;
  holder.bytes.hold(weight);
  return new Promise((resolve) => {
    const watch = new ReaderWatch(res, (untakenMs) => {
      if (stallMs === 0 || untakenMs < stallMs) return;
      watch.stop();
      holder.noteLimit("stallMs", "dropped");
      res.destroy();
    });
    watch.start(stallMs);
    onResponseEnd(res, () => {
      watch.stop();
      holder.bytes.hold(-weight);
      resolve();
    });
  });
}
