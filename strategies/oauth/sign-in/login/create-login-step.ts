import { unusable } from "../../../shared/upstream-error.js";
import { ProviderIdentity } from "./identity.js";
import { ProviderLogin } from "./provider-login.js";
import type { Logins } from "../storage/records.js";
import type { SignInProfile } from "../storage/login.js";
import { askProvider } from "./ask-provider.js";
import type { AskAgain, RevalidationResult } from "./ask-provider.js";
import { ROUTES } from "../../sign-in-routes.js";
import type { SealedStorage } from "../storage/seal.js";
import type { SignInParts } from "../sign-in-parts.js";
import { StrategyLogin } from "./strategy-login.js";
import { Upstream } from "./upstream.js";

/** How people prove who they are, and what can be had and asked after that. */
export interface LoginStepParts {
  readonly login: ProviderLogin | StrategyLogin;
  readonly upstream: Upstream;
  readonly ask: AskAgain;
}

/** The login step that the options ask for. */
export function createLoginStep(
  { settings, clientId, clientSecret, clockTolerance, provider, reports }: SignInParts,
  { logins, records }: { readonly logins: Logins; readonly records: SealedStorage },
): LoginStepParts {
  const { login: step, revalidate } = settings;
  const askOperator =
    revalidate && (async (profile: SignInProfile) => toResult(await revalidate(profile)));
  if (step.kind === "strategy") {
    const refresh = async (): Promise<never> => {
      throw new Error("the sign-in strategy gives no tokens");
    };
    return {
      login: new StrategyLogin(step, records),
      upstream: new Upstream({ logins, records, refresh }),
      ask: async (_id, { profile }) =>
        (await askOperator?.(profile)) ?? { kind: "cannot-be-asked" },
    };
  }
  const login = new ProviderLogin({
    step,
    clientId,
    clientSecret,
    callbackUrl: `${settings.issuer}${ROUTES.callback}`,
    metadata: () => provider.metadata(),
    identity: new ProviderIdentity({ clientId, clockTolerance, provider, reports }),
    records,
    reports,
  });
  const refresh = async (token: string) => await login.refresh(token);
  const upstream = new Upstream({ logins, records, refresh });
  const identify = async (token: string) => await login.identify(token);
  return {
    login,
    upstream,
    ask: async (id, stored, isDue) =>
      (await askOperator?.(stored.profile)) ??
      (await askProvider({ id, login: stored }, { upstream, identify }, isDue)),
  };
}

/** @throws UpstreamError, which counts as no answer, for a function that forgot to return one. */
function toResult(answer: unknown): RevalidationResult {
  if (typeof answer === "boolean") return { kind: answer ? "good" : "over" };
  throw unusable("revalidate() must return true or false");
}
