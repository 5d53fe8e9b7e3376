import { onDispose } from "./clean-up.js";
import { isSettled } from "./waiting.js";

/**
 * Stops timers and the date, until the test is over: tests turn them by hand. Sockets and
 * microtasks go on.
 *
 * @param now what the date is at first.
 */
export function freezeTimers(now: number = Date.now()): void {
  jest.useFakeTimers({
    now,
    doNotFake: ["nextTick", "setImmediate", "clearImmediate", "queueMicrotask", "performance"],
  });
}

/** Turns a frozen clock on, by as much at each turn of the event loop, until something has come. */
export async function turnClock<T>(byMs: number, until: Promise<T>): Promise<T> {
  while (!(await isSettled(until))) jest.advanceTimersByTime(byMs);
  return await until;
}

/** Lets timers and the date run as they do, so that a test can make them jump: `jest.advanceTimersByTime()`. */
export function jumpingClock(): void {
  jest.useFakeTimers({
    advanceTimers: true,
    doNotFake: ["nextTick", "setImmediate", "clearImmediate", "queueMicrotask", "performance"],
  });
  onDispose(() => void jest.useRealTimers());
}

/** Something that tells the time. */
type Clock = Pick<typeof performance, "now">;

/** The date, and the clock that nobody sets back. */
export const BOTH_CLOCKS: readonly Clock[] = [Date, performance];

const aheadMs = new Map<Clock, number>();

/** Moves the date on, or what clocks are named, until the test is over; timers run as they do. */
export function later(ms: number, clocks: readonly Clock[] = [Date]): void {
  for (const clock of clocks) {
    const isMoved = aheadMs.has(clock);
    aheadMs.set(clock, (aheadMs.get(clock) ?? 0) + ms);
    if (!isMoved) runAhead(clock);
  }
}

function runAhead(clock: Clock): void {
  const now = clock.now.bind(clock);
  const spied = jest.spyOn(clock, "now").mockImplementation(() => now() + aheadMs.get(clock)!);
  onDispose(() => {
    aheadMs.delete(clock);
    spied.mockRestore();
  });
}
