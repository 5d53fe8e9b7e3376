/** What the types of every method speak of; each public file of `strategies/` exports them beside its own. */
export type {
  AuthEndpoints,
  AuthMethod,
  Challenge,
  FoundCredential,
  MethodObserver,
  PassportStrategy,
  ScopeRule,
  SignInStep,
  UpstreamRequest,
} from "../../src/auth/auth-method.js";
export type { Principal, PrincipalInit } from "../../src/auth/principal.js";
export type { UpstreamToken } from "../../src/shared/upstream-token.js";
