import type { IncomingMessage, ServerResponse } from "node:http";

/** The query of a request. */
export function queryOf({ url = "" }: IncomingMessage): URLSearchParams {
  const start = url.indexOf("?");
  return new URLSearchParams(start === -1 ? "" : url.slice(start + 1));
}

/** Sends the browser elsewhere, with a GET. */
export function redirect(res: ServerResponse, url: string): void {
  res.writeHead(303, { Location: url, "Content-Length": "0" }).end();
}

/** Answers a program. */
export function sendJson(res: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  res
    .writeHead(status, {
      "Content-Type": "application/json",
      "Content-Length": Buffer.byteLength(text),
    })
    .end(text);
}
