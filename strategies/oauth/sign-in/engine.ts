import type { IncomingMessage, ServerResponse } from "node:http";
import type * as OidcModule from "oidc-provider";
import type { Configuration, KoaContextWithOIDC, Provider } from "oidc-provider";
import { McpSseError } from "../../../src/shared/errors.js";
import packages from "../../../src/shared/packages.cjs";
import { tellOfClients } from "./client-steps.js";
import { findAccount } from "./login/accounts.js";
import type { ConfirmsLogins } from "./login/accounts.js";
import type { CookieNames } from "./requests/browser.js";
import { keepErrorsHere, renderError } from "./engine-errors.js";
import { fixUrls, nameRefreshTokens } from "./engine-overrides.js";
import { SIGNING_ALGORITHM } from "../options/signing-key.js";
import type { KeyRing } from "./storage/key-ring.js";
import { loadGrant } from "./login/grants.js";
import type { OlderRecords } from "./storage/older-form.js";
import { StorageAdapter } from "./storage/provider-adapter.js";
import { LOGIN_LIFETIME_MS } from "./storage/records.js";
import type { Approvals, Logins } from "./storage/records.js";
import { sourceOf } from "./storage/owners.js";
import type { RateLimit } from "./requests/rate-limit.js";
import type { RegisteredClients } from "./storage/registered-clients.js";
import { fetchPublic } from "./requests/public-fetch.js";
import { isRecognisable } from "./requests/redirect-uri.js";
import { cleanDocument, MAX_DOCUMENT_BYTES } from "./requests/registration.js";
import { CLIENT_AUTH_METHODS, ROUTES } from "../sign-in-routes.js";
import type { MethodReports } from "../../shared/method-reports.js";
import type { SealedStorage } from "./storage/seal.js";
import type { SignInSettings } from "../options/sign-in-settings.js";

/** The package, as it is loaded. */
type Oidc = Pick<typeof OidcModule, "Provider" | "errors" | "interactionPolicy">;

export interface EngineParts {
  readonly settings: SignInSettings;
  /** What clients may ask for. */
  readonly scopes: readonly string[];
  readonly keys: KeyRing;
  readonly cookies: CookieNames;
  readonly records: SealedStorage;
  readonly clients: RegisteredClients;
  readonly older: OlderRecords;
  readonly logins: Logins;
  readonly revalidation: ConfirmsLogins;
  readonly approvals: Approvals;
  /** How often documents of clients are fetched that nobody uses yet, by where that is asked for. */
  readonly documentFetches: RateLimit;
  /** How often the document of a client that is in use is fetched. */
  readonly usedDocumentFetches: RateLimit;
  /** Hears of failures of the engine itself, with the response they came up in. */
  readonly onFailure: (res: ServerResponse, error: Error) => void;
  readonly reports: MethodReports;
}

/** How long an authorization request waits for the person, in seconds: 10 minutes. */
const INTERACTION_SECONDS = 600;

/** How long a browser stays signed in, in seconds: 14 days. */
const SESSION_SECONDS = 14 * 24 * 3600;

/** An authorization code is redeemed within a minute. @see OAuth 2.1, section 4.1.2 */
const CODE_SECONDS = 60;

/**
 * The authorization server: oidc-provider, with everything off that MCP clients have no use for.
 *
 * @see OAuth 2.1; RFC 7591; RFC 8707; RFC 9068; RFC 9207
 */
export function createEngine(parts: EngineParts): Provider {
  const oidc = packages.oidcProvider() as Oidc;
  const { issuer } = parts.settings;
  const provider = new oidc.Provider(issuer, createConfiguration(parts, oidc));
  fixUrls(provider, issuer);
  nameRefreshTokens(oidc.Provider, provider, parts.keys);
  keepErrorsHere(provider, parts);
  keepClients(provider, parts);
  tellOfClients(provider, parts);
  answerOutages(provider);
  provider.on("server_error", (ctx: KoaContextWithOIDC, error: Error) =>
    parts.onFailure(ctx.res, error),
  );
  // Without a listener, Koa writes errors to the console.
  (provider as NodeJS.EventEmitter).on("error", (error: Error, ctx?: KoaContextWithOIDC) => {
    if (ctx !== undefined) parts.onFailure(ctx.res, error);
  });
  return provider;
}

