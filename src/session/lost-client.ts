import { randomUUID } from "node:crypto";
import { encodeEvent } from "../wire/event-stream.js";
import { pingFrame } from "./delivery.js";

/**
 * Asks a client that came back to a session that is gone whether it knows. One that wants a new
 * session begins it at once; one that answers instead goes on as if the old one were there,
 * perhaps waiting for answers that nobody will give.
 */
export function lostPingFrame(): string {
  return pingFrame(`express-mcp-sse-lost-${randomUUID()}`);
}

/**
 * An endpoint of another origin is an error that makes official clients close, so that their
 * calls fail now rather than at their time-out. No such server is ever asked.
 */
export function lostEndpointFrame(): string {
  return encodeEvent({ event: "endpoint", data: "http://session-expired.invalid/" });
}
