import RateLimiterRedis from "rate-limiter-flexible/lib/RateLimiterRedis.js";
import type { SharedCounter } from "../shared/shared-counter.js";
import { TIMED_OUT, withTimeout } from "../shared/timeout.js";
import type { Connection } from "./connection.js";
import { Script } from "./script.js";

/** Milliseconds that a refused caller waits for Redis. */
const COUNT_MS = 250;

/** Counts in Redis; rate-limiter-flexible has the script, and what we give it as its client bounds the wait. */
export function createCounter(
  connection: Connection,
  prefix: string,
  windowMs: number,
): SharedCounter {
  let script: Script | undefined;
  const storeClient = {
    defineCommand(_name: string, { lua }: { readonly lua: string }): void {
      script = new Script(lua);
    },
    async rlflxIncr([key = "", ...args]: readonly string[]): Promise<unknown> {
      if (script === undefined) throw new Error("Redis: there is no script");
      const counted = await withTimeout(connection.script(script, [key], args), COUNT_MS);
      if (counted === TIMED_OUT) throw new Error("Redis: EVALSHA got no answer");
      return counted;
    },
  };
  return new RateLimiterRedis({
    ...{ storeClient, keyPrefix: `{${prefix}}:counter`, points: 1 },
    // Redis counts whole seconds here.
    duration: Math.max(1, Math.ceil(windowMs / 1000)),
  });
}
