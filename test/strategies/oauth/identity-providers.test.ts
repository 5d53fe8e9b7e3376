import { cleanUpAfterEach } from "../../kit/clean-up.js";
import type { FakeIssuer } from "../../kit/fake-issuer.js";
import type { OAuthOptions } from "../../../strategies/oauth.js";
import {
  fakeIssuer,
  get,
  opaqueOf,
  serveOAuth,
  tokenOf,
  verdict,
  who,
} from "../../kit/resource-server.js";
import { now } from "../../kit/tokens.js";

cleanUpAfterEach();

let issuer: FakeIssuer;
beforeEach(async () => {
  issuer = await fakeIssuer();
});

/** What an identity provider's tokens look like, and what to configure for them. */
interface IdentityProvider {
  readonly name: string;
  /** Claims of an access token for a user, beside `iss`, `iat` and `exp`. */
  readonly accessToken: Record<string, unknown>;
  readonly header?: Record<string, unknown>;
  readonly isOpaque?: boolean;
  readonly options: Partial<OAuthOptions>;
  readonly principal: { id: string; clientId?: string; scopes: string[] };
  /** Claims of an ID token of the same login. */
  readonly idToken?: Record<string, unknown>;
}

const TENANT = "7f9b1c1e-0d8e-4b0a-9c39-1d1b0f3f7a10";
const API = "c44b4083-3bb0-49c1-b47d-974e53cbdf3c";
const APP = "6731de76-14a6-49ae-97bc-6eba6914391e";

const providers: readonly IdentityProvider[] = [
  {
    name: "Auth0",
    accessToken: {
      sub: "auth0|5f7c8ec7",
      aud: ["https://mcp.example.com/", "https://example.eu.auth0.com/userinfo"],
      azp: "my-app",
      scope: "openid profile mcp:read",
      permissions: ["mcp:write"],
    },
    header: { typ: "JWT" },
    options: { audience: "https://mcp.example.com/", scopes: ["mcp:read", "mcp:write"] },
    principal: {
      id: "auth0|5f7c8ec7",
      clientId: "my-app",
      scopes: ["openid", "profile", "mcp:read", "mcp:write"],
    },
    idToken: { sub: "auth0|5f7c8ec7", aud: "my-app", nickname: "alice", sid: "s" },
  },
  {
    name: "Entra ID, tokens of version 2",
    accessToken: {
      ...{ sub: "AAAAAAAA", oid: "o", tid: TENANT, ver: "2.0" },
      ...{ aud: API, azp: APP, azpacr: "0", scp: "Mcp.Read Mcp.Write", uti: "u" },
    },
    header: { typ: "JWT" },
    options: { audience: API, clientId: API, scopes: ["Mcp.Read"] },
    principal: { id: "AAAAAAAA", clientId: APP, scopes: ["Mcp.Read", "Mcp.Write"] },
    idToken: { sub: "AAAAAAAA", oid: "o", tid: TENANT, ver: "2.0", aud: API, name: "Alice" },
  },
  {
    name: "Entra ID, tokens of version 1",
    accessToken: {
      ...{ sub: "AAAAAAAA", oid: "o", tid: TENANT, ver: "1.0" },
      ...{ aud: `api://${API}`, appid: APP, appidacr: "0", scp: "Mcp.Read" },
    },
    header: { typ: "JWT" },
    options: { audience: [API, `api://${API}`], scopes: ["Mcp.Read"] },
    principal: { id: "AAAAAAAA", clientId: APP, scopes: ["Mcp.Read"] },
  },
  {
    name: "Keycloak",
    accessToken: {
      ...{ sub: "f:1", typ: "Bearer", azp: "my-app", sid: "s", acr: "1" },
      ...{ aud: ["mcp-server", "account"], scope: "profile mcp:read" },
      realm_access: { roles: ["user"] },
    },
    header: { typ: "JWT" },
    options: { audience: "mcp-server", scopes: ["mcp:read"] },
    principal: { id: "f:1", clientId: "my-app", scopes: ["profile", "mcp:read"] },
    idToken: { sub: "f:1", typ: "ID", azp: "my-app", aud: "mcp-server", at_hash: "h" },
  },
  {
    name: "Okta, custom authorization server",
    accessToken: {
      ...{ ver: 1, jti: "AT.x", sub: "alice@example.com", uid: "00u1" },
      ...{ aud: "api://default", cid: "0oa1", scp: ["openid", "mcp:read"] },
    },
    header: { typ: undefined },
    options: { audience: "api://default", scopes: ["mcp:read"] },
    principal: { id: "alice@example.com", clientId: "0oa1", scopes: ["openid", "mcp:read"] },
    idToken: { sub: "00u1", aud: "0oa1", at_hash: "h", amr: ["pwd"] },
  },
  {
    name: "Cognito",
    accessToken: {
      ...{ sub: "aaaa-bbbb", token_use: "access", version: 2, username: "alice" },
      ...{ client_id: "4jfo1", scope: "mcp/read openid", "cognito:groups": ["users"] },
    },
    header: { typ: undefined },
    options: { audienceClaim: "client_id", audience: ["4jfo1"], scopes: ["mcp/read"] },
    principal: { id: "aaaa-bbbb", clientId: "4jfo1", scopes: ["mcp/read", "openid"] },
    idToken: { sub: "aaaa-bbbb", token_use: "id", aud: "4jfo1", client_id: "4jfo1" },
  },
  {
    name: "an opaque token with introspection, as Ory Hydra answers",
    accessToken: {
      ...{ sub: "alice", client_id: "my-app", scope: "mcp:read", aud: ["https://mcp.example.com"] },
      ...{ token_type: "Bearer", token_use: "access_token", ext: {} },
    },
    isOpaque: true,
    options: { audience: "https://mcp.example.com", scopes: ["mcp:read"] },
    principal: { id: "alice", clientId: "my-app", scopes: ["mcp:read"] },
  },
];

