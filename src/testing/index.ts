/**
 * What tests of an application need: its endpoint with the official client, an issuer of tokens with faults as
 * switches, and who may call what. For tests only, on loopback.
 *
 * @module express-mcp-sse/testing
 */
export { connectTestClient } from "./test-client.js";
export type {
  ConnectedTestClient,
  TestClientOptions,
  TestCredential,
  TestEndpoint,
} from "./test-client.js";
export type { TestRouter, TestServer, TestSessions, TestTarget } from "./hosting.js";
export { TestClientError } from "./refusal.js";
export type { TestRefusal } from "./refusal.js";
export type {
  ConnectableClient,
  SdkClient,
  SdkClientV1,
  SdkClientV2,
  TestTransport,
} from "./sdk-client.js";

export { createTestIssuer } from "./test-issuer.js";
export type {
  IssuerOutage,
  IssuerTokenOptions,
  TestIssuer,
  TestIssuerOptions,
  TestJwt,
  TestOAuth,
} from "./test-issuer.js";
export { signToken } from "./sign-token.js";
export type { SecretTokenOptions, TestClaims, TestTokenOptions } from "./sign-token.js";

export type { PublicKeyAlgorithm, SecretAlgorithm } from "../../strategies/jwt.js";

export { accessOf, expectAccess } from "./access.js";
export type { AccessOptions, ExpectedAccess, TestCaller } from "./access.js";
export type { Access, AccessList } from "./access-table.js";
