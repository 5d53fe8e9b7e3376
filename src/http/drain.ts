import { LAST_BYTES_MS } from "../session/close-reason.js";
import { settlesWithin } from "../shared/timeout.js";
import { isInUse, keptOf, leaveNode } from "./leave-node.js";
import { whenFinished } from "./response-end.js";
import type { RouterSession, Sessions } from "./router-session.js";
import type { SessionKeeper } from "./session-keeper.js";
import type { Shutdown } from "./shutdown.js";

/** What having a node's sessions leave it takes. */
export interface DrainContext {
  readonly sessions: Sessions;
  readonly keeper: SessionKeeper;
  readonly shutdown: Shutdown;
}

/**
 * In which part of the time new calls wait, so that sessions leave that would have one open at any time. Calls
 * that take no longer have an answer, and those that wait go on with their session.
 */
const HOLDING_PART = 1 / 4;

/** How long is rested before the other nodes are tried again, in milliseconds. */
const REST_MS = 200;

/**
 * Has all sessions of a node go on at others: idle ones at once, each other one as soon as its calls are
 * answered, and what is left when the time is over all the same, with the calls that are lost by that. Calls
 * that come meanwhile are taken for as long as their session is here; those of the last quarter of the time wait, and
 * follow it.
 *
 * Resolves when none is left that can leave, and nothing else is being answered, what other nodes answer
 * through this one included; at the latest a moment
 * after `timeoutMs`.
 */
export async function drain(context: DrainContext, timeoutMs: number): Promise<void> {
  const { shutdown } = context;
  shutdown.takesCalls = true;
  const time = new Time(timeoutMs);
  const holding = new CallHolding(context);
  const hold = setTimeout(() => holding.begin(), timeoutMs * (1 - HOLDING_PART));
  const leaving = leaveAll(context, time);
  try {
    // What has left is asked for through this node, so that is looked at when all have.
    const answered = leaving.then(() => whenAnswered(context));
    await settlesWithin(timeoutMs, answered);
    time.end();
    await settlesWithin(LAST_BYTES_MS, leaving);
  } finally {
    shutdown.takesCalls = false;
    clearTimeout(hold);
    holding.end();
    time.end();
  }
}

/** Has new calls wait until their sessions have left. They count as calls that are taken, in bytes, and not as bodies. */
class CallHolding {
  readonly #context: DrainContext;
  readonly #over: Promise<void>;
  #end: () => void = () => undefined;

  constructor(context: DrainContext) {
    this.#context = context;
    this.#over = new Promise((resolve) => (this.#end = resolve));
  }

  begin(): void {
    const { keeper, shutdown } = this.#context;
    shutdown.holdCall = (session, { res, relayedFor }) => {
      // Without the other nodes it goes on here, as does one that cannot go on elsewhere.
      if (session.closeReason !== undefined || !keeper.isCertain) return undefined;
      if (keptOf(session) === undefined) return undefined;
      // It will need this node when its session has left, unless another one has it.
      if (relayedFor === undefined) shutdown.relayed.add(whenFinished(res));
      const left = new Promise<void>((resolve) => session.onClosed(() => resolve()));
      return Promise.race([left, this.#over]);
    };
  }

  /** Whoever still waits is told what becomes of a call. */
  end(): void {
    this.#context.shutdown.holdCall = undefined;
    this.#end();
  }
}

/** Resolves when nothing is being answered, be it by a session that is here or through this node. */
export async function whenAnswered({
  sessions,
  shutdown,
}: Pick<DrainContext, "sessions" | "shutdown">): Promise<void> {
  await Promise.all([sessions.whenSettled(), shutdown.relayed.done()]);
}

/** Also those that were being opened when it began, or were on their way here. */
async function leaveAll(context: DrainContext, time: Time): Promise<void> {
  const asked = new Set<RouterSession>();
  await leaveNow(asked, context, time);
  await context.keeper.whenStill();
  await leaveNow(asked, context, time);
}

/** @param asked those that were asked to leave. */
async function leaveNow(
  asked: Set<RouterSession>,
  context: DrainContext,
  time: Time,
): Promise<void> {
  for (;;) {
    const others = context.sessions.list().filter((session) => !asked.has(session));
    if (others.length === 0) return;
    for (const session of others) asked.add(session);
    await Promise.all(others.map((session) => leave(session, context, time)));
  }
}

async function leave(
  session: RouterSession,
  { keeper, shutdown }: DrainContext,
  time: Time,
): Promise<void> {
  // What there is to leave is looked at each time: a client may yet say who it is, and call.
  while (session.closeReason === undefined) {
    await time.orBefore(session.whenIdle());
    const isLast = time.isOver;
    const canLeave = session.state === "opening" || keptOf(session) !== undefined;
    if (!canLeave) return;
    const canGo = isLast || !isInUse(session);
    if (canGo && (await keeper.handOver(session, () => leaveNode(session, isLast)))) {
      shutdown.closings.add(session.whenGone());
      return;
    }
    if (isLast) return;
    if (!session.isBusy) await time.orBefore(rest());
  }
}

function rest(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, REST_MS).unref());
}

/** The time that calls have. */
class Time {
  isOver = false;
  readonly #over: Promise<void>;
  readonly #timer: NodeJS.Timeout;
  #end: () => void = () => undefined;

  constructor(ms: number) {
    this.#over = new Promise((resolve) => (this.#end = resolve));
    this.#timer = setTimeout(() => this.end(), ms);
    if (ms === 0) this.end();
  }

  end(): void {
    clearTimeout(this.#timer);
    this.isOver = true;
    this.#end();
  }

  /** Resolves with `work`, or when the time is over. */
  async orBefore(work: Promise<unknown>): Promise<void> {
    await Promise.race([work, this.#over]);
  }
}
