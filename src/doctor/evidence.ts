import type { Answered, Finding, Reply, Severity, Target } from "./contract.js";
import type { ResourcePlace } from "./discovery-places.js";
import type { ReadToken } from "./read-token.js";

/** What a caller without a credential gets at the URL. */
export interface StrangerEvidence {
  readonly get: Reply;
  /** `initialize` of Streamable HTTP. */
  readonly post: Reply;
  /** The same at usual places of the same origin; asked for where both were answered with 404. */
  readonly nearby?: readonly Reply[];
}

/** A document of discovery, where it was looked for. */
export interface DocumentEvidence {
  readonly reply: Reply;
  /** The members, where it is a JSON object. */
  readonly members?: Readonly<Record<string, unknown>> | undefined;
}

/** A document about the URL itself. */
export interface ResourceDocumentEvidence extends DocumentEvidence {
  readonly place: ResourcePlace;
}

/** What clients find out about signing in. */
export interface DiscoveryEvidence {
  /** What challenges call `resource_metadata`, as it is written there. */
  readonly named: readonly string[];
  /** RFC 9728, in the order in which clients look. */
  readonly resource: readonly ResourceDocumentEvidence[];
  /** RFC 8414 and OpenID Connect Discovery, of each issuer that is named. */
  readonly issuers: readonly {
    readonly issuer: string;
    readonly documents: readonly DocumentEvidence[];
  }[];
}

/** What the token that is sent says, and what its issuer's key set has. Nothing in it was verified. */
export interface TokenEvidence {
  readonly read: ReadToken;
  /** When the token was read, on the clock of this machine. In milliseconds since the epoch. */
  readonly readAtMs: number;
  /** By how much the server's clock is ahead of this machine's; `undefined` where it says no `Date`. In milliseconds. */
  readonly serverAheadMs?: number | undefined;
  /** The key set of the issuer that the token names, if the server names that one, too. */
  readonly keySet?: DocumentEvidence | undefined;
}

/** An event stream of HTTP+SSE. */
export interface StreamEvidence {
  readonly reply: Reply;
  /** From the request to the first event. In milliseconds; `undefined` where none came. */
  readonly firstEventMs?: number | undefined;
  /** Data of the event `endpoint`. */
  readonly endpoint?: string | undefined;
  /** Whether the first event came soon without compression; asked for where it did not with it. */
  readonly isPromptPlain?: boolean;
}

/** Messages to the endpoint that a stream named. */
export interface MessagesEvidence {
  readonly initialize: Reply;
  /** What came on the stream as its answer. */
  readonly answer?: unknown;
  /** Whether the stream ended by itself before an answer came. */
  readonly hasEnded?: boolean;
  readonly tools?: Reply | undefined;
  /** What came on the stream as the answer to `tools/list`. */
  readonly listed?: unknown;
  /** A message that is larger than most. */
  readonly large?: Reply | undefined;
}

/** Streamable HTTP of 2025-11-25 and before. */
export interface StreamableEvidence {
  readonly initialize: Reply;
  /** The JSON-RPC message that answers it. */
  readonly answer?: unknown;
  readonly initialized?: Reply | undefined;
  readonly tools?: Reply | undefined;
  /** The JSON-RPC message that answers `tools/list`. */
  readonly listed?: unknown;
  /** A message that is larger than most. */
  readonly large?: Reply | undefined;
  /** The event stream beside the calls. */
  readonly get?: Reply | undefined;
  /** The end of the session, where it had one. */
  readonly end?: Reply | undefined;
}

/** Streamable HTTP of 2026-07-28, which has no sessions. */
export interface ModernEvidence {
  readonly tools: Reply;
  /** The JSON-RPC message that answers it. */
  readonly listed?: unknown;
}

/** What a page in a browser is told when it begins a conversation. */
export interface BrowserEvidence {
  readonly wire: "HTTP+SSE" | "Streamable HTTP";
  readonly preflight: Reply;
  /** The request itself. */
  readonly actual: Reply;
  /** The same without a credential. */
  readonly stranger: Reply;
}

/** Messages of one session, each over a connection of its own. */
export interface ReplicasEvidence {
  readonly wire: "HTTP+SSE" | "Streamable HTTP";
  readonly asked: number;
  /** Those that were answered as if there were no such session. */
  readonly lost: number;
  /** One of these. */
  readonly sample?: Answered | undefined;
}

/** What came on a stream while nothing happened. */
export interface KeepAliveEvidence {
  readonly waitedMs: number;
  /** From the last event to the first sign of life. */
  readonly aliveMs?: number | undefined;
  /** When the stream ended by itself. */
  readonly endedMs?: number | undefined;
}

/** All that was gathered; a part is missing where its step was not needed or could not be done. */
export interface Evidence {
  readonly target: Target;
  readonly stranger?: StrangerEvidence;
  readonly discovery?: DiscoveryEvidence;
  readonly token?: TokenEvidence;
  readonly stream?: StreamEvidence;
  readonly messages?: MessagesEvidence;
  readonly streamable?: StreamableEvidence;
  readonly modern?: ModernEvidence;
  /** Of each wire that there is. */
  readonly browser?: readonly BrowserEvidence[];
  readonly replicas?: readonly ReplicasEvidence[];
  readonly keepAlive?: KeepAliveEvidence;
}

/** The name of a part of the evidence, which is its step's. */
export type PartName = Exclude<keyof Evidence, "target">;

/** What a finder says of the fault that it sees. Whole sentences. */
export type Observation = Pick<Finding, "seen" | "cause" | "change">;

/** Knows one fault. What is fixed about it stands here, so that no finding is without its explanation. */
export interface Finder {
  /** See {@link Finding.id}. */
  readonly id: string;
  readonly severity: Severity;
  /** See {@link Finding.docs}. */
  readonly docs: string;
  /** The step in whose evidence it shows. */
  readonly step: PartName;
  /** Ids of findings that are only a consequence of this one, and are left out beside it. */
  readonly hides?: readonly string[];
  /** Looks for it. Pure: the same evidence gives the same answer. */
  readonly look: (evidence: Evidence) => Observation | undefined;
}
