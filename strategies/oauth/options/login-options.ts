import type { PassportStrategy } from "../../../src/auth/auth-method.js";
import { checkText, checkOptionNames, optionError } from "../../../src/shared/check.js";
import { checkScopes } from "../../shared/check-options.js";
import { isStrategy } from "../../passport.js";
import { checkEndpoint } from "./storage-options.js";
import type { LoginField } from "../sign-in/pages/other-pages.js";
import type { SignInOptions } from "./sign-in-config.js";

/** The options of `signIn` that say how people prove who they are. */

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

/** @throws TypeError for a wrong option of the login step. */
export function readLoginStep(options: SignInOptions, path: string): LoginStep {
  if (options.strategy !== undefined) return readStrategyStep(options, path);
  for (const name of ["principal", "form"] as const) {
    if (options[name] === undefined) continue;
    throw optionError(`${path}.${name}`, "goes with strategy only", "Leave it out.");
  }
  const endpoints = readEndpoints(`${path}.endpoints`, options.endpoints);
  const profile = readFunction(path, "profile", options);
  if (endpoints !== undefined && profile === undefined) {
    throw optionError(
      `${path}.profile`,
      "is missing, and without metadata nobody says whose a token is",
      "Write profile: async (accessToken) => ({ id: … }), which asks the provider.",
    );
  }
  const scopes = checkScopes(`${path}.scopes`, options.scopes);
  return {
    kind: "provider",
    scopes: scopes ?? (endpoints === undefined ? ["openid", "profile", "email"] : []),
    params: readParams(`${path}.authorizationParams`, options.authorizationParams),
    endpoints,
    profile,
  };
}

function readStrategyStep(options: SignInOptions, path: string): LoginStep {
  const { strategy, principal, form } = options;
  if (!isStrategy(strategy)) {
    throw optionError(`${path}.strategy`, "must be a Passport strategy", "Pass an instance.");
  }
  for (const name of ["scopes", "authorizationParams", "endpoints", "profile"] as const) {
    if (options[name] === undefined) continue;
    throw optionError(`${path}.${name}`, "does not go with strategy", "Tell it to the strategy.");
  }
  if (typeof principal !== "function") {
    throw optionError(
      `${path}.principal`,
      "is missing",
      "Write principal: (user) => ({ id: user.id }).",
    );
  }
  return { kind: "strategy", strategy, principal, form: readForm(`${path}.form`, form) };
}

function readForm(option: string, value: unknown): readonly LoginField[] | undefined {
  if (value === undefined) return undefined;
  const fields: unknown[] = Array.isArray(value) ? value : [];
  if (fields.length === 0) {
    throw optionError(option, "must be a list of fields", 'Write [{ name, label, type: "text" }].');
  }
  return fields.map((field, index) => {
    const path = `${option}[${index}]`;
    checkOptionNames(path, field, ["name", "label", "type"]);
    const { type = "text" } = field as Partial<LoginField>;
    if (!["text", "password", "email"].includes(type)) {
      throw optionError(`${path}.type`, "is unknown", 'Write "text", "password" or "email".');
    }
    const name = checkText(`${path}.name`, field["name"]);
    if (name === "token") {
      throw optionError(`${path}.name`, "is the name of a field of ours", "Choose another.");
    }
    return { name, label: checkText(`${path}.label`, field["label"]), type };
  });
}

function readEndpoints(option: string, value: unknown): SignInOptions["endpoints"] {
  if (value === undefined) return undefined;
  checkOptionNames(option, value, ["authorizationUrl", "tokenUrl"]);
  return {
    authorizationUrl: checkEndpoint(`${option}.authorizationUrl`, value["authorizationUrl"]),
    tokenUrl: checkEndpoint(`${option}.tokenUrl`, value["tokenUrl"]),
  };
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

function readParams(option: string, value: unknown = {}): Readonly<Record<string, string>> {
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

/** A function, or nothing. */
export function readFunction<
  K extends "profile" | "principal" | "fetchClientMetadata" | "revalidate",
>(path: string, name: K, options: SignInOptions): SignInOptions[K] {
  const value: unknown = options[name];
  if (value === undefined || typeof value === "function") return options[name];
  throw optionError(`${path}.${name}`, "must be a function", "Leave it out for the default.");
}
