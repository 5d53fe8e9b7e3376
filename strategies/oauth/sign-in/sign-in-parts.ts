import type { MethodReports } from "../../shared/method-reports.js";
import type { ProviderIssuer } from "../published-metadata.js";
import type { SignInSettings } from "../options/sign-in-settings.js";

/** What a sign-in needs of the method around it. */
export interface SignInParts {
  readonly settings: SignInSettings;
  /** The identity provider's issuer. */
  readonly providerIssuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** What callers need, and so what clients may ask for. */
  readonly scopes: readonly string[];
  readonly clockTolerance: number;
  /** What the identity provider publishes. */
  readonly provider: ProviderIssuer;
  /** Tells an operator what they should know. */
  readonly warn: (message: string) => void;
  /** Where it is told what people and clients have done, and what was asked of others. */
  readonly reports: MethodReports;
}
