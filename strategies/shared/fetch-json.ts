import { UpstreamError } from "./upstream-error.js";
import type { UpstreamAnswer } from "./upstream-error.js";

/** Limits of one request to an issuer. */
export interface FetchJsonLimits {
  /** Milliseconds for the whole exchange, body included. */
  readonly timeoutMs: number;
  /** Longest body that is read. */
  readonly maxBytes: number;
}

/** What is sent; a `GET` without a body by default. */
export interface FetchJsonRequest {
  readonly method?: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/**
 * A JSON object from an issuer's endpoint, within bounds of time and size.
 *
 * Security decision: redirects are not followed. What an issuer publishes about itself is only
 * as good as the URL it came from, and a redirect is how a request is steered to another host.
 *
 * @throws UpstreamError `unreachable` for anything but a 200 with a JSON object in time.
 * @see RFC 8414, section 3.2
 */
export async function fetchJson(
  url: string,
  { timeoutMs, maxBytes }: FetchJsonLimits,
  request: FetchJsonRequest = {},
): Promise<Record<string, unknown>> {
  try {
    const response = await fetch(url, {
      ...request,
      headers: { accept: "application/json", ...request.headers },
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
    });
    const { status } = response;
    if (status !== 200) {
      const code = await readErrorCode(response, maxBytes);
      throw unreachable(`answered ${status}`, { status, code });
    }
    return await readObject(response, maxBytes);
  } catch (error) {
    throw explain(error, timeoutMs);
  }
}

/** What an answer that refuses says of why, if it says so in JSON. @see RFC 6749, section 5.2 */
async function readErrorCode(response: Response, maxBytes: number): Promise<string | undefined> {
  const isRefusal = response.status >= 400 && response.status < 500;
  const isJson = /\bjson\b/i.test(response.headers.get("content-type") ?? "");
  if (!isRefusal || !isJson) {
    await response.body?.cancel();
    return undefined;
  }
  try {
    const { error } = await readObject(response, maxBytes);
    return typeof error === "string" ? error : undefined;
  } catch {
    return undefined;
  }
}

/** A body of at most `maxBytes`. @throws UpstreamError `unreachable` for a longer one. */
export async function readBounded(
  body: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.byteLength;
    // Leaving the loop cancels the body, so that the rest is never read.
    if (size > maxBytes) throw unreachable(`answered more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The JSON object in a body. */
async function readObject({ body }: Response, maxBytes: number): Promise<Record<string, unknown>> {
  const bytes = await readBounded((body ?? []) as AsyncIterable<Uint8Array>, maxBytes);
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch {
    throw unreachable("answered something that is no JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw unreachable("answered JSON that is no object");
  }
  return value as Record<string, unknown>;
}

function explain(error: unknown, timeoutMs: number): UpstreamError {
  if (error instanceof UpstreamError) return error;
  if (error instanceof DOMException && error.name === "TimeoutError") {
    return unreachable(`did not answer within ${timeoutMs} ms`);
  }
  const cause: unknown = error instanceof Error ? (error.cause ?? error) : error;
  const code = (cause as { code?: unknown } | undefined)?.code;
  return unreachable(
    typeof code === "string" ? `could not be reached (${code})` : "could not be reached",
  );
}

function unreachable(problem: string, answer?: UpstreamAnswer): UpstreamError {
  return new UpstreamError("unreachable", problem, answer);
}
