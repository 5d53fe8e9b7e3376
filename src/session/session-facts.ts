import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { inspect } from "node:util";
import type { InspectOptions } from "node:util";
import type { ClientInfo } from "./client-info.js";
import { Journey } from "./journey.js";
import type { SessionEra, SessionState } from "./session-info.js";
import type { SessionInit } from "./session-init.js";
import type { SessionSummary, SessionWire } from "./session-info.js";

/**
 * What is known of a session from its opening, what it takes along where another server goes on with it, and
 * how it is shown to an operator.
 */
export abstract class SessionFacts<P> {
  /** Unguessable, and never taken from outside, unless it was given out from here. */
  readonly id: string;
  readonly isRestored: boolean;
  readonly isMoved: boolean;
  /** The node where it was, if that had not let go of it. */
  readonly movedFrom: string | undefined;
  readonly mount: string | undefined;
  readonly path: string | undefined;
  readonly address: string | undefined;
  readonly openedAt: number;
  /** `undefined` for one that has one server, and keeps nothing for another. */
  journey: Journey | undefined;
  readonly #request: IncomingMessage;

  abstract readonly principal: P;
  abstract readonly transport: SessionWire;
  abstract readonly era: SessionEra | undefined;
  abstract readonly state: SessionState;
  abstract readonly hasBegun: boolean;
  abstract readonly activeAt: number;
  abstract readonly inFlight: number;
  abstract readonly waitingBytes: number;
  abstract readonly waitingSince: number | undefined;
  abstract readonly client: ClientInfo | undefined;

  constructor(init: SessionInit<P>) {
    const { mount, path, address, request, restoredId, moved } = init;
    this.id = moved?.id ?? restoredId ?? randomUUID();
    this.isRestored = restoredId !== undefined;
    this.isMoved = moved !== undefined;
    this.movedFrom = moved?.from;
    this.openedAt = moved?.openedAt ?? Date.now();
    this.mount = mount;
    this.path = path;
    this.address = address;
    this.#request = request;
    if (this.isMoved || this.isRestored) this.journey = new Journey(init, true);
  }

  get request(): IncomingMessage {
    return this.#request;
  }

  get memo(): unknown {
    return this.journey?.memo;
  }

  set memo(value: unknown) {
    (this.journey ??= new Journey()).memo = value;
  }

  /** Whether it was elsewhere, and its server is not as far yet as the one before: nobody is to find it. */
  get isReturning(): boolean {
    return this.journey?.isReturning === true;
  }

  /**
   * Keeps from now on what it would take to go on with it at another node.
   *
   * @param changed hears that there is something new.
   */
  remember(changed: () => void): void {
    (this.journey ??= new Journey()).remember(changed);
  }

  noteChange(): void {
    this.journey?.noteChange();
  }

  /** What `JSON.stringify` shows. */
  toJSON(): SessionSummary {
    return summaryOf(this);
  }

  /** What `console.log` shows. */
  [inspect.custom](_depth: number, options: InspectOptions): string {
    // In a list, and in that of a registry, the principal would be too deep to be shown.
    return `Session ${inspect(summaryOf(this), { ...options, depth: 2 })}`;
  }
}

/** @see SessionSummary */
function summaryOf(session: {
  readonly id: string;
  readonly principal: unknown;
  readonly transport: SessionWire;
  readonly era: SessionEra | undefined;
  readonly state: SessionState;
  readonly hasBegun: boolean;
  readonly openedAt: number;
  readonly activeAt: number;
  readonly inFlight: number;
  readonly waitingBytes: number;
  readonly waitingSince: number | undefined;
  readonly client: ClientInfo | undefined;
  readonly address: string | undefined;
}): SessionSummary {
  const { id, principal, transport, era, state, hasBegun, openedAt, activeAt } = session;
  const { inFlight, waitingBytes, waitingSince, client, address } = session;
  return {
    id,
    ...(isPrincipal(principal) && { principal: publicPart(principal) }),
    ...{ transport, era, state, hasBegun, openedAt, activeAt, inFlight, waitingBytes },
    ...(waitingSince !== undefined && { waitingSince }),
    ...(client !== undefined && { client }),
    ...(address !== undefined && { address }),
  };
}

function isPrincipal(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

const SHOWN = ["id", "method", "issuer", "clientId", "scopes"];

/**
 * Security decision: what else was verified (`claims`) is not shown. Tokens carry addresses, roles
 * and more of a person, and an operator's log is not the place for them.
 */
function publicPart(
  principal: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const shown = SHOWN.filter((name) => principal[name] !== undefined);
  return Object.fromEntries(shown.map((name) => [name, principal[name]]));
}
