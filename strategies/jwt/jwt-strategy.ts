import type { KeyHeader } from "./key-header.js";
import type { KeyObject } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { mayAsk } from "../../src/auth/asking.js";
import { findBearer, MAX_CREDENTIAL_LENGTH } from "../../src/auth/auth-method.js";
import type { PassportStrategy } from "../../src/auth/auth-method.js";
import { McpSseError } from "../../src/shared/errors.js";
import packages from "../../src/shared/packages.cjs";
import { expired, invalidToken, unavailable } from "../shared/credential-errors.js";
import { principalOfClaims } from "../shared/token-claims.js";
import type { TokenClaims } from "../shared/token-claims.js";
import { readPart } from "../shared/unverified-token.js";
import { translateFailures } from "../shared/translate-failures.js";

/** What is known of a token before its key is looked for. */
export interface TokenHeader extends KeyHeader {
  /** What kind of token it says it is; anything at all. */
  readonly typ: unknown;
}

/**
 * Finds the key for a token that is well-formed and names an allowed algorithm.
 *
 * What it throws or rejects with: `invalid_token` when there is no such key,
 * `temporarily_unavailable` when nobody can tell. Everything else counts as the latter.
 */
export type KeySource = (
  header: TokenHeader,
  token: string,
  /** Whether the issuer may be asked for a key that is not known. */
  mayAsk: boolean,
) => KeyObject | Promise<KeyObject>;

/** What a token must satisfy. */
export interface JwtRules {
  readonly keys: KeySource;
  /** Allowed values of `alg`; never empty, never `none`. */
  readonly algorithms: readonly string[];
  /** Allowed values of `iss`; `undefined` allows any. */
  readonly issuer: readonly string[] | undefined;
  /** `aud` must name one of these; `undefined` allows any. */
  readonly audience: readonly string[] | undefined;
  /** Seconds by which the clocks of issuer and server may differ. */
  readonly clockTolerance: number;
  /** Whether a token without `exp` is refused. */
  readonly requireExp: boolean;
  /**
   * Checks the claims of a token that satisfies everything above. A throw of
   * `new McpSseError("invalid_token", …)` refuses it; any other throw is answered with 503.
   */
  readonly accept?: (claims: TokenClaims) => void;
}

/**
 * The strategy that verifies bearer tokens with passport-jwt. It succeeds with the
 * `PrincipalInit` of the token's claims, and fails with `McpSseError`s whose messages tell the
 * reasons apart and name no value of the token.
 */
export function createJwtStrategy(rules: JwtRules): PassportStrategy {
  const { Strategy } = packages.passportJwt() as PassportJwt;
  const strategy = new Strategy(
    {
      jwtFromRequest: (req) => findBearer(req)?.text ?? null,
      secretOrKeyProvider: keyProvider(rules),
      algorithms: rules.algorithms,
      issuer: rules.issuer,
      audience: rules.audience,
      jsonWebTokenOptions: { clockTolerance: rules.clockTolerance },
      passReqToCallback: true,
    },
    (req, payload, done) => {
      const problem = claimsProblem(payload, rules);
      if (problem !== undefined) done(null, false, problem);
      else done(null, principalOfClaims(payload as TokenClaims, findBearer(req)?.text ?? ""));
    },
  );
  return translateFailures(strategy, asMcpSseError);
}

/** As much of passport-jwt as is used here; its own types know no `KeyObject`. */
interface PassportJwt {
  readonly Strategy: new (options: PassportJwtOptions, verify: Verify) => PassportStrategy;
}

interface PassportJwtOptions {
  readonly jwtFromRequest: (req: IncomingMessage) => string | null;
  readonly secretOrKeyProvider: KeyProvider;
  readonly algorithms: readonly string[];
  readonly issuer: readonly string[] | undefined;
  readonly audience: readonly string[] | undefined;
  readonly jsonWebTokenOptions: { readonly clockTolerance: number };
  readonly passReqToCallback: true;
}

type Verify = (
  req: IncomingMessage,
  payload: unknown,
  done: (error: unknown, user?: unknown, info?: unknown) => void,
) => void;

type KeyProvider = (
  req: IncomingMessage,
  token: string,
  done: (error: unknown, key?: KeyObject) => void,
) => void;

