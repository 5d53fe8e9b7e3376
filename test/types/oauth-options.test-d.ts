/**
 * Checked by the compiler alone: the documented configuration compiles as it is written, and
 * mistakes do not.
 */
import type { AuthConfig, AuthMethod, OAuthOptions } from "../../src/index.js";
import { createSseRouter, MCPServer, oauth } from "../../src/index.js";

const env = process.env as Record<string, string | undefined>;

// The documented configuration.
export const documented: AuthConfig = {
  type: "oauth",
  options: {
    issuerUrl: "https://auth.mycompany.com",
    clientId: env["OAUTH_CLIENT_ID"]!,
    clientSecret: env["OAUTH_CLIENT_SECRET"]!,
    audience: "my-mcp-server",
    scopes: ["mcp:read", "mcp:write"],
  },
};

export const server = new MCPServer({ transport: { type: "sse", options: { auth: documented } } });

const required = {
  issuerUrl: "https://auth.example.com",
  clientId: "id",
  clientSecret: "secret",
} as const;

// What goes beyond it.
export const beyond: readonly OAuthOptions[] = [
  required,
  { ...required, audience: ["a", "b"], scopes: ["a"], tokenValidation: "auto" },
  { ...required, audience: (names, claims) => names.includes("a") && claims["tid"] === "t" },
  { ...required, audience: ["client"], audienceClaim: "client_id", tokenValidation: "jwt" },
  { ...required, algorithms: ["RS256", "PS256", "ES256"], clockTolerance: 30, timeoutMs: 5000 },
  { ...required, tokenValidation: "introspection", introspectionCacheMs: 0 },
  { ...required, scopes: ["a"], satisfiesScope: (needed, granted) => granted.includes(needed) },
];

const method: AuthMethod = oauth(required, "auth.options", { resource: "https://mcp.example.com" });

// Several tenants, and other methods beside them.
export const tenants: AuthConfig = [
  { type: "oauth", options: required },
  { type: "oauth", options: { ...required, issuerUrl: "https://other.example.com" } },
  { type: "apikey", options: { keys: ["k"] } },
  method,
];

createSseRouter({
  auth: tenants,
  sessions: { onTokenExpiry: "keep" },
  createServer: ({ principal }) => {
    // Who is authenticated is never undefined.
    const scopes: readonly string[] = principal.scopes;
    throw new Error(scopes.join());
  },
});

// @ts-expect-error -- an unset environment variable
oauth({ ...required, clientSecret: env["OAUTH_CLIENT_SECRET"] });

// @ts-expect-error -- an unset audience
oauth({ ...required, audience: env["AUDIENCE"] });

// @ts-expect-error -- no issuer
oauth({ clientId: "id", clientSecret: "secret" });

// @ts-expect-error -- scopes as one text
oauth({ ...required, scopes: "a b" });

// @ts-expect-error -- an algorithm with a shared secret
oauth({ ...required, algorithms: ["HS256"] });

// @ts-expect-error -- the algorithm none
oauth({ ...required, algorithms: ["none"] });

// @ts-expect-error -- an unknown way to validate
oauth({ ...required, tokenValidation: "opaque" });

// @ts-expect-error -- an unknown claim
oauth({ ...required, audienceClaim: "azp" });

// @ts-expect-error -- a promise is not an answer
oauth({ ...required, audience: async () => true });

// @ts-expect-error -- a promise is not an answer
oauth({ ...required, satisfiesScope: async () => true });

// @ts-expect-error -- an option that is not there
oauth({ ...required, issuer: "https://auth.example.com" });

export const mixed: AuthConfig = {
  type: "oauth",
  // @ts-expect-error -- options of another type
  options: { keys: ["k"] },
};
