import express from "express";
import type { AuthConfig } from "../../../src/index.js";
import type { Credential } from "../../../src/doctor/contract.js";
import type { FakeIssuer } from "../../kit/fake-issuer.js";
import { send } from "../../kit/raw-http.js";
import { AUDIENCE, oauthFor, opaqueOf, tokenOf } from "../../kit/resource-server.js";
import { serveRouter } from "../../kit/serve.js";
import { forgedToken, now, SECRET, secretToken } from "../../kit/tokens.js";
import type { Case, Patient } from "./case.js";
import { serveAt, wholeIssuer } from "./oauth.js";

const KEY = "a-key-that-is-known-0123456789";

const KEYS: AuthConfig = {
  type: "apikey",
  options: {
    keys: [
      { id: "ci", key: KEY },
      { id: "old", key: "a-key-that-has-ended-0123456789", expiresAt: 1_700_000_000 },
    ],
  },
};

const SIGNED: AuthConfig = {
  type: "jwt",
  options: { secret: SECRET, algorithms: ["HS256"], audience: "us", issuer: "https://a.example" },
};

export function bearerOf(value: string): Credential {
  return { kind: "bearer", value };
}

function headerOf(name: string, value: string): Credential {
  return { kind: "header", name, value };
}

/** A router of ours, and what is shown to it. */
function shown(auth: AuthConfig, credential: Credential): Case["serve"] {
  return async () => ({ url: (await serveRouter({ auth })).sseUrl, credential });
}

/** A router before an issuer, with a token that is made there. */
function issued(
  token: (issuer: FakeIssuer) => string | Promise<string>,
  change: Parameters<typeof oauthFor>[1] = {},
): Case["serve"] {
  return async () => {
    const issuer = await wholeIssuer();
    const value = await token(issuer);
    const { sseUrl } = await serveRouter({ auth: oauthFor(issuer, change) });
    return { url: sseUrl, credential: bearerOf(value) };
  };
}

/** A server by hand that says the same to everybody, with an issuer behind it. */
function silent(
  token: (issuer: FakeIssuer, resource: string) => string | Promise<string>,
  clockAheadMs = 0,
): Case["serve"] {
  return async (): Promise<Patient> => {
    const issuer = await wholeIssuer();
    const origin = await serveAt((self) => {
      const app = express();
      app.use((_req, res, next) => {
        res.set("Date", new Date(Date.now() + clockAheadMs).toUTCString());
        next();
      });
      app.get("/.well-known/oauth-protected-resource/mcp", (_req, res) => {
        res.json({ resource: `${self}/mcp`, authorization_servers: [issuer.url] });
      });
      return app.use("/mcp", (_req, res) => {
        res.set("WWW-Authenticate", 'Bearer realm="mcp"').status(401).send("Unauthorized");
      });
    });
    const url = `${origin}/mcp`;
    return { url, credential: bearerOf(await token(issuer, url)) };
  };
}

/** What can be wrong with an API key. */
const KEYS_REFUSED: readonly Case[] = [
  {
    finding: "credential-not-found",
    name: "a key in another header",
    serve: shown(KEYS, headerOf("Api-Key", KEY)),
  },
  {
    finding: "api-key-unknown",
    name: "a key that is not known",
    serve: shown(KEYS, headerOf("X-API-Key", "another-key-0123456789")),
  },
  {
    finding: "api-key-expired",
    name: "a key that has ended",
    serve: shown(KEYS, headerOf("X-API-Key", "a-key-that-has-ended-0123456789")),
  },
  {
    finding: "credential-malformed",
    name: "quotes around the key",
    serve: shown(KEYS, headerOf("X-API-Key", `"${KEY}"`)),
  },
  {
    finding: "credential-malformed",
    name: "a placeholder instead of a key",
    serve: shown(KEYS, headerOf("X-API-Key", "${API_KEY}")),
  },
  {
    finding: "credential-malformed",
    name: "the same key twice",
    serve: shown(KEYS, headerOf("X-API-Key", `${KEY}, ${KEY}`)),
  },
  {
    finding: "credential-malformed",
    name: "the scheme twice",
    serve: shown(KEYS, bearerOf(`Bearer ${KEY}`)),
  },
  {
    finding: "credential-malformed",
    name: "no scheme in front of the key",
    serve: shown(KEYS, headerOf("Authorization", KEY)),
  },
  {
    finding: "credential-refused",
    name: "a server by hand that says why to nobody",
    serve: async () => ({
      ...(await silent(() => "an-opaque-text")(undefined as never)),
      credential: headerOf("X-Key", KEY),
    }),
  },
];

