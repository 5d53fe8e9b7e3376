import type { IncomingMessage } from "node:http";

/**
 * Whether someone has read the body from the socket. Only then does `req.body` say anything:
 * Express 4's parsers leave an empty object there for bodies that they do not touch.
 */
export function wasRead(req: IncomingMessage): boolean {
  return req.readableDidRead || !req.readable;
}
