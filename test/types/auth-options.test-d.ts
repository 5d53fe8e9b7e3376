/**
 * Checked by the compiler alone: the documented configurations compile as they are written, and
 * the documented mistakes do not.
 */
import type { AuthConfig } from "../../strategies/auth-config.js";
import { jwt } from "../../strategies/jwt.js";
import { fromPassport } from "../../strategies/passport.js";

const env = process.env as Record<string, string | undefined>;

// The documented configurations.
export const documented: readonly AuthConfig[] = [
  {
    type: "jwt",
    options: {
      secret: env["JWT_SECRET"]!,
      algorithms: ["HS256"],
      issuer: "my-auth-service",
      audience: "my-mcp-server",
    },
  },
  {
    type: "jwt",
    options: {
      publicKey: env["JWT_PUBLIC_KEY"]!,
      algorithms: ["RS256"],
      issuer: "https://auth.mycompany.com",
    },
  },
  {
    type: "jwt",
    options: {
      jwksUri: `${env["AUTH_ISSUER"]!}/.well-known/jwks.json`,
      algorithms: ["RS256"],
      issuer: env["AUTH_ISSUER"]!,
      audience: env["AUTH_AUDIENCE"]!,
    },
  },
  {
    type: "apikey",
    options: { keys: [env["API_KEY_1"]!, env["API_KEY_2"]!], headerName: "X-API-Key" },
  },
];

// What goes beyond them.
export const beyond: AuthConfig = [
  {
    type: "apikey",
    options: {
      keys: ["plain", { id: "a", key: "k" }, { id: "b", sha256: "00", expiresAt: new Date() }],
      verify: (key) => (key === "" ? null : { id: "c" }),
      queryParam: "api_key",
    },
  },
  { type: "apikey", options: { verify: async () => undefined } },
  jwt({ secret: "s", algorithms: ["HS256", "HS512"], issuer: ["a", "b"], scopes: ["c"] }),
  { name: "own", strategies: [{ authenticate: () => undefined }], principal: () => ({ id: "x" }) },
];

// @ts-expect-error -- no key at all
jwt({ algorithms: ["HS256"] });

// @ts-expect-error -- two keys
jwt({ secret: "s", publicKey: "p", algorithms: ["HS256"] });

// @ts-expect-error -- two keys
jwt({ publicKey: "p", jwksUri: "https://a.example", algorithms: ["RS256"] });

// @ts-expect-error -- HS256 with a public key
jwt({ publicKey: "p", algorithms: ["HS256"] });

// @ts-expect-error -- HS256 with a key set
jwt({ jwksUri: "https://a.example", algorithms: ["RS256", "HS256"] });

// @ts-expect-error -- RS256 with a secret
jwt({ secret: "s", algorithms: ["RS256"] });

// @ts-expect-error -- no algorithms
jwt({ secret: "s" });

// @ts-expect-error -- the algorithm none
jwt({ secret: "s", algorithms: ["none"] });

// @ts-expect-error -- an unset environment variable
jwt({ secret: env["JWT_SECRET"], algorithms: ["HS256"] });

// @ts-expect-error -- an unset issuer
jwt({ secret: "s", algorithms: ["HS256"], issuer: env["ISSUER"] });

// @ts-expect-error -- neither keys nor verify
export const noKeys: AuthConfig = { type: "apikey", options: { headerName: "X-API-Key" } };

// @ts-expect-error -- an unset environment variable
export const unset: AuthConfig = { type: "apikey", options: { keys: [env["API_KEY_1"]] } };

// @ts-expect-error -- an entry with key and digest
export const both: AuthConfig = {
  type: "apikey",
  options: { keys: [{ id: "a", key: "k", sha256: "00" }] },
};

// @ts-expect-error -- an entry without an id
export const anonymous: AuthConfig = { type: "apikey", options: { keys: [{ key: "k" }] } };

// @ts-expect-error -- a misspelt type
export const misspelt: AuthConfig = { type: "apiKey", options: { keys: ["k"] } };

export const mixed: AuthConfig = {
  type: "apikey",
  // @ts-expect-error -- options of another type
  options: { secret: "s", algorithms: ["HS256"] },
};

// @ts-expect-error -- a principal is what fromPassport is for
fromPassport({ authenticate: () => undefined }, {});

// @ts-expect-error -- a principal without an id
fromPassport({ authenticate: () => undefined }, { principal: () => ({ scopes: [] }) });
