import { validateHeaderName, validateHeaderValue } from "node:http";
import type { IncomingHttpHeaders, OutgoingHttpHeader } from "node:http";

/** The kind of exchange that relays a request: its edge opens it, and its home answers. */
export const RELAY = "request";

/** A caller as another node is told of it: JSON, or `null` for one of an endpoint that is open. */
export type CallerText = string | null;

/** What the edge says of a request, once. */
export interface ToldRequest {
  /** Id of the session that it is for, as the edge has found it. */
  readonly session: string;
  readonly method: string;
  /** Below the mount, without query. */
  readonly path: string;
  readonly url: string;
  readonly originalUrl: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly mount: {
    readonly base: string;
    readonly routedBase: string;
    readonly origin: string | undefined;
  };
  readonly viaTrustedProxy: boolean;
  readonly isSecure: boolean;
  readonly address: string | undefined;
  readonly caller: CallerText;
  /** The bearer token, where tools may see it. */
  readonly token: string | undefined;
  /**
   * Where the caller's credential stood in the query: the field's name, and what stands for the credential in
   * what is answered, since that is to name it again. The edge puts it in.
   */
  readonly queryCredential: StandIn | undefined;
  /** Text of a POST; `undefined` where there is none, or it follows in pieces. */
  readonly body: string | undefined;
  readonly isBodyToFollow: boolean;
  /** Whether its response waits for others on its connection. */
  readonly waitsForTurn: boolean;
  /** Whether the session is to go on at the node that is asked, if it is not there. */
  readonly adopts: boolean;
}

/** Stands for a credential that does not leave the edge. */
export interface StandIn {
  readonly name: string;
  /** Unguessable, and another for each request: nobody else can have it put in. */
  readonly text: string;
}

/** Status and header fields, as they were set. */
export type ToldHead = readonly [
  status: number,
  headers: readonly (readonly [name: string, value: OutgoingHttpHeader])[],
];

/** What either side sends after that. Lengths are in UTF-16 code units, as both sides count. */
export type RelayFrame =
  /** A piece of the body, from either side. */
  | readonly [kind: "text", piece: string]
  /** There are no more pieces. */
  | readonly [kind: "end"]
  /** So much more has been taken; 0 tells that the reader reads. */
  | readonly [kind: "took", length: number]
  /** From the edge: those before the response on its connection have left. */
  | readonly [kind: "turn"]
  /** From the home: the session is not there. Ends the exchange. */
  | readonly [kind: "none"]
  /** From the home: the head of a response whose body follows. */
  | readonly [kind: "head", head: ToldHead]
  /** From the home: all of a response. Ends the exchange. */
  | readonly [kind: "answer", head: ToldHead, text: string]
  /** From the home: the client's connection is to be cut. Ends the exchange. */
  | readonly [kind: "cut"];

/**
 * Looks at what a home has sent before anything of a response is touched.
 *
 * Security decision: where nothing is sealed, anything may be in it, and no client waits for the rest of what is none.
 *
 * @throws Error for what is no part of an answer.
 */
export function checkAnswer(frame: RelayFrame): void {
  const [kind, first, text] = frame as readonly unknown[];
  if (kind === "end" || kind === "cut") return;
  if (kind === "text" && typeof first === "string") return;
  if (kind === "head" || (kind === "answer" && typeof text === "string")) checkHead(first);
  else throw noAnswer();
}

function checkHead(head: unknown): void {
  const [status, headers] = Array.isArray(head) ? (head as unknown[]) : [];
  const isStatus = Number.isInteger(status) && Number(status) >= 200 && Number(status) <= 599;
  if (!isStatus || !Array.isArray(headers)) throw noAnswer();
  for (const field of headers as unknown[]) {
    const [name, value] = Array.isArray(field) ? (field as unknown[]) : [];
    validateHeaderName(name as string);
    for (const one of [value].flat()) validateHeaderValue(name as string, one as string);
  }
}

function noAnswer(): TypeError {
  return new TypeError("it is no part of an answer");
}
