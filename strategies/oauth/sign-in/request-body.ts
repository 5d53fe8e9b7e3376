import type { IncomingMessage } from "node:http";
import getRawBody from "raw-body";

/** Longest form or document that is read, in bytes. */
const MAX_BYTES = 65_536;

/** A request to which a body parser of the application may have been before us. */
type MaybeParsed = IncomingMessage & { readonly body?: unknown };

/** Whether somebody read the body already. */
function wasRead(req: IncomingMessage): boolean {
  return req.readableDidRead || req.readableEnded;
}

/**
 * The body as text: as it was sent, or put together again from what the application's
 * `express.json()` or `express.urlencoded()` made of it.
 *
 * @throws Error when it is too long, was cut off, or was read by somebody who left nothing.
 */
export async function readText(req: IncomingMessage): Promise<string> {
  if (!wasRead(req)) return await getRawBody(req, { limit: MAX_BYTES, encoding: "utf8" });
  const { body } = req as MaybeParsed;
  if (typeof body === "string" || Buffer.isBuffer(body)) return body.toString();
  if (typeof body !== "object" || body === null) throw new Error("the body was read by another");
  return isForm(req) ? encodeForm(body) : JSON.stringify(body);
}

/** The fields of a posted form; empty for anything that is no form. */
export async function readForm(req: IncomingMessage): Promise<URLSearchParams> {
  return new URLSearchParams(isForm(req) ? await readText(req) : "");
}

/**
 * The same request with another body, for whoever reads it next: the engine reads the stream, and
 * complains on the console when an application's parser was there first.
 */
export function withBody(
  req: IncomingMessage,
  text: string,
  contentType = req.headers["content-type"],
): IncomingMessage {
  const bytes = Buffer.from(text);
  const headers = {
    ...req.headers,
    "content-type": contentType,
    "content-length": String(bytes.length),
  };
  Reflect.deleteProperty(headers, "transfer-encoding");
  return Object.create(req, {
    headers: { value: headers },
    readable: { value: true },
    readableEncoding: { value: null },
    iterator: {
      value: async function* () {
        yield bytes;
      },
    },
  }) as IncomingMessage;
}

/** The request as the engine reads it, whoever read its body before. */
export async function withReadableBody(req: IncomingMessage): Promise<IncomingMessage> {
  return req.method === "POST" && wasRead(req) ? withBody(req, await readText(req)) : req;
}

function isForm({ headers }: IncomingMessage): boolean {
  return /^application\/x-www-form-urlencoded(?:\s*;|$)/i.test(headers["content-type"] ?? "");
}

function encodeForm(body: object): string {
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(body)) {
    // A field that was sent twice is a list; it stays two fields, and is refused as such.
    for (const item of [value].flat()) if (typeof item === "string") form.append(name, item);
  }
  return form.toString();
}
