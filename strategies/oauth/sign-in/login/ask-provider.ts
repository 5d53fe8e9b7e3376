import type { Login } from "../storage/login.js";
import { endsLogin } from "./ends-login.js";
import type { Identify } from "./identify.js";

/** What is said when it is asked whether a login still counts. */
export type RevalidationResult =
  | { readonly kind: "good" }
  /** A clear no: the person was removed, or withdrew, or has to sign in again. */
  | { readonly kind: "over" }
  /** No answer now; nothing can be said. */
  | { readonly kind: "no-answer"; readonly cause: unknown }
  /** There is nothing to ask with. */
  | { readonly kind: "cannot-be-asked" };

/** @param isDue whether a login, as it is stored by then, still needs a new answer. */
export type AskAgain = (
  id: string,
  login: Login,
  isDue: (login: Login) => boolean,
) => Promise<RevalidationResult>;

/** Renews the provider's tokens of a login. */
export interface RenewsTokens {
  renew(id: string, isDue: (login: Login) => boolean): Promise<unknown>;
}

/**
 * Asks the identity provider with what it gave at the sign-in: by refreshing its token, else, while
 * its access token lasts, by asking whom that belongs to.
 */
export async function askProvider(
  { id, login }: { readonly id: string; readonly login: Login },
  { upstream, identify }: { readonly upstream: RenewsTokens; readonly identify: Identify },
  isDue: (login: Login) => boolean,
): Promise<RevalidationResult> {
  const { refreshToken, accessToken, expiresAt = Infinity } = login.upstream ?? {};
  if (refreshToken !== undefined) {
    return await upstream.renew(id, isDue).then(
      (): RevalidationResult => ({ kind: "good" }),
      (cause: unknown): RevalidationResult =>
        endsLogin(cause) ? { kind: "over" } : { kind: "no-answer", cause },
    );
  }
  if (accessToken === undefined || expiresAt <= Date.now()) return { kind: "cannot-be-asked" };
  const person = await identify(accessToken);
  if (person === undefined) return { kind: "cannot-be-asked" };
  const isSame = person !== "nobody" && person.id === login.profile.id;
  return { kind: isSame ? "good" : "over" };
}
