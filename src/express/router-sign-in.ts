import type { RouterCluster } from "../cluster/router-cluster.js";
import type { AuthEndpoints } from "../auth/auth-method.js";
import type { Sessions } from "../http/router-session.js";
import type { RouterSignIn } from "./router-interface.js";

/** The sign-in of a router, if it has one. */
export function createRouterSignIn(
  endpoints: AuthEndpoints | undefined,
  sessions: Sessions,
  cluster: RouterCluster | undefined,
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
      if (cluster !== undefined) return (await cluster.sessions.closeFor({ id, issuer })).closed;
      // One principal for each client, and for those of 2026-07-28 no session tells which.
      return sessions.closeFor((principal) => principal?.id === id && principal.issuer === issuer);
    },
  };
}
