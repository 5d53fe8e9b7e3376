import type { AuthEndpoints } from "../auth/auth-method.js";
import { ownerKey } from "../auth/principal.js";
import type { Principal } from "../auth/principal.js";
import type { Sessions } from "../http/router-session.js";
import type { RouterSignIn } from "./sse-router.js";

/** The sign-in of a router, if it has one. */
export function createRouterSignIn(
  endpoints: AuthEndpoints | undefined,
  sessions: Sessions,
): RouterSignIn | undefined {
  if (endpoints === undefined) return undefined;
  const { issuer } = endpoints;
  return {
    endFor: async (person) => {
      const { id } = Object(person) as { readonly id?: unknown };
      if (typeof id !== "string" || id === "") {
        throw new TypeError('endFor takes the person: endFor({ id: "…" }), as in principal.id.');
      }
      // First the tokens: else a client that comes back at once would open another session.
      await endpoints.endFor(id);
      const principals = principalsOf(sessions, { issuer, id });
      return principals.reduce((ended, principal) => ended + sessions.closeFor(principal), 0);
    },
  };
}

/** The person as the principals of sessions: one for each client. */
function principalsOf(
  sessions: Sessions,
  person: { readonly issuer: string; readonly id: string },
): readonly Principal[] {
  const found = new Map<string, Principal>();
  for (const { principal } of sessions.list()) {
    if (principal?.id !== person.id || principal.issuer !== person.issuer) continue;
    found.set(ownerKey(principal), principal);
  }
  return [...found.values()];
}