/** Nothing is waited for when the key is at hand: most tokens are verified within one call. */
function keyProvider({ keys, algorithms }: JwtRules): KeyProvider {
  return (req, token, done) => {
    const verifyWith = (key: KeyObject): void => {
      try {
        done(null, key);
      } catch {
        // jsonwebtoken throws on some payloads that are no object, such as null.
        done(invalidToken("the token is malformed"));
      }
    };
    const giveUp = (error: unknown): void => done(asKeyError(error));
    try {
      const key = keys(readHeader(token, algorithms), token, mayAsk(req));
      if (key instanceof Promise) key.then(verifyWith, giveUp);
      else verifyWith(key);
    } catch (error) {
      giveUp(error);
    }
  };
}

const COMPACT_JWS = /^[\w-]+\.[\w-]+\.[\w-]*$/;

/**
 * The header of a token, once it is clear that looking for its key is worth while.
 *
 * Security decision: all of this is checked before any key is looked for, so that neither an
 * opaque credential nor a token that could never be accepted makes us call an issuer.
 *
 * @see RFC 7515, sections 4.1 and 7.1; RFC 8725, section 3.1
 */
function readHeader(token: string, algorithms: readonly string[]): TokenHeader {
  if (token.length > MAX_CREDENTIAL_LENGTH) throw invalidToken("the token is too long");
  if (!COMPACT_JWS.test(token)) throw invalidToken("the token is malformed");
  const header = readPart(token.slice(0, token.indexOf(".")));
  if (header === undefined) throw invalidToken("the token is malformed");
  const { alg, kid, typ, crit } = header;
  if (typeof alg !== "string" || !algorithms.includes(alg)) {
    throw invalidToken("the token's algorithm is not allowed");
  }
  if (token.endsWith(".")) throw invalidToken("the token is not signed");
  // Whatever `crit` names must be understood, and no extension is understood here.
  if (crit !== undefined) throw invalidToken("the token needs an extension that is not supported");
  if (kid !== undefined && typeof kid !== "string") throw invalidToken("the token is malformed");
  return { alg, kid, typ };
}

/** What is wrong with the claims of a token that is otherwise good. */
function claimsProblem(payload: unknown, rules: JwtRules): McpSseError | undefined {
  try {
    checkClaims(payload, rules);
    return undefined;
  } catch (error) {
    if (error instanceof McpSseError) return error;
    throw error;
  }
}

function checkClaims(payload: unknown, { requireExp, accept }: JwtRules): void {
  if (typeof payload !== "object" || payload === null || Array.isArray(payload)) {
    throw invalidToken("the token is malformed");
  }
  const claims = payload as TokenClaims;
  const { exp } = claims as { exp?: unknown };
  if (exp === undefined && requireExp) throw invalidToken("the token has no expiry");
  // A number too large for JSON reads as infinity: a token that never ends.
  if (exp !== undefined && !Number.isFinite(exp))
    throw invalidToken("the token's expiry is malformed");
  accept?.(claims);
}

/** The reasons of jsonwebtoken, by how their messages begin; the rest of them may hold values. */
const REASONS: readonly (readonly [beginning: string, reason: string])[] = [
  ["jwt expired", "the token has expired"],
  ["jwt not active", "the token is not valid yet"],
  ["jwt issuer invalid", "the token's issuer is not accepted"],
  ["jwt audience invalid", "the token is not meant for this server"],
  ["invalid signature", "the token's signature is wrong"],
  ["invalid exp value", "the token's expiry is malformed"],
  ["invalid nbf value", "the token's start is malformed"],
  ["No auth token", "the token is empty"],
  ["jwt malformed", "the token is malformed"],
  ["invalid token", "the token is malformed"],
];

/** passport-jwt fails with the errors of jsonwebtoken as they are. */
function asMcpSseError(info: unknown): McpSseError {
  if (info instanceof McpSseError) return info;
  const message = info instanceof Error ? info.message : "";
  const known = REASONS.find(([beginning]) => message.startsWith(beginning));
  const [, reason = "the token's signature cannot be verified"] = known ?? [];
  // Its signature was verified before its expiry was looked at.
  const isExpired = reason === "the token has expired";
  return isExpired ? expired(reason) : invalidToken(reason);
}

function asKeyError(error: unknown): McpSseError {
  if (error instanceof McpSseError) return error;
  return unavailable("the key of the token cannot be looked up", error);
}
