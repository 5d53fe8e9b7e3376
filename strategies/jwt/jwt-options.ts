import * as opt from "../../src/shared/option.js";
import { checkKeySetUrl, clockTolerance, COMMON_OPTIONS } from "../shared/check-options.js";
import type { CommonAuthOptions } from "../shared/check-options.js";
import type { PublicKeyAlgorithm, SecretAlgorithm } from "./key-material.js";

/** What every kind of key has in common. */
export interface JwtClaimOptions extends CommonAuthOptions {
  /**
   * Accepted values of `iss`, one or several. Set it: without, whoever holds the key may issue
   * tokens in anyone's name. Default: any. @see RFC 7519, section 4.1.1
   */
  readonly issuer?: string | readonly string[];
  /**
   * Accepted values of `aud`, one or several. Set it: without, a token that was meant for
   * another service of the same issuer is accepted here. Default: any.
   *
   * @see RFC 7519, section 4.1.3; RFC 8725, section 3.9
   */
  readonly audience?: string | readonly string[];
  /**
   * Seconds by which the clocks of issuer and server may differ when `exp` and `nbf` are
   * checked. From 0 to 300. Default: 10.
   */
  readonly clockTolerance?: number;
  /** Whether a token without `exp`, which would be good for ever, is refused. Default: true. */
  readonly requireExp?: boolean;
}

/** Tokens signed with a secret that the issuer and this server share. */
export interface JwtSecretOptions extends JwtClaimOptions {
  /**
   * The shared secret, used as UTF-8 text. At least 32 bytes for HS256, 48 for HS384 and 64 for
   * HS512; a shorter one works, and is reported when the server starts.
   *
   * @see RFC 7518, section 3.2
   */
  readonly secret: string;
  /** Accepted signing algorithms; at least one, and the key must fit each. */
  readonly algorithms: readonly SecretAlgorithm[];
  readonly publicKey?: never;
  readonly jwksUri?: never;
}

/** Tokens signed with one private key, whose public half this server knows. */
export interface JwtPublicKeyOptions extends JwtClaimOptions {
  /**
   * The public key as PEM text; line breaks may be written as the two characters `\n`. RSA keys
   * need at least 2048 bits.
   */
  readonly publicKey: string;
  /** Accepted signing algorithms; at least one, and the key must fit each. */
  readonly algorithms: readonly PublicKeyAlgorithm[];
  readonly secret?: never;
  readonly jwksUri?: never;
}

/** Tokens signed with keys that their issuer publishes, and may rotate. */
export interface JwtJwksOptions extends JwtClaimOptions {
  /**
   * Where the issuer publishes its key set: an https URL, or http to loopback. Fetched at the
   * first token, kept for 10 minutes, and used beyond that while the host cannot be reached.
   *
   * @see RFC 7517, section 5
   */
  readonly jwksUri: string;
  /** Accepted signing algorithms; at least one, and the key must fit each. */
  readonly algorithms: readonly PublicKeyAlgorithm[];
  readonly secret?: never;
  readonly publicKey?: never;
}

/** Options of `auth: { type: "jwt" }`: exactly one key, and algorithms that go with it. */
export type JwtOptions = JwtSecretOptions | JwtPublicKeyOptions | JwtJwksOptions;

/** The {@link JwtOptions} that are meant, by the key that is written. */
export type JwtOptionsFor<O> = O extends { publicKey: unknown }
  ? JwtPublicKeyOptions
  : O extends { jwksUri: unknown }
    ? JwtJwksOptions
    : JwtSecretOptions;

/** Exactly one of these is written. */
export const KEY_OPTIONS = ["secret", "publicKey", "jwksUri"] as const;

export type KeyOption = (typeof KEY_OPTIONS)[number];

/** {@link JwtOptions}; the key and its algorithms are checked together. */
export const JWT = opt.objectOf({
  secret: opt.unchecked("text"),
  publicKey: opt.unchecked("PEM text"),
  jwksUri: { ...opt.optional(opt.checked(opt.text(), checkKeySetUrl)), type: "https URL" },
  algorithms: opt.unchecked("list of names"),
  issuer: opt.neverUnset(opt.texts()),
  audience: opt.neverUnset(opt.texts()),
  clockTolerance,
  requireExp: opt.flag(true),
  ...COMMON_OPTIONS,
} satisfies opt.Declares<JwtOptions>);
