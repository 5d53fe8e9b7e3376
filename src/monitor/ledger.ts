import type { FactSource } from "../observe/early-facts.js";
import type { Call, CallEnded, DeniedFact, LimitFact, RefusalFact } from "../observe/facts.js";
import type { RevokedFact, SessionFact } from "../observe/facts.js";
import { nameOf } from "./person.js";
import { Rate } from "./rate.js";
import { Tally } from "./tally.js";
import { MAX_TEXT } from "./text.js";

/** A kind of refusal. */
export type RefusalKind = Pick<RefusalFact, "code" | "status" | "leg" | "isOthers">;

/** A kind of limit that was reached. */
export type LimitKind = Pick<LimitFact, "limit" | "outcome">;

/** What was denied, and why. */
export interface DenialKind {
  readonly kind: DeniedFact["kind"];
  readonly name: string;
  readonly code: DeniedFact["denial"]["code"];
  readonly missing: readonly string[];
}

/** What was called, and what came of it. */
export interface CallKind {
  readonly name: string;
  readonly failed: number;
  /** Milliseconds, of all together. */
  readonly totalMs: number;
  readonly slowestMs: number;
}

export interface Revocation extends RevokedFact {
  /** From 1: several may be at the same time. */
  readonly nth: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** A call without an answer. */
export interface OpenCall {
  readonly call: Call;
  readonly name: string;
}

/** How many calls are watched at a time; more are only counted among the sessions'. */
const MAX_OPEN = 10_000;

/** How many revocations are remembered. */
const MAX_REVOCATIONS = 20;

/** How a session begins here. */
const BEGINNINGS: ReadonlySet<SessionFact["event"]> = new Set(["opened", "restored", "moved"]);

/** Outcomes that somebody should know of. */
const FAILED: ReadonlySet<CallEnded["outcome"]> = new Set(["tool-error", "error", "lost"]);

/** What has happened at one router since it was asked for its monitor; bounded, whatever callers do. */
export class Ledger {
  /** Milliseconds since the epoch. */
  readonly since = Date.now();
  readonly refusals = new Tally<RefusalKind>();
  readonly limits = new Tally<LimitKind>();
  readonly denials = new Tally<DenialKind>();
  readonly endings = new Tally<string>();
  readonly calls = new Tally<CallKind>();
  readonly rates = {
    calls: new Rate(),
    refusals: new Rate(),
    denials: new Rate(),
    limits: new Rate(),
  };
  /** The newest first. */
  readonly revocations: Revocation[] = [];
  failedCalls = 0;
  opened = 0;
  readonly #open = new Map<string, OpenCall>();
  readonly #stops: readonly (() => void)[];

  constructor(facts: FactSource) {
    this.#stops = [
      facts.on("refusal", (fact) => this.#noteRefusal(fact)),
      facts.on("limit", (fact) => this.#noteLimit(fact)),
      facts.on("denied", (fact) => this.#noteDenied(fact)),
      facts.on("revoked", (fact) => this.#noteRevoked(fact)),
      facts.on("session", (fact) => this.#noteSession(fact)),
      facts.on("call-started", (call) => this.#noteStarted(call)),
      facts.on("call-ended", (fact) => this.#noteEnded(fact)),
    ];
  }

  /** Calls without an answer, the oldest first. */
  openCalls(): readonly OpenCall[] {
    return [...this.#open.values()];
  }

  /** Hears of nothing any more. */
  close(): void {
    for (const stop of this.#stops) stop();
    this.#open.clear();
  }

  #noteRefusal({ code, status, leg, isOthers, principal, address }: RefusalFact): void {
    this.rates.refusals.note();
    const key = `${code} ${status} ${leg} ${isOthers}`;
    this.refusals.note(key, { code, status, leg, isOthers }, by(principal, address));
  }

  #noteLimit({ limit, outcome, principal, session, address }: LimitFact): void {
    this.rates.limits.note();
    const lastBy = by(principal ?? session?.principal, address ?? session?.address);
    this.limits.note(`${limit} ${outcome}`, { limit, outcome }, lastBy);
  }

  #noteDenied({ kind, name, denial, principal, session }: DeniedFact): void {
    this.rates.denials.note();
    const missing = denial.code === "insufficient_scope" ? denial.missing : [];
    const what = { kind, name: name.slice(0, MAX_TEXT), code: denial.code, missing };
    this.denials.note(JSON.stringify(what), what, by(principal, session.address));
  }

  #noteRevoked(fact: RevokedFact): void {
    const nth = (this.revocations[0]?.nth ?? 0) + 1;
    this.revocations.unshift({ ...fact, nth, at: Date.now() });
    this.revocations.length = Math.min(this.revocations.length, MAX_REVOCATIONS);
  }

  #noteSession({ event, reason, session }: SessionFact): void {
    if (BEGINNINGS.has(event)) this.opened++;
    if (event !== "closed" || reason === undefined) return;
    this.endings.note(reason, reason, by(session.principal, session.address));
  }

  #noteStarted(call: Call): void {
    this.rates.calls.note();
    // A subscription lasts: its age says nothing.
    if (call.method === "subscriptions/listen" || this.#open.size >= MAX_OPEN) return;
    this.#open.set(keyOf(call), { call, name: callName(call) });
  }

  #noteEnded({ call, outcome, durationMs }: CallEnded): void {
    this.#open.delete(keyOf(call));
    const isKnown = call.target?.isKnown ?? true;
    const name = isKnown ? callName(call) : `${call.method}: names that no server has`;
    const failed = FAILED.has(outcome) ? 1 : 0;
    this.failedCalls += failed;
    const before = this.calls.get(name)?.what ?? NOTHING_YET;
    const what: CallKind = {
      name,
      failed: before.failed + failed,
      totalMs: before.totalMs + durationMs,
      slowestMs: Math.max(before.slowestMs, durationMs),
    };
    this.calls.note(name, what, by(call.principal, call.address));
  }
}

const NOTHING_YET = { failed: 0, totalMs: 0, slowestMs: 0 };

/** Ids are the client's own, and 1 is another than "1". */
function keyOf({ session, id }: Call): string {
  return `${session.id} ${typeof id} ${id}`;
}

/** What is called, as somebody would say it. */
function callName({ method, target }: Call): string {
  if (target === undefined) return method.slice(0, MAX_TEXT);
  return `${target.kind} ${target.name}`.slice(0, MAX_TEXT);
}

/** Who it was, and from where. */
function by(principal: unknown, address: string | undefined): string {
  const name = nameOf(principal);
  if (address === undefined) return name;
  return name === "" ? address : `${name}, from ${address}`;
}