/** What is not the credential's own fault. */
const OTHERWISE_REFUSED: readonly Case[] = [
  {
    finding: "too-many-failures",
    name: "an address of which too many keys were refused",
    serve: async () => {
      const { sseUrl } = await serveRouter({ auth: KEYS, throttle: { maxFailures: 1 } });
      await send(sseUrl, { headers: { "X-API-Key": "guessed-0123456789" } });
      return { url: sseUrl, credential: headerOf("X-API-Key", "guessed-too-0123456789") };
    },
  },
  {
    finding: "forbidden-by-policy",
    name: "a server by hand that forbids its caller everything",
    serve: async () => {
      const origin = await serveAt(() => (req, res) => {
        const isKnown = req.headers["x-api-key"] === KEY;
        res.writeHead(isKnown ? 403 : 401, { "WWW-Authenticate": "ApiKey" });
        res.end(JSON.stringify({ error: isKnown ? "forbidden" : "unauthorized" }));
      });
      return { url: `${origin}/mcp`, credential: headerOf("X-API-Key", KEY) };
    },
  },
];

/** What can be wrong with a token, at a server that says it. */
const TOKENS_REFUSED: readonly Case[] = [
  {
    finding: "token-expired",
    name: "a token that has expired",
    serve: issued((issuer) => tokenOf(issuer, { exp: now() - 3600, iat: now() - 7200 })),
  },
  {
    finding: "token-not-yet-valid",
    name: "a token that counts later",
    serve: issued((issuer) => tokenOf(issuer, { nbf: now() + 600 })),
  },
  {
    finding: "token-other-audience",
    name: "a token for another server",
    serve: issued((issuer) => tokenOf(issuer, { aud: "https://other.example.com" })),
  },
  {
    finding: "token-other-issuer",
    name: "a token of another issuer",
    serve: issued((issuer) => tokenOf(issuer, { iss: "https://other.example.com" })),
  },
  {
    finding: "token-key-unknown",
    name: "a key set that does not have the token's key any more",
    serve: issued((issuer) => tokenOf(issuer, {}, { header: { kid: "of-last-year" } })),
  },
  {
    finding: "token-other-algorithm",
    name: "a token that is signed with a secret, of an issuer with public keys",
    serve: issued((issuer) => secretToken({ iss: issuer.url, aud: AUDIENCE })),
  },
  {
    finding: "token-wrong-kind",
    name: "an ID token",
    serve: issued((issuer) =>
      tokenOf(issuer, { nonce: "n", at_hash: "h" }, { header: { typ: "JWT" } }),
    ),
  },
  {
    finding: "token-wrong-kind",
    name: "a refresh token",
    serve: issued((issuer) => tokenOf(issuer, { typ: "Refresh" }, { header: { typ: "JWT" } })),
  },
  {
    finding: "token-bound-to-key",
    name: "a token that is bound to a key",
    serve: issued((issuer) => tokenOf(issuer, { cnf: { jkt: "k" } })),
  },
  {
    finding: "scopes-missing",
    name: "a token that lacks a scope",
    serve: issued((issuer) => tokenOf(issuer, { scope: "mcp:read" }), {
      scopes: ["mcp:read", "mcp:write"],
    }),
  },
  {
    finding: "token-inactive",
    name: "an opaque token that its issuer does not know",
    serve: issued(() => "opaque-that-nobody-has-given-0123456789"),
  },
  {
    finding: "credential-uncheckable",
    name: "an opaque token, and an issuer that does not know the server's client",
    serve: issued((issuer) => opaqueOf(issuer), { clientId: "a-client-of-last-year" }),
  },
  {
    finding: "token-unreadable",
    name: "an opaque token at a server that takes JWTs",
    serve: issued((issuer) => opaqueOf(issuer), { tokenValidation: "jwt" }),
  },
  {
    finding: "token-unreadable",
    name: "an encrypted token",
    serve: shown(
      SIGNED,
      bearerOf(
        `${Buffer.from('{"alg":"dir","enc":"A256GCM"}').toString("base64url")}.aXY.Y2lwaGVy.dGFn.dGFn`,
      ),
    ),
  },
  {
    finding: "token-unsigned",
    name: "a token that is not signed",
    serve: shown(SIGNED, bearerOf(forgedToken({ alg: "HS256" }, { sub: "alice" }))),
  },
  {
    finding: "token-wrong-signature",
    name: "a token that another secret has signed",
    serve: shown(SIGNED, bearerOf(secretToken({}, { secret: `another-${SECRET}` }))),
  },
  {
    finding: "token-no-expiry",
    name: "a token without an end",
    serve: shown(
      SIGNED,
      bearerOf(secretToken({ iss: "https://a.example", aud: "us", exp: undefined })),
    ),
  },
  {
    finding: "token-in-url",
    name: "a token in the URL",
    serve: async () => {
      const issuer = await wholeIssuer();
      const { sseUrl } = await serveRouter({ auth: oauthFor(issuer) });
      const value = await tokenOf(issuer);
      return { url: sseUrl, credential: { kind: "query", name: "access_token", value } };
    },
  },
];