describe.each(providers)(
  "$name",
  ({ accessToken, header, isOpaque, options, principal, idToken }) => {
    it("OAUTH-16: its access tokens become principals", async () => {
      const served = await serveOAuth(issuer, options);
      const token =
        isOpaque === true
          ? opaqueOf(issuer, accessToken)
          : await tokenOf(issuer, { aud: undefined, ...accessToken }, { header: header ?? {} });

      const found = await who(served, token);

      expect(found).toMatchObject({ ...principal, method: "oauth", issuer: issuer.url });
      expect(found["claims"]).toMatchObject(JSON.parse(JSON.stringify(accessToken)) as object);
    });

    it("OAUTH-8: its access tokens for another service are refused", async () => {
      const served = await serveOAuth(issuer, { ...options, audience: "https://other.example" });
      const token =
        isOpaque === true
          ? opaqueOf(issuer, accessToken)
          : await tokenOf(issuer, { aud: undefined, ...accessToken }, { header: header ?? {} });

      expect(verdict(await get(served, token))).toBe(
        "401 invalid_token the token is not meant for this server",
      );
    });

    if (idToken === undefined) return;
    it("OAUTH-11: its ID tokens are refused", async () => {
      const { scopes, ...lax } = options;
      const served = await serveOAuth(issuer, lax);
      const token = await tokenOf(
        issuer,
        { aud: undefined, iat: now(), ...idToken },
        { header: { typ: "JWT" } },
      );

      expect(verdict(await get(served, token))).toMatch(
        /^401 invalid_token (?:that is no access token|the token is not meant for this server)$/,
      );
    });
  },
);

describe("an issuer whose address contains a slash too many, or too few", () => {
  it.each(["", "/"])("OAUTH-1: is found with %j at the end, as with Auth0", async (slash) => {
    issuer.metadata = { issuer: `${issuer.url}/` };
    const served = await serveOAuth({ url: issuer.url + slash });

    expect((await get(served, await tokenOf(issuer, { iss: `${issuer.url}/` }))).status).toBe(200);
  });
});
