import type { Credential, Target } from "./contract.js";
import { readToken } from "./read-token.js";

/**
 * The token that is sent: the bearer token, or whatever else of the credentials can be read as a
 * JWT, wherever it stands.
 */
export function sentToken({ credentials }: Target): string | undefined {
  const texts = credentials.map(tokenText);
  return (
    credentials.flatMap((each, index) => (isBearer(each) ? [texts[index] ?? ""] : []))[0] ??
    texts.find((text) => readToken(text).form === "jwt")
  );
}

/** Whether a credential is sent as `Authorization: Bearer`. */
export function isBearer(credential: Credential): boolean {
  return credential.kind === "bearer" || /^bearer /i.test(authorizationOf(credential) ?? "");
}

/** The value of the header `Authorization`, if the credential is sent there. */
export function authorizationOf(credential: Credential): string | undefined {
  if (credential.kind === "bearer") return `Bearer ${credential.value}`;
  if (credential.kind !== "header") return undefined;
  return credential.name.toLowerCase() === "authorization" ? credential.value : undefined;
}

/** The part of a credential that would be the token. */
function tokenText(credential: Credential): string {
  return credential.value.trim().replace(/^bearer +/i, "");
}
