import type { KoaContextWithOIDC, Provider } from "oidc-provider";
import { ownerByLogin } from "../storage/owners.js";
import { LOGIN_LIFETIME_MS } from "../storage/records.js";
import type { Approvals, Logins } from "../storage/records.js";
import { isRecognisable } from "../requests/redirect-uri.js";
import type { SealedStorage } from "../storage/seal.js";
import type { SignInSettings } from "../../options/sign-in-settings.js";

type Grant = InstanceType<Provider["Grant"]>;

export interface GrantParts {
  readonly settings: SignInSettings;
  readonly logins: Logins;
  readonly approvals: Approvals;
  readonly records: SealedStorage;
}

/**
 * The grant for a request: the one that was just approved, or one like the approval that is
 * remembered. Requests that are answered without a question share one, by login, client, redirect
 * URI and scopes; however often a browser is sent here, it gets no further one.
 */
export async function loadGrant(
  { oidc }: KoaContextWithOIDC,
  parts: GrantParts,
): Promise<Grant | undefined> {
  const { logins, approvals } = parts;
  const { provider, client, session, params } = oidc;
  const accountId = session?.accountId;
  const approved = oidc.result?.consent?.grantId;
  if (approved !== undefined) return await provider.Grant.find(approved);
  const login = accountId === undefined ? undefined : await logins.find(accountId);
  if (client === undefined || accountId === undefined || login === undefined) return undefined;
  const approval = await approvals.find(login.profile.id, client.clientId);
  const redirectUri = String(params?.["redirect_uri"]);
  if (approval?.redirectUri !== redirectUri || !isRecognisable(redirectUri)) return undefined;
  const { scopes } = approval;
  const resources = requestedResources(params, parts.settings);
  const { clientId } = client;
  return await sharedGrant(
    provider,
    { accountId, clientId, redirectUri, scopes, resources },
    parts.records,
  );
}

/** What one grant is for. */
interface GrantScope {
  readonly accountId: string;
  readonly clientId: string;
  readonly redirectUri: string;
  readonly scopes: readonly string[];
  readonly resources: readonly string[];
}

/** The grant that a request like this one got before, unless it was revoked; else a new one. */
async function sharedGrant(
  provider: Provider,
  scope: GrantScope,
  records: SealedStorage,
): Promise<Grant> {
  const { accountId, clientId, redirectUri, scopes, resources } = scope;
  const name = JSON.stringify([accountId, clientId, redirectUri, scopes, resources]);
  const id = await records.get("SharedGrant", name);
  const known = typeof id === "string" ? await provider.Grant.find(id) : undefined;
  if (known !== undefined) return known;
  const grant = new provider.Grant({ accountId, clientId });
  for (const resource of resources) grant.addResourceScope(resource, scopes.join(" "));
  const options = { ttlMs: LOGIN_LIFETIME_MS, owner: ownerByLogin(accountId) };
  await records.set("SharedGrant", name, await grant.save(), options);
  return grant;
}

/** The resources of a request; one request may name ours in two spellings. */
export function requestedResources(
  params: Readonly<Record<string, unknown>> | undefined,
  { resource }: SignInSettings,
): readonly string[] {
  return [params?.["resource"] ?? resource].flat() as string[];
}
