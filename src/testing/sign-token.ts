import { createSecretKey } from "node:crypto";
import type { KeyObject } from "node:crypto";
import jsonwebtoken from "jsonwebtoken";
import type { PublicKeyAlgorithm, SecretAlgorithm } from "../../strategies/jwt/key-material.js";

/** What a token says. `undefined` takes a claim away that it would have. */
export interface TestClaims {
  /** Whose it is. Default: `"test-user"`. */
  readonly sub?: string | undefined;
  /** Scopes, separated by spaces. Default: none. */
  readonly scope?: string | undefined;
  readonly [name: string]: unknown;
}

/** How a token is made, whoever signs it. */
export interface TestTokenOptions {
  /** Seconds until it expires; below 0 it has expired that long ago. Default: 300 (5 minutes). */
  readonly expiresIn?: number;
  /** Claim `aud`. Default: the test issuer's; with a secret, none. */
  readonly audience?: string | readonly string[];
  /** Fields of the header, over those that it has. Default: none. */
  readonly header?: Readonly<Record<string, unknown>>;
}

/** Options of {@link signToken}. */
export interface SecretTokenOptions extends TestTokenOptions {
  /** Default: `"HS256"`. */
  readonly algorithm?: SecretAlgorithm;
}

/**
 * Signs a token with a shared secret, for `auth: { type: "jwt", options: { secret, … } }`.
 *
 * @example
 * ```ts
 * const secret = randomBytes(32).toString("hex");
 * const auth = { type: "jwt", options: { secret, algorithms: ["HS256"] } } as const;
 * const token = signToken(secret, { sub: "ada", scope: "notes:read" });
 * ```
 *
 * @param secret the one in the configuration of the app under test.
 */
export function signToken(
  secret: string,
  claims: TestClaims = {},
  { algorithm = "HS256", ...options }: SecretTokenOptions = {},
): string {
  // A text would be tried as a private key first.
  return sign(createSecretKey(secret, "utf8"), algorithm, claims, options);
}

const LIFETIME_SECONDS = 300;

/** Signs claims, with the times that they do not have. */
export function sign(
  key: KeyObject,
  algorithm: SecretAlgorithm | PublicKeyAlgorithm,
  claims: TestClaims,
  { expiresIn = LIFETIME_SECONDS, audience, header = {} }: TestTokenOptions,
): string {
  const now = Math.floor(Date.now() / 1000);
  const exp = now + expiresIn;
  // What has expired was made before.
  const times = { iat: Math.min(now, exp), exp };
  const payload = { sub: "test-user", ...times, aud: audience, ...claims };
  return jsonwebtoken.sign(withoutUndefined(payload), key, {
    algorithm,
    header: { ...withoutUndefined(header), alg: algorithm },
    noTimestamp: true,
  });
}

function withoutUndefined(fields: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
