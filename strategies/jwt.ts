/**
 * Authentication by signed tokens alone: what `auth: { type: "jwt" }` builds.
 *
 * @module express-mcp-sse/strategies/jwt
 */

import { findBearer } from "../src/auth/auth-method.js";
import type { AuthMethod } from "../src/auth/auth-method.js";
import type { PrincipalInit } from "../src/auth/principal.js";
import { checkText, optionError } from "../src/shared/check.js";
import { commonMembers } from "./shared/check-options.js";
import { IssuerKeys } from "./jwt/issuer-keys.js";
import { JWT, KEY_OPTIONS } from "./jwt/jwt-options.js";
import type { JwtOptions, KeyOption } from "./jwt/jwt-options.js";
import { createJwtStrategy } from "./jwt/jwt-strategy.js";
import type { KeySource } from "./jwt/jwt-strategy.js";
import {
  PUBLIC_KEY_ALGORITHMS,
  readPublicKey,
  readSecret,
  SECRET_ALGORITHMS,
  secretWarning,
} from "./jwt/key-material.js";
import { MethodReports } from "./shared/method-reports.js";
import { checkTokenKind, checkTokenType } from "./shared/token-kind.js";

export type {
  JwtClaimOptions,
  JwtJwksOptions,
  JwtOptions,
  JwtPublicKeyOptions,
  JwtSecretOptions,
} from "./jwt/jwt-options.js";
export type { PublicKeyAlgorithm, SecretAlgorithm } from "./jwt/key-material.js";
export type { CommonAuthOptions } from "./shared/check-options.js";
export type * from "./shared/method-types.js";

/**
 * Lets callers in who send a signed token as `Authorization: Bearer`.
 *
 * @example
 * ```ts
 * const auth = jwt({
 *   jwksUri: "https://login.example.com/.well-known/jwks.json",
 *   issuer: "https://login.example.com",
 *   audience: "https://api.example.com/mcp/sse",
 *   algorithms: ["RS256"],
 * });
 * ```
 *
 * @param path How error messages call the options.
 * @throws TypeError for a wrong option; it says which, and what to write instead.
 * @see RFC 7519; RFC 6750, section 2.1; RFC 8725
 */
export function jwt(options: JwtOptions, path = "auth.options"): AuthMethod {
  const settings = JWT.read(path, options);
  const { issuer, audience, requireExp } = settings;
  const keyOption = chooseKey(options, path);
  const algorithms = checkAlgorithms(settings.algorithms, keyOption, path);
  const reports = new MethodReports();
  const { keys, warning } = readKey(keyOption, settings[keyOption], { algorithms, path, reports });
  const strategy = createJwtStrategy({
    keys: (header, token, mayAsk) => {
      checkTokenType(header.typ);
      return keys(header, token, mayAsk);
    },
    accept: checkTokenKind,
    algorithms,
    issuer,
    audience,
    clockTolerance: settings.clockTolerance,
    requireExp,
  });
  return {
    name: "jwt",
    ...(issuer !== undefined && { issuers: issuer }),
    strategies: [strategy],
    principal: (user) => user as PrincipalInit,
    findCredential: findBearer,
    challenge: { scheme: "Bearer" },
    searched: ["Authorization: Bearer"],
    exposesToken: true,
    credentialDecides: true,
    // A token says itself how long it counts.
    revision: () => "signed",
    clockTolerance: settings.clockTolerance,
    observe: reports.observe,
    warnings: [warning, audienceWarning(keyOption, audience, path)].filter(isText),
    ...commonMembers(settings),
  };
}

/** Exactly one kind of key; the documented examples decide this where its table says otherwise. */
function chooseKey(options: JwtOptions, path: string): KeyOption {
  const given = KEY_OPTIONS.filter((name) => options[name] !== undefined);
  const [first, second] = given;
  if (first === undefined) {
    const unset = KEY_OPTIONS.find((name) => name in options);
    if (unset !== undefined) checkText(`${path}.${unset}`, undefined);
    throw optionError(path, "has no key", `Write one of: ${KEY_OPTIONS.join(", ")}.`);
  }
  if (second !== undefined) {
    throw optionError(
      path,
      `has more than one key: ${given.join(" and ")}`,
      "Keep one. For tokens of several issuers, write auth as a list of methods.",
    );
  }
  return first;
}

/**
 * Security decision: the kind of key settles the family of algorithms. If a public key could be
 * used for HMAC, everyone who knows it could sign tokens. @see RFC 8725, sections 2.1 and 3.1
 */
function checkAlgorithms(value: unknown, keyOption: KeyOption, path: string): readonly string[] {
  const option = `${path}.algorithms`;
  const allowed: readonly string[] =
    keyOption === "secret" ? SECRET_ALGORITHMS : PUBLIC_KEY_ALGORITHMS;
  if (!Array.isArray(value) || value.length === 0) {
    throw optionError(
      option,
      "must name the accepted algorithms",
      `Write ["${allowed[0] ?? ""}"].`,
    );
  }
  for (const name of value as unknown[]) {
    if (typeof name === "string" && allowed.includes(name)) continue;
    throw optionError(
      option,
      `must be of those that go with ${keyOption}`,
      `Write one or more of: ${allowed.join(", ")}.`,
    );
  }
  return [...(value as string[])];
}

function readKey(
  keyOption: KeyOption,
  value: unknown,
  {
    algorithms,
    path,
    reports,
  }: {
    readonly algorithms: readonly string[];
    readonly path: string;
    readonly reports: MethodReports;
  },
): { keys: KeySource; warning?: string | undefined } {
  const option = `${path}.${keyOption}`;
  switch (keyOption) {
    case "secret": {
      const key = readSecret(option, value);
      return { keys: () => key, warning: secretWarning(option, key, algorithms) };
    }
    case "publicKey": {
      const key = readPublicKey(option, value, algorithms);
      return { keys: () => key };
    }
    case "jwksUri": {
      const issuerKeys = new IssuerKeys(value as string, reports);
      return { keys: (header, _token, mayAsk) => issuerKeys.keyFor(header, mayAsk) };
    }
  }
}

/** Whoever signs with a private key mostly signs for many services. @see RFC 8725, section 3.9 */
function audienceWarning(
  keyOption: KeyOption,
  audience: readonly string[] | undefined,
  path: string,
): string | undefined {
  if (keyOption === "secret" || audience !== undefined) return undefined;
  return `${path}.audience is not set: tokens that the issuer made for other services are accepted`;
}

function isText(value: string | undefined): value is string {
  return value !== undefined;
}
