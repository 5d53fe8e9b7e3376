import type { AuthMethod } from "../auth/auth-method.js";
import { checkTextList, optionError } from "../shared/check.js";
import * as opt from "../shared/option.js";
import { isPassingHeader } from "../session/continuation.js";
import type { ContinuationRules } from "../session/continuation.js";
import { isToken } from "../shared/http-syntax.js";

/** What stays the same throughout a session. */
export interface BoundNames {
  readonly boundClaims: readonly string[];
  /** In lower case. */
  readonly boundHeaders: readonly string[];
}

/**
 * Where identity providers say for which organisation or tenant a token is, and in which role.
 * Scopes and permissions are compared as scopes.
 */
const DEFAULT_BOUND_CLAIMS: readonly string[] = [
  // Auth0, Clerk, Logto, WorkOS, and what people call their own.
  ...["org", "org_id", "org_name", "org_slug", "organization", "organization_id", "organizations"],
  ...["org_role", "organization_roles", "o"],
  // Entra ID, FusionAuth, Frontegg, Descope, Google Workspace, Firebase.
  ...["tid", "tenant", "tenant_id", "tenantId", "tenants", "dct", "hd", "firebase"],
  // RFC 9068, section 2.2.3.1, and Entra ID.
  ...["role", "roles", "groups", "entitlements", "wids"],
  // Keycloak, Cognito.
  ...["realm_access", "resource_access", "cognito:groups", "cognito:roles"],
  // ZITADEL.
  ...["urn:zitadel:iam:org:id", "urn:zitadel:iam:user:resourceowner:id"],
  "urn:zitadel:iam:org:project:roles",
  // Whom somebody else acts for. @see RFC 8693, section 4.1
  "act",
];

/** Differ between a GET and a POST, or say what one request of 2026-07-28 asks for, whoever sends them. */
const DIFFERENT_BY_REQUEST = /^(?:accept|content-type|cookie|origin|mcp-(?:method|name|param-.*))$/;

/** Claims that must not differ within a session. */
export const boundClaims: opt.Option<readonly string[]> = opt.custom(
  "list of names",
  (name, value) => checkNames(name, value) ?? DEFAULT_BOUND_CLAIMS,
);

/** Headers that must not differ within a session, in lower case. */
export const boundHeaders: opt.Option<readonly string[]> = opt.custom(
  "list of names",
  (name, value) => (checkNames(name, value) ?? []).map((header) => checkBoundHeader(name, header)),
);

/**
 * What a router's sessions must not differ in, and what of a request says nothing about that.
 *
 * @param own what the transports themselves put into requests.
 */
export function continuationRules(
  { boundClaims, boundHeaders }: BoundNames,
  methods: readonly AuthMethod[],
  own: Pick<ContinuationRules, "ownParameters" | "ownCookies">,
): ContinuationRules {
  return {
    boundClaims,
    boundHeaders,
    ownCookies: own.ownCookies,
    ownParameters: [
      ...own.ownParameters,
      ...methods.flatMap(({ queryParameter }) => queryParameter ?? []),
    ],
    credentialHeaders: methods.flatMap(({ requestHeaders = [] }) =>
      requestHeaders.map((name) => name.toLowerCase()),
    ),
  };
}

/** A list of names, which may be empty. */
function checkNames(option: string, value: unknown): readonly string[] | undefined {
  if (Array.isArray(value) && value.length === 0) return [];
  if (value !== undefined && !Array.isArray(value)) {
    throw optionError(option, "must be a list of names", 'Write ["…"], or [] for none.');
  }
  return checkTextList(option, value);
}

function checkBoundHeader(option: string, given: string): string {
  const name = given.toLowerCase();
  if (!isToken(name)) {
    throw optionError(option, "holds something that is no header name", 'Write ["X-Tenant"].');
  }
  if (isPassingHeader(name) || DIFFERENT_BY_REQUEST.test(name)) {
    throw optionError(
      option,
      `holds ${name}, which differs from request to request`,
      "Name headers that clients send alike with each. Credentials are compared in any case.",
    );
  }
  return name;
}
