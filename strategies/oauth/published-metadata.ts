import type { KeyObject } from "node:crypto";
import type { KeyHeader } from "../jwt/key-header.js";

/** What an issuer publishes about itself, as far as it is used here. */
export interface IssuerMetadata {
  /** The issuer exactly as published: the value that `iss` must have. */
  readonly issuer: string;
  /** Where the keys are that tokens are signed with. */
  readonly jwksUri?: string;
  /**
   * Algorithms the issuer signs with, from `id_token_signing_alg_values_supported`: no metadata
   * field names those of access tokens. Absent when the issuer says nothing.
   */
  readonly signingAlgorithms?: readonly string[];
  /** Where to ask about a token. @see RFC 7662, section 2 */
  readonly introspectionEndpoint?: string;
  /** How a client may authenticate there; what the token endpoint takes when nothing else is said. */
  readonly introspectionAuthMethods: readonly string[];
  readonly authorizationEndpoint?: string;
  readonly tokenEndpoint?: string;
  /** How a client may authenticate at the token endpoint. */
  readonly tokenAuthMethods: readonly string[];
  /** Where to ask whose an access token is. @see OpenID Connect Core 1.0, section 5.3 */
  readonly userinfoEndpoint?: string;
  /** Whether authorization responses carry `iss`. @see RFC 9207, section 3 */
  readonly sendsIssuerInResponse: boolean;
}

/** An issuer as its metadata and keys are asked for. */
export interface ProviderIssuer {
  /** @throws McpSseError `temporarily_unavailable` until the issuer has been found once. */
  metadata(): Promise<IssuerMetadata>;
  /** The key that a token with this header must be signed with. */
  publishedKey(header: KeyHeader): Promise<KeyObject>;
}
