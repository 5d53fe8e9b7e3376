/** One limiter by itself, as the package's documentation imports it; its types only know all of them. */
declare module "rate-limiter-flexible/lib/RateLimiterMemory.js" {
  import type { RateLimiterMemory } from "rate-limiter-flexible";

  const limiter: typeof RateLimiterMemory;
  export default limiter;
}

declare module "rate-limiter-flexible/lib/RateLimiterRedis.js" {
  import type { RateLimiterRedis } from "rate-limiter-flexible";

  const limiter: typeof RateLimiterRedis;
  export default limiter;
}
