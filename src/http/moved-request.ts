import type { IncomingMessage } from "node:http";
import type { MovedFacts } from "../session/session-init.js";
import { rawQueryOf } from "../shared/url.js";
import type { ResolvedOptions } from "../options/resolve.js";
import { sessionNotFound } from "./find-session.js";
import type { AdmittedRequest } from "./incoming-request.js";
import { baseOf, urlBelow } from "./mount.js";
import type { HostRequest } from "./mount.js";
import type { KeptOpening, MovedSession } from "./moved-session.js";
import { SessionRequest } from "./session-request.js";

/** A request that has a session go on here which was at another node: it opens it in its opener's place. */
export class MovedRequest extends SessionRequest {
  readonly moved: MovedFacts;
  readonly #opening: IncomingMessage;

  /**
   * Security decision: whose it is, by which credential, and all that tells callers apart is of the request
   * that asks, which was verified here; of the one that opened the session there is only what was asked for.
   *
   * @throws McpSseError 404 for a session that has lasted as long as it may.
   */
  constructor(
    request: AdmittedRequest,
    moved: MovedSession,
    options: Pick<ResolvedOptions, "endsWithCredential" | "limits">,
  ) {
    const { limits } = options;
    // Its client has begun long ago, although the new server is told of that only now.
    const hasBegun = moved.handshake !== undefined;
    super(request, moved.opening.path ?? "", {
      ...options,
      limits: hasBegun ? { ...limits, initTimeoutMs: 0 } : limits,
    });
    const { lifetimeMs } = limits;
    if (lifetimeMs > 0 && moved.openedAt + lifetimeMs <= Date.now()) throw sessionNotFound();
    this.moved = moved;
    this.#opening = asOpening(request.req, moved);
  }

  override get request(): IncomingMessage {
    return this.#opening;
  }
}

/** The request that asks, as if it had opened the session: another object, since others read the one that came. */
function asOpening(req: HostRequest, { opening, transport }: MovedSession): IncomingMessage {
  const { url } = opening;
  const fields = {
    url,
    method: transport === "sse" ? "GET" : "POST",
    headers: headersOf(req, opening),
    ...(req.originalUrl !== undefined && { originalUrl: urlBelow(baseOf(req), url) }),
    // Express 4 parses the query once and keeps it; Express 5 parses the URL at each access.
    ...(Object.hasOwn(req, "query") && { query: queryIn(req, url) }),
  };
  const all = Object.entries(fields).map(
    ([name, value]) => [name, { value, writable: true, configurable: true }] as const,
  );
  return Object.create(req, Object.fromEntries(all)) as IncomingMessage;
}

/** Those of a body are no part of it. */
function headersOf({ headers }: HostRequest, opening: KeptOpening): IncomingMessage["headers"] {
  const asked = { ...headers };
  for (const name of NOT_OF_OPENING) Reflect.deleteProperty(asked, name);
  return { ...asked, ...opening.headers };
}

const NOT_OF_OPENING = [
  ...["user-agent", "accept", "cache-control", "mcp-protocol-version"],
  ...["content-type", "content-length", "transfer-encoding", "last-event-id"],
];

function queryIn({ app }: HostRequest, url: string): unknown {
  const parse = app?.get("query parser fn");
  return typeof parse === "function"
    ? (parse as (text: string) => unknown)(rawQueryOf(url) ?? "")
    : {};
}
