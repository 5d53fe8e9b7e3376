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

let ahead = 0;

/** Moves the date on, until the test is over; timers run as they do. */
export function later(ms: number): void {
  ahead += ms;
  if (ahead !== ms) return;
  const now = Date.now.bind(Date);
  const clock = jest.spyOn(Date, "now").mockImplementation(() => now() + ahead);
  onDispose(() => {
    ahead = 0;
    clock.mockRestore();
  });
}
