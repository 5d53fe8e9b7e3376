import type { PassportStrategy } from "../../../src/auth/auth-method.js";
import { checkText, optionError } from "../../../src/shared/check.js";
import * as opt from "../../../src/shared/option.js";
import { scopeNames } from "../../shared/check-options.js";
import { isStrategy } from "../../shared/is-strategy.js";
import { ENDPOINTS } from "./endpoint-options.js";
import type { LoginField, SignInOptions } from "./sign-in-config.js";
import type { LoginStep } from "./sign-in-settings.js";

export const LEAVE_OUT = "Leave it out for the default.";

const WRITE_PRINCIPAL = "Write principal: (user) => ({ id: user.id }).";

/** A field of the form. */
export const FIELD = opt.objectOf({
  name: opt.checked(opt.text(), (name, value) => {
    if (value !== "token") return value;
    throw optionError(name, "is the name of a field of ours", "Choose another.");
  }),
  label: opt.text(),
  type: opt.choice("text", "password", "email"),
} satisfies opt.Declares<LoginField>);

/** The options that say how people prove who they are. */
export const LOGIN_OPTIONS = {
  scopes: scopeNames(),
  authorizationParams: opt.optional(opt.custom("object of texts", readParams)),
  endpoints: opt.optional(ENDPOINTS),
  profile: opt.optional(opt.callback<NonNullable<SignInOptions["profile"]>>(LEAVE_OUT)),
  strategy: opt.optional(opt.custom("Passport strategy", readStrategy)),
  principal: opt.optional(opt.callback<NonNullable<SignInOptions["principal"]>>(WRITE_PRINCIPAL)),
  form: opt.optional(opt.custom("list of fields", readForm)),
};

type LoginSettings = opt.Resolved<typeof LOGIN_OPTIONS>;

/** @throws TypeError for options that do not go together. */
export function toLoginStep(settings: LoginSettings, path: string): LoginStep {
  const { strategy, scopes, authorizationParams: params = {}, endpoints, profile } = settings;
  if (strategy !== undefined) return toStrategyStep({ ...settings, strategy }, path);
  for (const name of ["principal", "form"] as const) {
    if (settings[name] === undefined) continue;
    throw optionError(`${path}.${name}`, "goes with strategy only", "Leave it out.");
  }
  if (endpoints !== undefined && profile === undefined) {
    throw optionError(
      `${path}.profile`,
      "is missing, and without metadata nobody says whose a token is",
      "Write profile: async (accessToken) => ({ id: … }), which asks the provider.",
    );
  }
  const usual = endpoints === undefined ? ["openid", "profile", "email"] : [];
  return { kind: "provider", scopes: scopes ?? usual, params, endpoints, profile };
}

function toStrategyStep(
  settings: LoginSettings & { readonly strategy: PassportStrategy },
  path: string,
): LoginStep {
  const { strategy, principal, form } = settings;
  for (const name of ["scopes", "authorizationParams", "endpoints", "profile"] as const) {
    if (settings[name] === undefined) continue;
    throw optionError(`${path}.${name}`, "does not go with strategy", "Tell it to the strategy.");
  }
  if (principal === undefined)
    throw optionError(`${path}.principal`, "is missing", WRITE_PRINCIPAL);
  return { kind: "strategy", strategy, principal, form };
}

function readStrategy(option: string, value: unknown): PassportStrategy {
  if (isStrategy(value)) return value;
  throw optionError(option, "must be a Passport strategy", "Pass an instance.");
}

function readForm(option: string, value: unknown): readonly LoginField[] {
  const fields: unknown[] = Array.isArray(value) ? value : [];
  if (fields.length === 0) {
    throw optionError(option, "must be a list of fields", 'Write [{ name, label, type: "text" }].');
  }
  return fields.map((field, index) => FIELD.read(`${option}[${index}]`, field));
}

/** Parameters that the login step sets itself. */
const RESERVED_PARAMS: ReadonlySet<string> = new Set([
  "client_id",
  "client_secret",
  "code_challenge",
  "code_challenge_method",
  "nonce",
  "redirect_uri",
  "request",
  "request_uri",
  "response_mode",
  "response_type",
  "scope",
  "state",
]);

function readParams(option: string, value: unknown): Readonly<Record<string, string>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw optionError(option, "must be an object", 'Write { access_type: "offline" }.');
  }
  for (const [name, text] of Object.entries(value)) {
    checkText(`${option}.${name}`, text);
    if (!RESERVED_PARAMS.has(name)) continue;
    throw optionError(`${option}.${name}`, "is set by the login step itself", "Leave it out.");
  }
  return { ...(value as Record<string, string>) };
}
