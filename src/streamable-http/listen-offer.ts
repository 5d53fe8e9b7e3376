import type { ServerResponse } from "node:http";
import type { EventStream } from "../http/event-stream.js";
import type { StreamPosition } from "./event-position.js";

/** A GET that wants to listen. */
export interface ListenOffer {
  readonly res: ServerResponse;
  /** Its answer; not open yet. */
  readonly stream: EventStream;
  /** The last event that the client has, if it names one; `"unknown"` for what names none of ours. */
  readonly position: StreamPosition | "unknown" | undefined;
  readonly takesPriming: boolean;
}
