import type { AuthConfig } from "../../src/index.js";
import type { OAuthOptions } from "../../strategies/oauth.js";
import { onDispose } from "./clean-up.js";
import { startFakeIssuer } from "./fake-issuer.js";
import type { FakeIssuer, FakeIssuerOptions } from "./fake-issuer.js";
import { secret } from "./leak-watch.js";
import { send } from "./raw-http.js";
import type { RawAnswer } from "./raw-http.js";
import { serveRouter } from "./serve.js";
import type { ServeRouterOptions, Served } from "./serve.js";
import { bearer, now } from "./tokens.js";

/** What the servers of these tests expect in `aud`. */
export const AUDIENCE = "https://mcp.example.com/sse";

/** This server's client at the fake issuers. */
export const CLIENT = { clientId: "resource-server", clientSecret: "resource-server-secret" };

/** A {@link FakeIssuer} that knows {@link CLIENT} and is gone after the test. */
export async function fakeIssuer(options?: FakeIssuerOptions): Promise<FakeIssuer> {
  const issuer = await startFakeIssuer(options);
  issuer.clients.set(CLIENT.clientId, CLIENT.clientSecret);
  onDispose(() => issuer.stop());
  secret(CLIENT.clientSecret);
  return issuer;
}

/** Options for tokens of an issuer; `undefined` takes one away. */
export function oauthOptions(
  { url }: { url: string },
  change: { [K in keyof OAuthOptions]?: OAuthOptions[K] | undefined } = {},
): OAuthOptions {
  const all = { issuerUrl: url, ...CLIENT, audience: AUDIENCE, ...change };
  const given = Object.entries(all).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as unknown as OAuthOptions;
}

/** One `auth` entry for tokens of an issuer. */
export function oauthFor(
  issuer: { url: string },
  change?: Parameters<typeof oauthOptions>[1],
): { type: "oauth"; options: OAuthOptions } {
  return { type: "oauth", options: oauthOptions(issuer, change) };
}

/** A router that takes an issuer's tokens, and beside it `/who`, which tells who is calling. */
export async function serveOAuth(
  issuer: { url: string },
  change?: Parameters<typeof oauthOptions>[1],
  options?: ServeRouterOptions,
): Promise<Served> {
  return await serveWho(oauthFor(issuer, change), options);
}

/** The same for any `auth`. */
export async function serveWho(
  auth: AuthConfig,
  options: ServeRouterOptions = {},
): Promise<Served> {
  return await serveRouter({
    auth,
    ...options,
    after: (app, router, base) => {
      app.get("/who", router.guard, (req, res) => void res.json((req as { user?: unknown }).user));
      options.after?.(app, router, base);
    },
  });
}

/** The answer to a GET of the event stream with a token. */
export async function get(served: Served, token?: string, query = ""): Promise<RawAnswer> {
  return await send(served.sseUrl + query, token === undefined ? {} : { headers: bearer(token) });
}

/** Who the server takes the holder of a token for; fails when it is nobody. */
export async function who({ origin }: Served, token: string): Promise<Record<string, unknown>> {
  const { status, json, text } = await send(`${origin}/who`, { headers: bearer(token) });
  if (status !== 200) throw new Error(`answered ${status}: ${text}`);
  return json as Record<string, unknown>;
}

/** An answer in one line: the status, and why. */
export function verdict({ status, json }: RawAnswer): string {
  if (status === 200) return "200";
  const { error, error_description } = json as { error: string; error_description: string };
  const reason = /^The credential was refused: (.*)\. Searched:/.exec(error_description)?.[1];
  return [status, error, reason].filter((part) => part !== undefined).join(" ");
}

/** A good token of an issuer for {@link AUDIENCE}. */
export async function tokenOf(
  issuer: FakeIssuer,
  claims: Record<string, unknown> = {},
  options?: Parameters<FakeIssuer["signAccessToken"]>[1],
): Promise<string> {
  return await issuer.signAccessToken({ aud: AUDIENCE, ...claims }, options);
}

/** An opaque token that the issuer calls active. */
export function opaqueOf(issuer: FakeIssuer, claims: Record<string, unknown> = {}): string {
  const token = `opaque-${++serial}-8c1f0e5b2a7d`;
  const all = { active: true, sub: "user-1", aud: AUDIENCE, exp: now() + 300, ...claims };
  issuer.tokens.set(token, JSON.parse(JSON.stringify(all)) as Record<string, unknown>);
  return token;
}

let serial = 0;
