import type { OutgoingHttpHeaders, ServerResponse } from "node:http";

/** Sends a whole response with its length, so that the connection serves on, whatever else writes to it. */
export function sendText(
  res: ServerResponse,
  status: number,
  type: string,
  text: string,
  headers: OutgoingHttpHeaders = {},
): void {
  const own = { "Content-Type": type, "Content-Length": Buffer.byteLength(text) };
  res.writeHead(status, { ...own, ...headers }).end(text);
}

/** Sends a value as JSON. */
export function sendJson(
  res: ServerResponse,
  status: number,
  value: unknown,
  headers?: OutgoingHttpHeaders,
): void {
  sendText(res, status, "application/json", JSON.stringify(value), headers);
}
