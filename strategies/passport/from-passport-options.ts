import type { IncomingMessage } from "node:http";
import type { Challenge, FoundCredential } from "../../src/auth/auth-method.js";
import type { PrincipalInit } from "../../src/auth/principal.js";
import { optionError } from "../../src/shared/check.js";
import { TOKEN } from "../../src/shared/http-syntax.js";
import * as opt from "../../src/shared/option.js";
import { COMMON_OPTIONS } from "../shared/check-options.js";
import type { CommonAuthOptions } from "../shared/check-options.js";

/** How a Passport strategy becomes an authentication method. */
export interface FromPassportOptions extends CommonAuthOptions {
  /**
   * Who the caller is, given what the strategy succeeded with. Runs once for each request that the
   * strategy accepted.
   *
   * `id` must tell any two callers apart and stay the same for each: it decides whose a session is.
   * Logs show it, so it must not be the credential. A throw, a rejection, or a principal without an
   * id is answered with 503.
   */
  principal(user: unknown, info: unknown): PrincipalInit | Promise<PrincipalInit>;
  /** Becomes `principal.method`. Default: the strategy's own name. */
  readonly name?: string;
  /**
   * The challenge of a 401, as it stands in the header or in parts: `'Basic realm="staff"'`.
   * Name it when several methods are offered, so that each answer names all of them. Default: the
   * one that the strategy fails with, if any.
   *
   * @see RFC 9110, section 11.6.1
   */
  readonly challenge?: string | Challenge;
  /**
   * The credential that the strategy would check; must not throw. Lets answers tell "no
   * credential" from "a bad one" where it does not stand in `Authorization`.
   *
   * Default: unknown; the strategy always runs, and a failure counts as "no credential" unless
   * the request has an `Authorization` header.
   */
  readonly findCredential?: (req: IncomingMessage) => FoundCredential | undefined;
  /**
   * Whether a success counts for the next POSTs of the session too, for
   * `advanced.revalidateAfterMs`, as long as they carry the same credential: the one that
   * `findCredential` finds, else all headers, on the same connection. What middleware of yours puts
   * on the request does not count. A revocation then counts after that time. Default: false, so
   * that the strategy checks every request.
   */
  readonly remember?: boolean;
  /** Where callers are to put the credential, in words, for 401 bodies and logs. Default: unknown. */
  readonly searched?: string | readonly string[];
  /** Request headers that browsers must be allowed to send, beside `Authorization`. Default: none. */
  readonly requestHeaders?: string | readonly string[];
}

/** {@link FromPassportOptions}. */
export const FROM_PASSPORT = opt.objectOf({
  principal: opt.callback<FromPassportOptions["principal"]>("Write (user) => ({ id: user.id })."),
  name: opt.optional(opt.text()),
  challenge: opt.optional(opt.custom("text, or `{ scheme, params }`", readChallenge)),
  findCredential: opt.optional(
    opt.callback<NonNullable<FromPassportOptions["findCredential"]>>("It takes the request."),
  ),
  remember: opt.flag(false),
  searched: opt.texts(),
  requestHeaders: opt.texts(),
  ...COMMON_OPTIONS,
} satisfies opt.Declares<FromPassportOptions>);

const SCHEME = new RegExp(`^${TOKEN}`);

const PARAMETER = new RegExp(String.raw`^\s*(${TOKEN})="([^"\\\r\n]*)"\s*(?:,|$)`);

/** A challenge in parts, from its text if need be. @see RFC 9110, section 11.6.1 */
function readChallenge(option: string, value: unknown): Challenge {
  const text = typeof value === "string" ? value : (value as Partial<Challenge> | null)?.scheme;
  const scheme = SCHEME.exec(text ?? "")?.[0];
  if (typeof text !== "string" || scheme === undefined) throw challengeError(option);
  if (typeof value !== "string") {
    if (scheme !== text) throw challengeError(option);
    return value as Challenge;
  }
  return { scheme, params: readParameters(option, text.slice(scheme.length)) };
}

function readParameters(option: string, text: string): Record<string, string> {
  const params = new Map<string, string>();
  let rest = text;
  while (rest.trim() !== "") {
    const match = PARAMETER.exec(rest);
    if (match === null) throw challengeError(option);
    params.set(match[1] ?? "", match[2] ?? "");
    rest = rest.slice(match[0].length);
  }
  return Object.fromEntries(params);
}

function challengeError(option: string): TypeError {
  return optionError(option, "is no challenge", "Write it as 'Basic realm=\"staff\"'.");
}
