import { isSameOrigin, whyNotAsked } from "./may-ask.js";
import type { Answered, Ask, AskInit, BodyEnd, Credential, Reply, Target } from "./contract.js";

/** As much of a body as is read, in bytes. */
const MAX_BODY_BYTES = 1024 * 1024;

/** What servers see in their logs. */
const USER_AGENT = "express-mcp-sse-doctor";

/** Aborts a request that takes too long. */
const LATE = "late";

/**
 * Asks for a target.
 *
 * @param signal ends every request that is under way, but for farewells.
 */
export function createAsk(target: Target, signal?: AbortSignal): Ask {
  return async (url, init = {}) => {
    const { method = "GET" } = init;
    const refusal = whyNotAsked(url, method, target.url);
    if (refusal !== undefined) {
      return { kind: "unanswered", method, url, code: "NOT_ALLOWED", reason: refusal };
    }
    const signals = init.isFarewell === true ? [init.signal] : [signal, init.signal];
    const deadline = new Deadline(init.timeoutMs ?? target.timeoutMs, signals);
    try {
      return await exchange(url, method, init, target, deadline);
    } catch (error) {
      return { kind: "unanswered", method, url, ...explain(error, deadline) };
    } finally {
      deadline.clear();
    }
  };
}

async function exchange(
  url: URL,
  method: string,
  init: AskInit,
  target: Target,
  deadline: Deadline,
): Promise<Answered> {
  const credentials =
    init.isAuthorized === true && isSameOrigin(url, target.url) ? target.credentials : [];
  const begin = performance.now();
  const response = await fetch(init.keepsQuery === true ? url : withQuery(url, credentials), {
    method,
    headers: headersFor(init, credentials),
    ...(init.body !== undefined && { body: JSON.stringify(init.body) }),
    redirect: "manual",
    signal: deadline.signal,
  });
  const headMs = performance.now() - begin;
  const { status, headers } = response;
  deadline.restart(init.bodyTimeoutMs);
  const body = await readBody(response, init.until, deadline);
  return { kind: "answered", method, url, status, headers, headMs, ...body };
}

function headersFor(init: AskInit, credentials: readonly Credential[]): Headers {
  const headers = new Headers({ "user-agent": USER_AGENT, ...init.headers });
  if (init.body !== undefined && !headers.has("content-type")) {
    headers.set("content-type", "application/json");
  }
  if (init.hasOwnConnection === true) headers.set("connection", "close");
  for (const each of credentials) {
    if (each.kind === "bearer") headers.set("authorization", `Bearer ${each.value}`);
    if (each.kind === "header") headers.set(each.name, each.value);
  }
  return headers;
}

/** What is there stays byte for byte: it may be signed. Who has the parameter already, such as an endpoint event, keeps it. */
function withQuery(url: URL, credentials: readonly Credential[]): URL {
  const asked = new URL(url);
  for (const each of credentials) {
    if (each.kind !== "query" || asked.searchParams.has(each.name)) continue;
    const pair = `${encodeURIComponent(each.name)}=${encodeURIComponent(each.value)}`;
    asked.search = asked.search === "" ? pair : `${asked.search}&${pair}`;
  }
  return asked;
}

/** As much of a body as is wanted. */
async function readBody(
  { body }: Response,
  until: AskInit["until"],
  deadline: Deadline,
): Promise<{ text: string; bodyEnd: BodyEnd }> {
  if (until === "head") {
    await body?.cancel().catch(() => undefined);
    return { text: "", bodyEnd: "enough" };
  }
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  const chunks = (body ?? []) as AsyncIterable<Uint8Array>;
  try {
    // Leaving the loop lets go of the rest.
    for await (const chunk of chunks) {
      size += chunk.byteLength;
      text += decoder.decode(chunk, { stream: true });
      if (until?.(text) === true) return { text, bodyEnd: "enough" };
      if (size > MAX_BODY_BYTES) return { text, bodyEnd: "too-long" };
    }
    return { text, bodyEnd: "whole" };
  } catch {
    if (!deadline.signal.aborted) return { text, bodyEnd: "broken" };
    return { text, bodyEnd: deadline.isLate ? "late" : "enough" };
  }
}

/** Aborts in time, or when somebody else says so. */
class Deadline {
  readonly signal: AbortSignal;
  readonly #ms: number;
  readonly #late = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number, others: readonly (AbortSignal | undefined)[]) {
    this.#ms = ms;
    const signals = others.filter((signal) => signal !== undefined);
    this.signal = AbortSignal.any([this.#late.signal, ...signals]);
    this.restart();
  }

  get isLate(): boolean {
    return this.signal.reason === LATE;
  }

  get ms(): number {
    return this.#ms;
  }

  restart(ms = this.#ms): void {
    this.clear();
    this.#timer = setTimeout(() => this.#late.abort(LATE), ms);
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}

/** A failure by its code and in words, which are Node's own: those of `fetch` itself would repeat a header's value. */
function explain(error: unknown, deadline: Deadline): { code: string; reason: string } {
  if (deadline.isLate) {
    return { code: "TIMEOUT", reason: `Nothing came within ${deadline.ms / 1000} s.` };
  }
  if (deadline.signal.aborted) return { code: "ABORTED", reason: "It was not waited for." };
  const cause = (error as { cause?: Partial<NodeJS.ErrnoException> }).cause;
  // It has no code of its own. @see WHATWG Fetch, "Port blocking"
  if (cause?.message === "bad port") return { code: "BAD_PORT", reason: "The port is blocked." };
  if (typeof cause?.code !== "string") {
    return { code: "NOT_SENT", reason: "The request could not be made." };
  }
  // Of a name with several addresses each has an error of its own.
  const message = cause instanceof AggregateError ? firstOf(cause) : cause.message;
  return { code: cause.code, reason: message ?? cause.code };
}

function firstOf({ errors, message }: AggregateError): string {
  const [first] = errors as readonly unknown[];
  return first instanceof Error ? first.message : message;
}

/** Whether there is an answer. */
export function isAnswered(reply: Reply | undefined): reply is Answered {
  return reply?.kind === "answered";
}

/** Whether what was asked for was done, or taken to be done. */
export function isSuccess(reply: Reply): boolean {
  return isAnswered(reply) && reply.status >= 200 && reply.status < 300;
}
