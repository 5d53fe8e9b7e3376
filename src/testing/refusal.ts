import { logText } from "../shared/log-text.js";

/** Why an endpoint did not do what a test client asked for. */
export interface TestRefusal {
  /** HTTP status of the answer; `undefined` where there was none. */
  readonly status: number | undefined;
  /** What the answer says, on one line. */
  readonly reason: string;
}

/**
 * A test client could not connect. `status` and `reason` are the server's own words, which the SDK's errors leave
 * out.
 *
 * @example
 * ```ts
 * await assert.rejects(connectTestClient(router), { name: "TestClientError", status: 401 });
 * ```
 */
export class TestClientError extends Error implements TestRefusal {
  override readonly name = "TestClientError";
  readonly status: number | undefined;
  readonly reason: string;

  constructor(message: string, { status, reason }: TestRefusal, cause?: unknown) {
    super(message, { cause });
    this.status = status;
    this.reason = reason;
  }
}

/**
 * Whether a refusal says something of the caller's rights.
 *
 * Security decision: only 401 and 403 do; and not a 403 for the host or the origin, which everybody gets. Any other failure
 * says nothing of rights, and a test that took it for a refusal would pass while everything is open.
 */
export function isOfRights({ status, reason }: TestRefusal): boolean {
  return status === 401 || (status === 403 && !/^(?:host|origin)_not_allowed\b/.test(reason));
}

/** Longest text of an answer that is repeated, in characters. */
const MAX_TEXT = 300;

/** Where HTTP+SSE, and Streamable HTTP, name a session. */
const SESSION = { parameter: "sessionId", header: "mcp-session-id" };

/** The `fetch` of one test client: it notes what the SDK's transports do not tell. */
export class NotingFetch {
  /** The last answer that was an error. */
  refusal: TestRefusal | undefined;
  /** The last session that a request, or an answer, has named. */
  sessionId: string | undefined;

  readonly fetch: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    const url = new URL(input instanceof Request ? input.url : input);
    this.sessionId =
      response.headers.get(SESSION.header) ??
      url.searchParams.get(SESSION.parameter) ??
      this.sessionId;
    if (response.status >= 400) {
      const reason = reasonIn(await response.clone().text());
      this.refusal = { status: response.status, reason };
    }
    return response;
  };
}

/** What an answer says: in the form of OAuth, of JSON-RPC, or as it is. */
export function reasonIn(body: string): string {
  return logText(wordsOf(body).slice(0, MAX_TEXT).trim());
}

function wordsOf(body: string): string {
  const { error, error_description: description } = parse(body) as Record<string, unknown>;
  if (typeof error === "string") return [error, description].filter(isText).join(": ");
  const { message } = (error ?? {}) as Record<string, unknown>;
  return isText(message) ? message : body;
}

function parse(body: string): object {
  try {
    return (JSON.parse(body) ?? {}) as object;
  } catch {
    return {};
  }
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}
