/**
 * Authentication by any Passport strategy.
 *
 * @module express-mcp-sse/strategies/passport
 */

import type { AuthMethod, PassportStrategy } from "../src/auth/auth-method.js";
import { checkText, optionError } from "../src/shared/check.js";
import { FROM_PASSPORT } from "./passport/from-passport-options.js";
import type { FromPassportOptions } from "./passport/from-passport-options.js";
import { commonMembers } from "./shared/check-options.js";
import { isStrategy } from "./shared/is-strategy.js";

export type { FromPassportOptions } from "./passport/from-passport-options.js";
export type { CommonAuthOptions } from "./shared/check-options.js";
export type * from "./shared/method-types.js";

export { isStrategy };

const PATH = "fromPassport options";

/**
 * Any Passport strategy as an authentication method. What the strategy's answers come to is in
 * the table at {@link AuthMethod}; sessions, redirects and `req.logIn` play no part.
 *
 * @example
 * ```ts
 * const auth = fromPassport(passportStrategy, {
 *   principal: (user) => ({ id: (user as { name: string }).name }),
 * });
 * ```
 *
 * @throws TypeError for a wrong option; it says which, and what to write instead.
 */
export function fromPassport(strategy: PassportStrategy, options: FromPassportOptions): AuthMethod {
  if (!isStrategy(strategy)) {
    throw optionError(
      "fromPassport's first argument",
      "must be a Passport strategy",
      "It has a method authenticate(req). Pass an instance: new BasicStrategy(…).",
    );
  }
  const settings = FROM_PASSPORT.read(PATH, options);
  const { challenge, findCredential, searched, requestHeaders } = settings;
  return {
    name: settings.name ?? nameOf(strategy),
    strategies: [strategy],
    principal: (user, info) => options.principal(user, info),
    ...(settings.remember && { revision: () => "remembered" }),
    ...(challenge !== undefined && { challenge }),
    ...(findCredential !== undefined && { findCredential: (req) => findCredential(req) }),
    ...(searched !== undefined && { searched }),
    ...(requestHeaders !== undefined && { requestHeaders }),
    ...commonMembers(settings),
  };
}

function nameOf({ name }: PassportStrategy): string {
  const option = `${PATH}.name`;
  if (name !== undefined) return checkText(option, name);
  throw optionError(option, "is missing, and the strategy has no name of its own", "Write one.");
}
