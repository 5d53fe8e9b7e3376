import { IncomingMessage } from "node:http";
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Caller } from "../auth/outcome.js";
import type { AdmittedRequest } from "../http/incoming-request.js";
import { partsOf } from "../http/request-parts.js";
import type { StandIn, ToldRequest } from "./relay-frames.js";
import type { RelayedResponse } from "./relayed-response.js";

/**
 * A request that came in at another node, for the routes of this one.
 *
 * This is the one place where what is relayed is given out for what Node makes. A request is one; of a
 * socket and a response there is what `RelayedSocket` and {@link RelayedResponse} offer, and a test
 * watches that nothing else of them is used.
 */
export function relayedRequest(
  told: ToldRequest,
  caller: Caller,
  response: RelayedResponse,
  body: string | undefined,
): AdmittedRequest {
  const { method, path, url, originalUrl, headers, mount, address, viaTrustedProxy } = told;
  const { session, queryCredential } = told;
  const req: IncomingMessage = new IncomingMessage(response.connection as unknown as Socket);
  Object.assign(req, { method, url, headers, httpVersion: "1.1", complete: true });
  req.rawHeaders = Object.entries(headers).flatMap(([name, value]) =>
    [value ?? []].flat().flatMap((line) => [name, line]),
  );
  const host = { baseUrl: mount.routedBase, originalUrl: originalUrl ?? url, ip: address };
  // Read already, as if a parser had: see `wasRead`.
  req.readable = false;
  Object.assign(req, host, body === undefined ? {} : { body });
  response.req = req;
  return {
    req: req,
    res: response as unknown as ServerResponse,
    parts: partsOf(req),
    path,
    mount: { ...mount, trustsProxy: trustsNone },
    viaTrustedProxy,
    caller: withStandIn(caller, queryCredential),
    passOn: undefined,
    relayedFor: session,
  };
}

/** What is answered may name the credential again, where it stood in the query. */
function withStandIn(caller: Caller, standIn: StandIn | undefined): Caller {
  return standIn === undefined ? caller : { ...caller, credential: { place: "query", ...standIn } };
}

/** What a proxy says was looked at where the request came in. */
function trustsNone(): boolean {
  return false;
}
