/**
 * What the doctor's parts agree on: what is asked, what came back, and what is found in it. Steps gather, and judge
 * nothing; finders judge, and ask nobody.
 */

/** What a caller shows to be let in. A value is secret: nothing prints it but as a fingerprint. */
export type Credential =
  | { readonly kind: "bearer"; readonly value: string }
  | { readonly kind: "header"; readonly name: string; readonly value: string }
  | { readonly kind: "query"; readonly name: string; readonly value: string };

/** What is examined, and with which credentials. */
export interface Target {
  readonly url: URL;
  readonly credentials: readonly Credential[];
  /** The web page for which a browser asks. */
  readonly origin?: string | undefined;
  /** For how long one answer is waited for. In milliseconds. */
  readonly timeoutMs: number;
  /** Leaves out what takes longest: waiting for a sign of life on an idle stream. */
  readonly isQuick: boolean;
}

/** What came back: headers, and as much of the body as was waited for. */
export interface Answered {
  readonly kind: "answered";
  readonly method: string;
  readonly url: URL;
  readonly status: number;
  readonly headers: Headers;
  /** The body, up to a limit; of an event stream what came until it was let go. */
  readonly text: string;
  /** From asking until the head was there. In milliseconds. */
  readonly headMs: number;
  readonly bodyEnd: BodyEnd;
}

/**
 * Why no more of a body was read: it was whole, it was enough, nothing more came in time, it was too long, or the
 * connection broke.
 */
export type BodyEnd = "whole" | "enough" | "late" | "too-long" | "broken";

/** Nothing came back. */
export interface Unanswered {
  readonly kind: "unanswered";
  readonly method: string;
  readonly url: URL;
  /** Such as `ECONNREFUSED`, `ENOTFOUND`, `DEPTH_ZERO_SELF_SIGNED_CERT`, `TIMEOUT`, `NOT_ALLOWED`. */
  readonly code: string;
  /** The failure in words. */
  readonly reason: string;
}

export type Reply = Answered | Unanswered;

/** How bad it is: `error` keeps callers out, `warning` will hurt some or later, `note` is worth knowing. */
export type Severity = "error" | "warning" | "note";

/** One thing that is wrong. Texts are whole sentences, and hold no secret. */
export interface Finding {
  /** Stays the same between releases: for programs. */
  readonly id: string;
  readonly severity: Severity;
  /** What was seen: the request, its status, the header. */
  readonly seen: string;
  /** The likely cause. */
  readonly cause: string;
  /** What to change, with the option's name. */
  readonly change: string;
  /** Where it is explained: a page below `docs/`, and its heading, such as `troubleshooting.md#behind-a-proxy`. */
  readonly docs: string;
}

/** How something is asked. */
export interface AskInit {
  /** Default: `"GET"`. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Shows the target's credentials; only its own origin ever gets them. Default: `false`. */
  readonly isAuthorized?: boolean;
  /**
   * What is waited for: only the head, or, of a stream that does not end, text until it is enough.
   * Default: the whole body.
   */
  readonly until?: "head" | ((text: string) => boolean);
  /** For how long its head is waited for, and then its body. In milliseconds. Default: the target's. */
  readonly timeoutMs?: number;
  /** The same for its body alone. */
  readonly bodyTimeoutMs?: number;
  /** Ends it: what came so far is the reply. */
  readonly signal?: AbortSignal;
  /** Leaves the query as a server named it, as clients do: no credential is added to it. Default: `false`. */
  readonly keepsQuery?: boolean;
  /** Ends what was begun: it is sent also when nobody waits for the report any more. Default: `false`. */
  readonly isFarewell?: boolean;
  /** Whether it gets a connection that no other request had or will have. Default: `false`. */
  readonly hasOwnConnection?: boolean;
}

/**
 * One request. Never throws, follows no redirect, and asks nobody whom it may not ask. `until` hears the text each time
 * that there is more of it, so that something can be done while a stream is open.
 */
export type Ask = (url: URL, init?: AskInit) => Promise<Reply>;
