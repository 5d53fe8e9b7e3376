import type { AuthMethod, PassportStrategy } from "../src/auth/auth-method.js";
import type { Principal } from "../src/auth/principal.js";
import type { ApiKeyOptions, ApiKeyOptionsFor } from "./apikey/apikey-options.js";
import type { JwtOptions, JwtOptionsFor } from "./jwt/jwt-options.js";
import type {
  OAuthOptions,
  OAuthOptionsFor,
  StrategySignInAuthOptions,
} from "./oauth/options/oauth-options.js";

/** Signed tokens, sent as `Authorization: Bearer`. */
export interface JwtAuth<O extends JwtOptions = JwtOptions> {
  readonly type: "jwt";
  readonly options: O;
}

/** API keys, sent in a header, in the query, or as `Authorization: Bearer`. */
export interface ApiKeyAuth<O extends ApiKeyOptions = ApiKeyOptions> {
  readonly type: "apikey";
  readonly options: O;
}

/** Access tokens of an OAuth 2.1 authorization server, sent as `Authorization: Bearer`. */
export interface OAuthAuth<
  O extends OAuthOptions | StrategySignInAuthOptions = OAuthOptions | StrategySignInAuthOptions,
> {
  readonly type: "oauth";
  readonly options: O;
}

/** A built-in method, by its type and options. */
export type TypedAuth = JwtAuth | ApiKeyAuth | OAuthAuth;

/** One way to be let in. */
export type AuthEntry = TypedAuth | AuthMethod;

/** One way to be let in, or several in order: any of them suffices. */
export type AuthConfig = AuthEntry | readonly AuthEntry[];

/**
 * What `auth` must be, by what is written for it: so that the compiler speaks of the one method that
 * is meant, and editors offer its options and no other's. It is always {@link AuthConfig}, or
 * `false`. A function of yours that takes an `auth` to hand on takes an `AuthConfig`: within a
 * function that is generic in it, nobody knows yet which method is meant.
 *
 * @typeParam W - Type of what is written; `unknown` while a parameter of a function in it has no
 * type, as in `verify: (key) => …`.
 * @typeParam M - What names the method, which is known even then: its type, or the strategies of
 * one that is no built-in. The compiler finds it by the first branch, which is never taken: it
 * infers from all branches of a condition, whether that holds or not.
 */
export type AuthFor<W, M = never> = [M, 0] extends [M, 1]
  ? AuthMark<M> | readonly AuthMark<M>[]
  : unknown extends W
    ? AuthNamedBy<M>
    : W extends false
      ? W
      : W extends readonly (infer E)[]
        ? readonly AuthEntryFor<E>[]
        : AuthEntryFor<W>;

/** Where {@link AuthFor} finds what names the method. */
export type AuthMark<M> = { type: M } | { strategies: M };

/** Of a list `M` names one entry: the others may be anything. */
export type AuthNamedBy<M> = unknown extends M
  ? AuthConfig | false
  : [M] extends [never]
    ? TypedAuth | readonly TypedAuth[]
    : M extends readonly unknown[]
      ? AuthConfig
      : TypedAuth | readonly AuthEntry[];

/** What one method must be, by what is written for it. */
export type AuthEntryFor<W> = W extends PassportStrategy
  ? "Write fromPassport(strategy, { principal: (user) => ({ id: … }) })"
  : W extends AuthMethod
    ? AuthMethod
    : W extends { type: "jwt" }
      ? JwtAuth<JwtOptionsFor<OptionsIn<W>>>
      : W extends { type: "apikey" }
        ? ApiKeyAuth<ApiKeyOptionsFor<OptionsIn<W>>>
        : W extends { type: "oauth" }
          ? OAuthAuth<OAuthOptionsFor<OptionsIn<W>>>
          : W extends { type: TypedAuth["type"] }
            ? TypedAuth
            : TypeAndOptions;

/** What has no type yet, or one that is none: the compiler speaks of just that. */
export interface TypeAndOptions {
  readonly type: TypedAuth["type"];
  readonly options: TypedAuth["options"];
}

/** The options in what is written for a method. */
export type OptionsIn<W> = W extends { options: infer O } ? O : unknown;

/**
 * The type of `session.principal`, by what is written for `auth`; an open endpoint knows nobody.
 * The first condition holds for `any` alone, which a configuration may be that was read: nobody
 * knows what is in it.
 */
export type PrincipalFor<W, M = never> = 0 extends W & 1
  ? Principal | undefined
  : unknown extends W
    ? PrincipalNamedBy<M>
    : W extends false
      ? undefined
      : Principal;

/** Without a name there is no method: `auth` was left out. With any name, it may be `false`. */
export type PrincipalNamedBy<M> = [M] extends [never]
  ? undefined
  : unknown extends M
    ? Principal | undefined
    : Principal;
