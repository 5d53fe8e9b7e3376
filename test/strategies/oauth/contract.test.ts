import { authMethodContract } from "../../../strategies/contract.js";
import type { AuthMethodFixture } from "../../../strategies/contract.js";
import { oauth } from "../../../strategies/oauth.js";
import type { OAuthOptions } from "../../../strategies/oauth.js";
import { startFakeIssuer } from "../../kit/fake-issuer.js";
import type { FakeIssuer } from "../../kit/fake-issuer.js";
import { CLIENT, oauthOptions, opaqueOf, tokenOf } from "../../kit/resource-server.js";
import { now } from "../../kit/tokens.js";
import { withToken } from "../../kit/auth-probe.js";

let issuer: FakeIssuer;
let stranger: FakeIssuer;
let later = 0;

beforeAll(async () => {
  [issuer, stranger] = await Promise.all([startFakeIssuer(), startFakeIssuer()]);
  issuer.clients.set(CLIENT.clientId, CLIENT.clientSecret);
});
afterAll(async () => {
  await Promise.all([issuer.stop(), stranger.stop()]);
});
beforeEach(() => {
  const date = Date.now.bind(Date);
  jest.spyOn(Date, "now").mockImplementation(() => date() + later);
});
afterEach(() => jest.restoreAllMocks());

/** The issuer goes away and comes back, and the time passes in which it is not asked again. */
const outage = {
  begin: () => issuer.stop(),
  end: async () => {
    await issuer.start();
    later += 5000;
  },
};

const method = (change: Partial<OAuthOptions>) => () => oauth(oauthOptions(issuer, change));

const withKeys: AuthMethodFixture = {
  create: method({ tokenValidation: "jwt" }),
  heldSecrets: [CLIENT.clientSecret],
  good: async () => withToken(await tokenOf(issuer)),
  refreshed: async () => withToken(await tokenOf(issuer, { exp: now() + 900 })),
  other: async () => withToken(await tokenOf(issuer, { sub: "user-2" })),
  refused: {
    "an expired token": async () => withToken(await tokenOf(issuer, { exp: 1_700_000_000 })),
    "a token for another audience": async () => withToken(await tokenOf(issuer, { aud: "other" })),
    "a token of another issuer": async () => withToken(await tokenOf(stranger)),
    "a token signed with another issuer's key": async () =>
      withToken(await tokenOf(stranger, { iss: issuer.url })),
    "an ID token": async () => withToken(await tokenOf(issuer, { at_hash: "x" })),
    "an opaque token": () => withToken("opaque-access-token"),
  },
  lackingScope: {
    create: method({ tokenValidation: "jwt", scopes: ["mcp:write"] }),
    request: async () => withToken(await tokenOf(issuer, { scope: "mcp:read mcp:writer" })),
  },
  outage,
};

const withIntrospection: AuthMethodFixture = {
  ...withKeys,
  create: method({ tokenValidation: "introspection" }),
  good: () => withToken(opaqueOf(issuer)),
  refreshed: () => withToken(opaqueOf(issuer)),
  other: () => withToken(opaqueOf(issuer, { sub: "user-2" })),
  refused: {
    "an invented token": () => withToken("opaque-access-token"),
    "a revoked token": () => withToken(opaqueOf(issuer, { active: false })),
    "an expired token": () => withToken(opaqueOf(issuer, { exp: 1_700_000_000 })),
    "a token for another audience": () => withToken(opaqueOf(issuer, { aud: "other" })),
    "a refresh token": () => withToken(opaqueOf(issuer, { token_type: "refresh_token" })),
  },
  lackingScope: {
    create: method({ tokenValidation: "introspection", scopes: ["mcp:write"] }),
    request: () => withToken(opaqueOf(issuer, { scope: "mcp:read mcp:writer" })),
  },
};

const withEither: AuthMethodFixture = {
  ...withKeys,
  create: method({}),
  refreshed: () => withToken(opaqueOf(issuer)),
  refused: { ...withIntrospection.refused, ...withKeys.refused },
};

describe.each(
  Object.entries({
    "oauth with keys": withKeys,
    "oauth with introspection": withIntrospection,
    "oauth with either": withEither,
  }),
)("%s", (_name, fixture) => {
  for (const check of authMethodContract(fixture)) test(`OAUTH-7: ${check.name}`, check.run);
});
