import type { SessionStanding } from "../session/session-standing.js";
import { McpSseError, retryAfter } from "../shared/errors.js";

/**
 * What the directory says of a session: where it is, and what it takes to go on with it. `S` is what another
 * node would go on with.
 */
export interface SessionRecord<S = unknown> {
  /** The node that has it; `undefined` where no node does any more, and whoever is asked goes on with it. */
  readonly home: string | undefined;
  /** How often it has moved. Of two nodes that both have a session, the one has it for which this is more. */
  readonly moves: number;
  /** Where its home writes down which of its calls are open; see `CallJournal`. */
  readonly page: number;
  /** By which wire. */
  readonly transport: string;
  /** Who may go on with it; `undefined` where only its home can tell. */
  readonly standing: SessionStanding | undefined;
  /** `undefined` where it is too much to be written down: the session ends with its node. */
  readonly session: S | undefined;
}

/** What the form is called in which records are written. A release reads its own, and the one before. */
const FORM = 1;

export function writeRecord(record: SessionRecord): string {
  return JSON.stringify({ form: FORM, ...record });
}

/**
 * @returns `undefined` for what is no record.
 * @throws McpSseError 503 for one of a release that is not known here: what it means is never guessed.
 */
export function readRecord<S>(text: string): SessionRecord<S> | undefined {
  const record = parse(text);
  if (record?.["form"] === undefined) return undefined;
  if (record["form"] !== FORM) throw unknownForm();
  return isRecord(record) ? (record as unknown as SessionRecord<S>) : undefined;
}

function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return (JSON.parse(text) as Readonly<Record<string, unknown>> | null) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Where nothing is sealed, anything may have been written. */
function isRecord(record: Readonly<Record<string, unknown>>): boolean {
  const { home, moves, page, transport, standing } = record;
  return (
    (home === undefined || typeof home === "string") &&
    Number.isSafeInteger(moves) &&
    Number.isSafeInteger(page) &&
    typeof transport === "string" &&
    (standing === undefined || isStanding(standing))
  );
}

function isStanding(standing: unknown): boolean {
  const { message, listen, scopes } = (standing ?? {}) as Partial<Record<string, unknown>>;
  return typeof message === "string" && typeof listen === "string" && Array.isArray(scopes);
}

function unknownForm(): McpSseError {
  return new McpSseError(
    "temporarily_unavailable",
    "The session is at a node of another release.",
    {
      headers: retryAfter(),
    },
  );
}
