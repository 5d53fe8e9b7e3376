import type { IncomingMessage } from "node:http";
import getRawBody from "raw-body";
import { wasRead } from "../../../../src/shared/was-read.js";

/** Longest form or document that is read, in bytes. */
const MAX_BYTES = 65_536;

/** Longest body that the engine takes, in bytes: what is longer would be no form to it. */
const ENGINE_MAX_BYTES = 57_344;

/** A body that cannot be read, and how that is answered. */
export class BodyProblem extends Error {
  override readonly name = "BodyProblem";

  constructor(
    readonly status: 400 | 413,
    message: string,
  ) {
    super(message);
  }
}

/** A request to which a body parser of the application may have been before us. */
type MaybeParsed = IncomingMessage & { readonly body?: unknown };

/**
 * The body as text: as it was sent, or put together again from what the application's
 * `express.json()` or `express.urlencoded()` made of it.
 *
 * @throws BodyProblem when it is too long or was cut off; Error when it was read by somebody who
 * left nothing.
 * @see RFC 9110, section 15.5.14
 */
export async function readText(req: IncomingMessage, maxBytes = MAX_BYTES): Promise<string> {
  if (!wasRead(req)) return await readStream(req, maxBytes);
  const { body } = req as MaybeParsed;
  if (typeof body === "string" || Buffer.isBuffer(body)) return body.toString();
  if (typeof body !== "object" || body === null) throw new Error("the body was read by another");
  return isForm(req) ? encodeForm(body) : JSON.stringify(body);
}

async function readStream(req: IncomingMessage, maxBytes: number): Promise<string> {
  const { "content-length": length } = req.headers;
  try {
    return await getRawBody(req, { limit: maxBytes, length: length ?? null, encoding: "utf8" });
  } catch (error) {
    // A connection with unread bytes answers nobody any more; what is left is thrown away.
    req.resume();
    throw (error as { readonly type?: string }).type === "entity.too.large"
      ? new BodyProblem(413, "What was sent is too long.")
      : new BodyProblem(400, "What was sent could not be read to its end.");
  }
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

/**
 * The request as the engine reads it, whoever read its body before.
 *
 * @throws BodyProblem as {@link readText} does.
 */
export async function withReadableBody(req: IncomingMessage): Promise<IncomingMessage> {
  if (req.method !== "POST") return req;
  return withBody(req, await readText(req, ENGINE_MAX_BYTES));
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