/** What shows in a token, at a server that says nothing. */
const TOKENS_READ: readonly Case[] = [
  {
    finding: "token-expired",
    name: "a token that has expired, and no word of it",
    serve: silent((issuer, aud) => issuer.signAccessToken({ aud, exp: now() - 60 })),
  },
  {
    finding: "clock-skew",
    name: "a clock that is an hour ahead",
    serve: silent((issuer, aud) => issuer.signAccessToken({ aud }), 3_600_000),
  },
  {
    finding: "clock-skew",
    name: "a clock that is an hour behind",
    serve: silent((issuer, aud) => issuer.signAccessToken({ aud, nbf: now() }), -3_600_000),
  },
  {
    finding: "token-other-audience",
    name: "a token for another server, and no word of it",
    serve: silent((issuer) => issuer.signAccessToken({ aud: "https://other.example.com" })),
  },
  {
    finding: "token-other-issuer",
    name: "a token of another issuer, and no word of it",
    serve: silent((issuer, aud) => issuer.signAccessToken({ aud, iss: "https://b.example" })),
  },
  {
    finding: "token-key-unknown",
    name: "a key that is not in the key set, and no word of it",
    serve: silent((issuer, aud) =>
      issuer.signAccessToken({ aud }, { header: { kid: "of-last-year" } }),
    ),
  },
  {
    finding: "token-unsigned",
    name: "an unsigned token, and no word of it",
    serve: silent((issuer, aud) =>
      forgedToken({ alg: "none" }, { iss: issuer.url, aud, exp: now() + 60 }),
    ),
  },
  {
    finding: "token-wrong-kind",
    name: "an ID token, and no word of it",
    serve: silent((issuer) =>
      issuer.signAccessToken({ aud: "client", nonce: "n" }, { header: { typ: "JWT" } }),
    ),
  },
  {
    finding: "credential-refused",
    name: "a token with no fault that shows",
    serve: silent((issuer, aud) => issuer.signAccessToken({ aud })),
  },
];

/** What credentials are refused for. */
export const BROKEN_CREDENTIALS: readonly Case[] = [
  ...KEYS_REFUSED,
  ...OTHERWISE_REFUSED,
  ...TOKENS_REFUSED,
  ...TOKENS_READ,
];
