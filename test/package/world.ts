import { createPublicKey } from "node:crypto";
import { FakeIssuer } from "../kit/fake-issuer.js";
import { bearer, SECRET, secretToken } from "../kit/tokens.js";

type Headers = Readonly<Record<string, string>>;

const KEYS = { API_KEY_1: "key-one-0123456789abcdef", API_KEY_2: "key-two-0123456789abcdef" };

/** What the programs of a project find around them: an issuer, an environment, and callers. */
export interface World {
  /** Where the issuer is, in place of the documented `https://auth.mycompany.com`. */
  readonly issuer: string;
  /** The variables that the documented programs read. */
  readonly env: Readonly<Record<string, string>>;
  /** What a caller sends who is good, by what it has. */
  readonly headers: {
    readonly secret: Headers;
    readonly issued: Headers;
    readonly apikey: Headers;
  };
  end(): Promise<void>;
}

/** Tokens are alice's, by whomever they are issued, and outlast the run. */
export async function createWorld(): Promise<World> {
  const issuer = await new FakeIssuer().start();
  const { keys } = await issuer.jwks();
  const rsa = keys.find(({ kty }) => kty === "RSA")!;
  const claims = {
    sub: "alice",
    aud: "my-mcp-server",
    scope: "mcp:read mcp:write",
    exp: Math.floor(Date.now() / 1000) + 3600,
  };
  return {
    issuer: issuer.url,
    env: {
      ...KEYS,
      JWT_SECRET: SECRET,
      JWT_PUBLIC_KEY: createPublicKey({ key: rsa, format: "jwk" })
        .export({ format: "pem", type: "spki" })
        .toString(),
      AUTH_ISSUER: issuer.url,
      AUTH_AUDIENCE: claims.aud,
      OAUTH_CLIENT_ID: "resource-server",
      OAUTH_CLIENT_SECRET: "rs-secret",
      PORT: "0",
    },
    headers: {
      secret: bearer(secretToken({ ...claims, iss: "my-auth-service" })),
      issued: bearer(await issuer.signAccessToken(claims)),
      apikey: { "X-API-Key": KEYS.API_KEY_1 },
    },
    end: () => issuer.stop(),
  };
}
