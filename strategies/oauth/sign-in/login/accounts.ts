import type { ServerResponse } from "node:http";
import type * as OidcModule from "oidc-provider";
import type { Account, KoaContextWithOIDC } from "oidc-provider";
import { McpSseError } from "../../../../src/shared/errors.js";
import { forLog } from "./login-step.js";
import type { Logins } from "../storage/records.js";
import type { Login } from "../storage/login.js";
import { ConfirmLaterError } from "./login-step.js";

/** Says whether a login still counts. */
export interface ConfirmsLogins {
  /** @throws ConfirmLaterError when nobody can tell at the moment. */
  confirm(id: string): Promise<Login | undefined>;
}

export interface AccountParts {
  readonly logins: Logins;
  readonly revalidation: ConfirmsLogins;
  readonly onFailure: (res: ServerResponse, error: Error) => void;
}

/** When to come back while the identity provider does not answer, in seconds. */
const RETRY_AFTER_SECONDS = 30;

/**
 * The account behind a code, a refresh token, or the session of a browser. The engine's accounts
 * are logins, and each is confirmed before something new is given for it.
 *
 * A refresh token that was used before is not asked about: it ends its family whatever is said.
 *
 * @param token Undefined where a browser's session is looked at.
 * @throws the engine's error that is answered with 503 when a client can only come back.
 */
export async function findAccount(
  ctx: KoaContextWithOIDC,
  { id, token }: { readonly id: string; readonly token: object | undefined },
  parts: AccountParts,
  errors: typeof OidcModule.errors,
): Promise<Account | undefined> {
  const isSpent = token !== undefined && "consumed" in token && token.consumed !== undefined;
  if (isSpent) return toAccount(id, await parts.logins.find(id));
  try {
    return toAccount(id, await parts.revalidation.confirm(id));
  } catch (error) {
    if (!(error instanceof ConfirmLaterError)) throw error;
    // A person in front of a browser can sign in, or hear from the provider why not.
    if (token === undefined) return undefined;
    const cause = forLog(error.cause);
    const message = "A sign-in cannot be confirmed: the identity provider does not answer.";
    parts.onFailure(ctx.res, new McpSseError("temporarily_unavailable", message, { cause }));
    ctx.set("Retry-After", String(RETRY_AFTER_SECONDS));
    throw comeBack(errors);
  }
}

function toAccount(id: string, login: Login | undefined): Account | undefined {
  if (login === undefined) return undefined;
  return { accountId: id, claims: async () => ({ sub: login.profile.id }) };
}

/** Official clients keep their tokens when they hear this. @see RFC 6749, section 4.1.2.1 */
function comeBack({ CustomOIDCProviderError }: typeof OidcModule.errors): Error {
  const error = new CustomOIDCProviderError(
    "temporarily_unavailable",
    "the identity provider cannot be reached at the moment",
  );
  return Object.assign(error, { status: 503, statusCode: 503, expose: true });
}
