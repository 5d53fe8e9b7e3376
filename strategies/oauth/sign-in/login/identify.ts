import { UpstreamError } from "../../../shared/upstream-error.js";
import type { SignInProfile } from "../storage/login.js";

/** Whom a token of the provider belongs to; `undefined` when nothing there tells that. */
export type Identify = (accessToken: string) => Promise<SignInProfile | "nobody" | undefined>;

/** Whether the userinfo endpoint says that a token is none, any more. @see RFC 6750, section 3.1 */
export function isTokenRefused(error: unknown): boolean {
  return error instanceof UpstreamError && error.status === 401;
}
