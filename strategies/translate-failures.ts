import type { PassportStrategy } from "../src/auth/auth-method.js";

/** A strategy as `authenticate` finds itself: Passport has added its actions for this one request. */
export interface ActiveStrategy extends PassportStrategy {
  success(user: unknown, info?: unknown): void;
  fail(info?: unknown, status?: unknown): void;
  error(error: unknown): void;
}

/**
 * The same strategy, failing in other words.
 *
 * Passport adds `fail` to an object that inherits from the strategy, anew for each request. So a
 * subclass cannot override it; one more such object can.
 */
export function translateFailures(
  strategy: PassportStrategy,
  translate: (info: unknown) => unknown,
): PassportStrategy {
  const authenticate = function (this: ActiveStrategy, req: unknown, options: unknown): unknown {
    const fail = (info: unknown): void => this.fail(translate(info));
    const translating: unknown = Object.create(this, { fail: { value: fail } });
    return strategy.authenticate.call(translating as PassportStrategy, req, options);
  };
  return Object.create(strategy, { authenticate: { value: authenticate } }) as PassportStrategy;
}
