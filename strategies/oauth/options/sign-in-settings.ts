import type { PassportStrategy } from "../../../src/auth/auth-method.js";
import type { Brand } from "../sign-in/pages/page.js";
import type { LoginField, SignInAdvancedOptions, SignInOptions } from "./sign-in-config.js";

/** The step in which somebody proves who they are. */
export type LoginStep =
  | {
      readonly kind: "provider";
      readonly scopes: readonly string[];
      readonly params: Readonly<Record<string, string>>;
      readonly endpoints: SignInOptions["endpoints"];
      readonly profile: SignInOptions["profile"];
    }
  | {
      readonly kind: "strategy";
      readonly strategy: PassportStrategy;
      readonly principal: NonNullable<SignInOptions["principal"]>;
      readonly form: readonly LoginField[] | undefined;
    };

/** {@link SignInOptions}, checked and complete. */
export interface SignInSettings
  extends
    Required<
      Pick<
        SignInOptions,
        | "revalidateMs"
        | "signInAgainAfterMs"
        | "storage"
        | "appSchemes"
        | "accessTokenSeconds"
        | "refreshTokenDays"
      >
    >,
    Required<SignInAdvancedOptions> {
  /** Our own issuer: the URL of the mount. */
  readonly issuer: string;
  /** What access tokens are for: the URL of the event stream. */
  readonly resource: string;
  /** Other URLs that clients may ask for: they get tokens for {@link resource}. */
  readonly otherResources: readonly string[];
  readonly login: LoginStep;
  readonly brand: Brand;
  readonly revalidate: SignInOptions["revalidate"];
  readonly keys: SignInOptions["keys"];
  /** `undefined` for the one that asks public hosts only. */
  readonly fetchClientMetadata: SignInOptions["fetchClientMetadata"];
}
