import { hash } from "node:crypto";

/**
 * How an issuer is called in the names of what it keeps: the same for every record, and no other
 * issuer's.
 */
export function issuerTag(issuer: string): string {
  return hash("sha256", issuer, "base64url").slice(0, 22);
}

/**
 * The kind of a record as a storage sees it: `<issuer>/<kind>`.
 *
 * Security decision: every name in a storage is made with this, so that of several issuers with
 * one storage none reads, redeems, finishes or pushes out what belongs to another. What begins at
 * one would otherwise end at another, with the identity provider of the other.
 */
export function kindName(issuer: string, kind: string): string {
  return `${issuerTag(issuer)}/${kind}`;
}

/**
 * Who says who somebody is. The client id is a part of it, because some providers call a person
 * differently for each client.
 *
 * @see OpenID Connect Core 1.0, section 8.1
 */
export function providerName(
  login:
    | { readonly kind: "provider" }
    | { readonly kind: "strategy"; readonly strategy: { readonly name?: string | undefined } },
  { providerIssuer, clientId }: { readonly providerIssuer: string; readonly clientId: string },
): string {
  return JSON.stringify(
    login.kind === "strategy" ? ["strategy", login.strategy.name] : [providerIssuer, clientId],
  );
}
