/** What somebody has done, or was kept from. */
export type AuditAction =
  | "session.open"
  | "session.resume"
  | "session.move"
  | "session.close"
  | "call"
  | "call.deny"
  | "caller.admit"
  | "caller.refuse"
  | "request.refuse"
  | "access.revoke"
  | "signin.approve"
  | "signin.redeem"
  | "signin.revoke"
  | "limit"
  | "upstream"
  | "cluster";

/** Who has done something, as far as that is known. */
export interface AuditActor {
  /** `principal.id`; absent for who is not known. */
  readonly id?: string;
  readonly method?: string;
  readonly issuer?: string;
  readonly clientId?: string;
  /** Whom the request came from. */
  readonly address?: string;
}

/**
 * One line of an audit trail: who has done what, to what, and what came of it.
 *
 * It is JSON, without line breaks once it is written, and has no argument, result, token or header in it. Members
 * may be added in a minor version.
 */
export interface AuditEvent {
  /** ISO 8601, of when it was told. */
  readonly time: string;
  /** See option `name`. */
  readonly router: string;
  readonly action: AuditAction;
  readonly actor: AuditActor;
  /** What it was done to: `"tool refund"`, `"session …"`, a method of MCP, the name of a limit. */
  readonly target: string;
  /**
   * `"ok"`, or in a word why not: of a call `tool-error`, `error`, `denied`, `cancelled` or `lost`; of a session the reason for its end; of a
   * refusal its code; of a limit what came of it.
   */
  readonly outcome: string;
  /** Id of the session, where there is one. */
  readonly session?: string;
  /** What else is known, by its name in the fact. */
  readonly details: Readonly<Record<string, AuditDetail>>;
}

/** What may stand beside a name in {@link AuditEvent.details}. */
export type AuditDetail = string | number | boolean | readonly string[];

/** Gets each event. What it throws, or rejects with, is logged and changes nothing; nobody waits for it. */
export type Audit = (event: AuditEvent) => unknown;
