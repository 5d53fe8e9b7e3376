import type { KoaContextWithOIDC, Provider } from "oidc-provider";
import type { MethodReports } from "../../shared/method-reports.js";
import type { Logins } from "./storage/records.js";

export interface ClientStepParts {
  readonly logins: Pick<Logins, "find">;
  readonly settings: { readonly issuer: string };
  readonly reports: MethodReports;
}

/** Tells what clients get, and give back; the engine's accounts are logins, and those are people's. */
export function tellOfClients(
  provider: Provider,
  { logins, reports, settings: { issuer } }: ClientStepParts,
): void {
  const tell = (event: "redeemed" | "revoked", { oidc }: KoaContextWithOIDC): void => {
    if (!reports.hearsSignIns) return;
    const { account, client, entities } = oidc;
    const token = entities.RefreshToken ?? entities.AccessToken;
    const clientId = client?.clientId;
    // Who it was is not known while the storage is away; that it happened, is.
    void logins
      .find(account?.accountId ?? token?.accountId ?? "")
      .catch(() => undefined)
      .then((login) => reports.signedIn({ event, person: login?.profile.id, issuer, clientId }));
  };
  provider.on("grant.success", (ctx: KoaContextWithOIDC) => tell("redeemed", ctx));
  provider.on("grant.revoked", (ctx: KoaContextWithOIDC) => tell("revoked", ctx));
}
