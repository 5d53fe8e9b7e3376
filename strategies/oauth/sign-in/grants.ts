import type { KoaContextWithOIDC, Provider } from "oidc-provider";
import type { Approvals, Logins } from "./records.js";
import { isRecognisable } from "./redirect-uri.js";
import type { SignInSettings } from "./sign-in-options.js";

/** What a grant without a question is made of. */
export interface GrantParts {
  readonly settings: SignInSettings;
  readonly logins: Logins;
  readonly approvals: Approvals;
}

/**
 * The grant for a request: the one that was just approved, or a new one like the approval that is
 * remembered. Each request has a grant of its own, so that ending one family of tokens ends no
 * other.
 */
export async function loadGrant(
  { oidc }: KoaContextWithOIDC,
  { logins, approvals, settings }: GrantParts,
): Promise<InstanceType<Provider["Grant"]> | undefined> {
  const { provider, client, session, params } = oidc;
  const accountId = session?.accountId;
  const approved = oidc.result?.consent?.grantId;
  if (approved !== undefined) return await provider.Grant.find(approved);
  const login = accountId === undefined ? undefined : await logins.find(accountId);
  if (client === undefined || accountId === undefined || login === undefined) return undefined;
  const approval = await approvals.find(login.profile.id, client.clientId);
  const redirectUri = String(params?.["redirect_uri"]);
  if (approval?.redirectUri !== redirectUri || !isRecognisable(redirectUri)) return undefined;
  const grant = new provider.Grant({ accountId, clientId: client.clientId });
  for (const resource of requestedResources(params, settings)) {
    grant.addResourceScope(resource, approval.scopes.join(" "));
  }
  await grant.save();
  return grant;
}

/** The resources of a request; one request may name ours in two spellings. */
export function requestedResources(
  params: Readonly<Record<string, unknown>> | undefined,
  { resource }: SignInSettings,
): readonly string[] {
  return [params?.["resource"] ?? resource].flat() as string[];
}