/** Keeps a client that gets a token, before it is told: a restart right after finds it kept. */
function keepClients(provider: Provider, { clients, onFailure }: EngineParts): void {
  const kept = new WeakMap<object, Promise<void>>();
  provider.on("grant.success", (ctx: KoaContextWithOIDC) => {
    const { client, account } = ctx.oidc;
    if (client === undefined || account === undefined) return;
    const work = clients.keep(client.clientId, account.accountId);
    kept.set(
      ctx,
      work.catch((error: unknown) => onFailure(ctx.res, error as Error)),
    );
  });
  provider.use(async (ctx, next) => {
    await next();
    await kept.get(ctx);
  });
}

/** Answers 503 where the storage failed: the client may try again. @see RFC 7009, section 2.2.1 */
function answerOutages(provider: Provider): void {
  const outages = new WeakMap<object, McpSseError>();
  provider.on("server_error", (ctx: KoaContextWithOIDC, error: Error) => {
    if (error instanceof McpSseError) outages.set(ctx, error);
  });
  provider.use(async (ctx, next) => {
    await next();
    const outage = outages.get(ctx);
    if (outage === undefined || ctx.res.hasHeader("Location")) return;
    ctx.status = outage.status;
    ctx.set(outage.headers as Record<string, string>);
    if (ctx.type !== "text/html") {
      ctx.body = { error: outage.code, error_description: outage.message };
    }
  });
}

function createConfiguration(parts: EngineParts, oidc: Oidc): Configuration {
  const { settings, keys } = parts;
  return {
    adapter: adapterFor(parts, oidc),
    jwks: { keys: keys.signing.map(({ jwk }) => jwk as Record<string, string>) },
    cookies: cookieConfiguration(parts.cookies, keys),
    scopes: [],
    claims: { openid: ["sub"] },
    responseTypes: ["code"],
    clientAuthMethods: [...CLIENT_AUTH_METHODS],
    clientDefaults: {
      grant_types: ["authorization_code", "refresh_token"],
      id_token_signed_response_alg: SIGNING_ALGORITHM,
    },
    pkce: { required: () => true },
    allowOmittingSingleRegisteredRedirectUri: false,
    routes: {
      authorization: ROUTES.authorize,
      token: ROUTES.token,
      registration: ROUTES.register,
      revocation: ROUTES.revoke,
      jwks: ROUTES.jwks,
      end_session: ROUTES.signOut,
    },
    features: createFeatures(parts, oidc),
    ttl: {
      AccessToken: settings.accessTokenSeconds,
      AuthorizationCode: CODE_SECONDS,
      Grant: LOGIN_LIFETIME_MS / 1000,
      IdToken: settings.accessTokenSeconds,
      Interaction: INTERACTION_SECONDS,
      RefreshToken: settings.refreshTokenDays * 24 * 3600,
      Session: SESSION_SECONDS,
    },
    // A use gives a new refresh token, and an old one that comes back ends the grant.
    rotateRefreshToken: true,
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed("refresh_token"),
    expiresWithSession: async () => false,
    clientBasedCORS: () => false,
    interactions: createInteractions(parts, oidc),
    loadExistingGrant: (ctx) => loadGrant(ctx, parts),
    findAccount: async (ctx, id, token) =>
      await findAccount(ctx, { id, token }, parts, oidc.errors),
    ...tokenConfiguration(parts, oidc),
    renderError: (ctx, out) => renderError(ctx, out, settings),
    fetch: (url: URL | string, options: RequestInit) => fetchDocument(url, options, settings),
    fetchResponseBodyLimits: {
      "client_id metadata document": MAX_DOCUMENT_BYTES,
      jwks_uri: MAX_DOCUMENT_BYTES,
      sector_identifier_uri: MAX_DOCUMENT_BYTES,
    },
  } as Configuration;
}

/** What stands behind the URL that a client has for an id. */
async function fetchDocument(
  url: URL | string,
  options: RequestInit,
  { fetchClientMetadata = fetchPublic, appSchemes }: SignInSettings,
): ReturnType<typeof cleanDocument> {
  return await cleanDocument(await fetchClientMetadata(url, options), appSchemes);
}

function adapterFor(
  { records, clients, older }: EngineParts,
  { Provider, errors }: Oidc,
): (model: string) => StorageAdapter {
  const refuse = (): Error => new errors.InvalidGrant("it was used before");
  const request = (): IncomingMessage | undefined => Provider.ctx?.req;
  return (model) => new StorageAdapter(model, { records, clients, older, refuse, request });
}

function cookieConfiguration(
  { secure, session, interaction, resume }: CookieNames,
  keys: KeyRing,
): Configuration["cookies"] {
  const attributes = { httpOnly: true, sameSite: "lax", secure, signed: true } as const;
  return {
    keys: [...keys.cookieKeys()],
    names: { session, interaction, resume },
    long: attributes,
    short: attributes,
  };
}

