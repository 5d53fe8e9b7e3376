import { TIMED_OUT, withTimeout } from "../shared/timeout.js";

/** What an engine comes to, which may throw at once, or never answer. @throws Error when that takes too long. */
export async function within<T>(ms: number, work: () => Promise<T>): Promise<T> {
  const done = await withTimeout(work(), ms);
  if (done === TIMED_OUT) throw new Error("it does not answer");
  return done;
}
