import type { PassportStrategy } from "../../src/auth/auth-method.js";

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
 * subclass cannot override it, but it can be replaced on that very object. One more object that inherits
 * from Passport's would cost more than the strategy: V8 makes each prototype a hidden class of its own.
 */
export function translateFailures(
  strategy: PassportStrategy,
  translate: (info: unknown) => unknown,
): PassportStrategy {
  const authenticate = function (this: ActiveStrategy, req: unknown, options: unknown): unknown {
    const fail = this.fail.bind(this);
    this.fail = (info) => fail(translate(info));
    return strategy.authenticate.call(this, req, options);
  };
  return Object.create(strategy, { authenticate: { value: authenticate } }) as PassportStrategy;
}