function createFeatures(parts: EngineParts, { errors }: Oidc): Configuration["features"] {
  const { settings, scopes } = parts;
  return {
    devInteractions: { enabled: false },
    dPoP: { enabled: false },
    userinfo: { enabled: false },
    rpInitiatedLogout: { enabled: false },
    pushedAuthorizationRequests: { enabled: false },
    registration: { enabled: true, issueRegistrationAccessToken: false },
    revocation: {
      enabled: true,
      allowedPolicy: async (_ctx, client, token) => token.clientId === client.clientId,
    },
    clientIdMetadataDocument: {
      enabled: true,
      ack: "draft-02",
      allowFetch: async (ctx, url) => await mayFetch(ctx.req, url, parts),
    },
    resourceIndicators: {
      enabled: true,
      defaultResource: async () => settings.resource,
      useGrantedResource: async () => true,
      getResourceServerInfo: async (_ctx, resource) => {
        const ours = [settings.resource, ...settings.otherResources];
        if (!ours.some((one) => isOurResource(resource, one))) throw new errors.InvalidTarget();
        return {
          scope: scopes.join(" "),
          audience: settings.resource,
          accessTokenFormat: "jwt",
          accessTokenTTL: settings.accessTokenSeconds,
          jwt: { sign: { alg: SIGNING_ALGORITHM } },
        };
      },
    },
  };
}

/**
 * Whether a client's document may be fetched now.
 *
 * Security decision: strangers may have documents fetched so often, together. A client that got
 * tokens already has a share of its own, so that strangers do not use it up.
 */
async function mayFetch(
  req: IncomingMessage,
  url: string,
  { clients, documentFetches, usedDocumentFetches }: EngineParts,
): Promise<boolean> {
  const waitSeconds = await ((await clients.isUsedDocument(url))
    ? usedDocumentFetches.take(url)
    : documentFetches.take(sourceOf(req), sourceOf(req, 48)));
  return waitSeconds === undefined;
}

/**
 * Whether a client means our resource; some write the URL of the mount's host with a slash.
 * @see RFC 8707, section 2
 */
function isOurResource(given: string, resource: string): boolean {
  return given === resource || given === `${resource}/`;
}

/**
 * When the person is asked: to sign in when the login that the browser remembers is over, and to
 * approve each client whose answers go to a program on their device.
 *
 * Security decision: an approval is remembered only where the client can be recognised, which is
 * by the https host that its answers go to. Any program on a computer can listen on a loopback
 * port or claim a scheme, so for those the person is asked each time.
 *
 * @see RFC 8252, section 8.6; OAuth 2.1, section 7.3.1
 */
function createInteractions(
  { settings }: EngineParts,
  { interactionPolicy }: Oidc,
): Configuration["interactions"] {
  const { Check, base } = interactionPolicy;
  const policy = base();
  policy
    .get("login")
    ?.checks.add(
      new Check("login_over", "the login is over", ({ oidc }: KoaContextWithOIDC) =>
        oidc.session?.accountId !== undefined && oidc.account === undefined
          ? Check.REQUEST_PROMPT
          : Check.NO_NEED_TO_PROMPT,
      ),
    );
  const consent = policy.get("consent")?.checks;
  consent?.remove("native_client_prompt");
  consent?.add(
    new Check(
      "unrecognised",
      "the client is asked for each time",
      ({ oidc }: KoaContextWithOIDC) =>
        oidc.result?.consent === undefined && !isRecognisable(String(oidc.params?.["redirect_uri"]))
          ? Check.REQUEST_PROMPT
          : Check.NO_NEED_TO_PROMPT,
    ),
  );
  const url = (_ctx: unknown, { uid }: { uid: string }): string =>
    `${settings.issuer}${ROUTES.interaction}/${uid}`;
  return { policy, url };
}

/** What access tokens say beside the usual: who, at which login, by which grant. */
function tokenConfiguration({ logins }: EngineParts, { errors }: Oidc): Partial<Configuration> {
  return {
    extraTokenClaims: async (_ctx, token) =>
      "grantId" in token ? { sid: token.accountId, grant_id: token.grantId } : undefined,
    formats: {
      customizers: {
        // The engine's accounts are logins; a token's subject is the person.
        jwt: async (_ctx, token, parts) => {
          const login = await logins.find("accountId" in token ? token.accountId : "");
          // Ended since it was confirmed.
          if (login === undefined) throw new errors.InvalidGrant("the sign-in is over");
          parts.payload["sub"] = login.profile.id;
        },
      },
    },
  };
}
