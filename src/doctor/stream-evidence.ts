import { isAnswered } from "./ask.js";
import type { Reply } from "./contract.js";
import type { Evidence, StreamEvidence } from "./evidence.js";
import { isSameOrigin } from "./may-ask.js";
import { parseUrl } from "../shared/url.js";

/** The longest that a first event takes, where nothing holds it back. In milliseconds. */
const PROMPT_MS = 2_000;

/** Whether the first event took so long that something holds it back. */
export function isLate({ firstEventMs }: StreamEvidence): boolean {
  return firstEventMs === undefined || firstEventMs > PROMPT_MS;
}

/** Whether what came was compressed on its way. */
export function isCompressed(reply: Reply): boolean {
  if (!isAnswered(reply)) return false;
  return !["", "identity"].includes(reply.headers.get("content-encoding") ?? "");
}

/** Where a stream says that messages are posted; `undefined` where it says nothing that is a URL. */
export function endpointOf(stream: StreamEvidence | undefined): URL | undefined {
  const { endpoint, reply } = stream ?? {};
  return endpoint === undefined ? undefined : parseUrl(endpoint, reply?.url);
}

/** Whether there is a stream whose endpoint may be posted to: clients, and the doctor, post to its own origin only. */
export function hasEndpoint({ stream, target }: Evidence): boolean {
  const endpoint = endpointOf(stream);
  return endpoint !== undefined && isSameOrigin(endpoint, target.url);
}
