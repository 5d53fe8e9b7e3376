import { once } from "node:events";
import type { IncomingMessage } from "node:http";

/**
 * Whether someone has read the body from the socket. Only then does `req.body` say anything:
 * Express 4's parsers leave an empty object there for bodies that they do not touch.
 */
export function wasRead(req: IncomingMessage): boolean {
  return req.readableDidRead || !req.readable;
}

/**
 * Leaves a body that was read to whoever gets the request next, where parsers leave theirs.
 *
 * @returns when nobody takes the request for one that is still to be read.
 */
export async function leaveBody(req: IncomingMessage, body: unknown): Promise<void> {
  // Express 4's parsers look at the one, and those of Express 5 at the stream.
  Object.assign(req, { body, _body: true });
  if (!req.readableEnded && !req.destroyed) await once(req, "end");
}
