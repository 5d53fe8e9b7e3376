import type { KeyObject } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { inspect } from "node:util";
import type { AuthEndpoints } from "../../src/auth/auth-method.js";
import { McpSseError } from "../../src/shared/errors.js";
import type { UpstreamToken } from "../../src/shared/upstream-token.js";
import type { TokenHeader } from "../jwt/jwt-strategy.js";
import packages from "../../src/shared/packages.cjs";
import { lazily } from "../shared/lazily.js";
import type { TokenClaims } from "../shared/token-claims.js";
import { OwnTokens } from "./own-tokens.js";
import type { Login } from "./sign-in/storage/login.js";
import { CLIENT_AUTH_METHODS, PREFIX, ROUTES } from "./sign-in-routes.js";
import type { Logins } from "./sign-in/storage/records.js";
import type { SealedStorage } from "./sign-in/storage/seal.js";
import type { SignInParts } from "./sign-in/sign-in-parts.js";

/** What is loaded of a sign-in when it is first needed. */
export interface LoadedSignIn {
  readonly logins: Pick<Logins, "find" | "endFor">;
  readonly records: Pick<SealedStorage, "get">;
  /** The identity provider's tokens. */
  readonly upstream: { token(login: string): Promise<UpstreamToken> };
  keyFor(header: TokenHeader, token: string, tokens: OwnTokens): Promise<KeyObject>;
  handle(req: IncomingMessage, res: ServerResponse, path: string): Promise<void>;
}

/** What clients may ask for where callers need no scope: a grant without any would permit nothing. */
const DEFAULT_SCOPE = "mcp";

/**
 * The authorization server in front of an identity provider: issues tokens to MCP clients, has
 * people sign in at the provider, and verifies its own tokens.
 *
 * The engine is loaded, and the keys are read, when they are first needed; a failure to do so is
 * tried again with the next request.
 */
export class SignIn implements AuthEndpoints {
  readonly prefix = PREFIX;
  readonly #parts: SignInParts;
  readonly #tokens: OwnTokens;
  readonly #ready: () => Promise<LoadedSignIn>;

  /**
   * @param load makes the server that does the work, when it is first needed.
   * @throws Error when oidc-provider or passport-oauth2 is not installed; it says what to install.
   */
  constructor(parts: SignInParts, load: (parts: SignInParts) => Promise<LoadedSignIn>) {
    packages.findOidcProvider();
    if (parts.settings.login.kind === "provider") packages.passportOAuth2();
    const { settings, scopes, clockTolerance } = parts;
    this.#parts = { ...parts, scopes: scopes.length > 0 ? scopes : [DEFAULT_SCOPE] };
    this.#tokens = new OwnTokens({
      issuer: settings.issuer,
      resource: settings.resource,
      clockTolerance,
    });
    this.#ready = lazily(() => readyServer(load, this.#parts));
  }

  get issuer(): string {
    return this.#parts.settings.issuer;
  }

  /** @see RFC 8414, section 2; OpenID Connect Discovery 1.0, section 3 */
  metadata(): Readonly<Record<string, unknown>> {
    const { issuer } = this;
    const { scopes } = this.#parts;
    return {
      issuer,
      authorization_endpoint: `${issuer}${ROUTES.authorize}`,
      token_endpoint: `${issuer}${ROUTES.token}`,
      registration_endpoint: `${issuer}${ROUTES.register}`,
      revocation_endpoint: `${issuer}${ROUTES.revoke}`,
      jwks_uri: `${issuer}${ROUTES.jwks}`,
      scopes_supported: scopes,
      response_types_supported: ["code"],
      response_modes_supported: ["query"],
      grant_types_supported: ["authorization_code", "refresh_token"],
      token_endpoint_auth_methods_supported: CLIENT_AUTH_METHODS,
      revocation_endpoint_auth_methods_supported: CLIENT_AUTH_METHODS,
      token_endpoint_auth_signing_alg_values_supported: ["ES256", "RS256", "PS256", "EdDSA"],
      code_challenge_methods_supported: ["S256"],
      authorization_response_iss_parameter_supported: true,
      client_id_metadata_document_supported: true,
      // Demanded of whoever answers at the OpenID Connect path; no ID tokens are issued.
      subject_types_supported: ["public"],
      id_token_signing_alg_values_supported: ["ES256"],
    };
  }

  takesForeignForms(path: string): boolean {
    return this.#parts.settings.login.kind === "strategy" && path === ROUTES.callback;
  }

  async handle(req: IncomingMessage, res: ServerResponse, path: string): Promise<void> {
    const server = await this.#ready();
    await server.handle(req, res, path);
  }

  /** Loads the engine and the keys. */
  async start(): Promise<void> {
    await this.#ready();
  }

  /** Finishes what the storage is writing. */
  async stop(): Promise<void> {
    await this.#parts.settings.storage.close?.();
  }

  /** Whether a token says that it was issued here. */
  isOurs(token: string): boolean {
    return this.#tokens.isOurs(token);
  }

  /** The key for a token of ours. */
  async keyFor(header: TokenHeader, token: string): Promise<KeyObject> {
    const server = await this.#ready();
    return await server.keyFor(header, token, this.#tokens);
  }

  /** Checks the claims of a token of ours whose signature is good. */
  check(claims: TokenClaims): void {
    this.#tokens.check(claims);
  }

  /** The login behind a token of ours. @throws McpSseError `invalid_token` when it was revoked. */
  async loginOf(claims: TokenClaims): Promise<Login> {
    const server = await this.#ready();
    return await this.#tokens.loginOf(claims, server.logins, server.records);
  }

  /** The provider's token for a caller with these claims. */
  async upstream(claims: TokenClaims): Promise<UpstreamToken> {
    const server = await this.#ready();
    await this.loginOf(claims);
    return await server.upstream.token(String(claims["sid"]));
  }

  /** Ends every login of a person, and with them everything that clients got. */
  async endFor(person: string): Promise<void> {
    const server = await this.#ready();
    await server.logins.endFor(person);
    const { reports } = this.#parts;
    reports.signedIn({ event: "revoked", person, issuer: this.issuer, clientId: undefined });
  }

  /** Shows nothing of the keys and tokens inside. */
  [inspect.custom](): string {
    return `SignIn { issuer: ${JSON.stringify(this.issuer)} }`;
  }

  toJSON(): object {
    return { issuer: this.issuer };
  }
}

/** @throws McpSseError `temporarily_unavailable` while the engine or the keys cannot be loaded. */
async function readyServer(
  load: (parts: SignInParts) => Promise<LoadedSignIn>,
  parts: SignInParts,
): Promise<LoadedSignIn> {
  try {
    return await load(parts);
  } catch (cause) {
    throw new McpSseError("temporarily_unavailable", "the sign-in is not ready", { cause });
  }
}
