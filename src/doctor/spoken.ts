import { METHOD_NOT_FOUND } from "../shared/json-rpc.js";
import type { Reply } from "./contract.js";
import type { Evidence } from "./evidence.js";
import { errorOf, eventsIn, isEventStream, resultOf } from "./messages.js";

/** Whether a client of any wire can talk to the server. */
export function speaksAny(evidence: Evidence): boolean {
  const { streamable, modern, stream } = evidence;
  return (
    resultOf(streamable?.answer) !== undefined ||
    resultOf(modern?.listed) !== undefined ||
    // A server without tools says so.
    errorOf(modern?.listed)?.["code"] === METHOD_NOT_FOUND ||
    stream?.endpoint !== undefined
  );
}

/** How the URL answers a POST of the best caller that there is: with the credential, or, where none was shown, without. */
export function postReply({ streamable, stranger }: Evidence): Reply | undefined {
  return streamable?.initialize ?? stranger?.post;
}

/** The same of a GET. */
export function getReply({ stream, stranger }: Evidence): Reply | undefined {
  return stream?.reply ?? stranger?.get;
}

/** Whether a stream names the endpoint of HTTP+SSE. */
export function namesEndpoint(reply: Reply): boolean {
  if (reply.kind !== "answered" || reply.status !== 200 || !isEventStream(reply)) return false;
  return eventsIn(reply.text).some(({ event }) => event === "endpoint");
}
