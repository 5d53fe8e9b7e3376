import type { AuthMethod } from "../src/auth/auth-method.js";
import { checkText, checkOptionNames, optionError } from "../src/shared/check.js";
import type { Directions } from "../src/shared/check.js";
import { apikey } from "./apikey.js";
import type { AuthConfig, OAuthAuth } from "./auth-config.js";
import { jwt } from "./jwt.js";
import type { JwtOptions } from "./jwt.js";
import { oauth } from "./oauth.js";
import type { OAuthContext } from "./oauth.js";
import { isStrategy } from "./shared/is-strategy.js";

/** Builds the method of one auth type; `path` is how errors call its options. */
type Factory = (options: never, path: string, context: OAuthContext) => AuthMethod;

const FACTORIES: ReadonlyMap<string, Factory> = new Map<string, Factory>([
  ["jwt", jwt],
  ["apikey", apikey],
  ["oauth", oauth],
]);

const KNOWN = [...FACTORIES.keys()].map((type) => `"${type}"`).join(", ");

/**
 * The methods that an `auth` option stands for, in their order.
 *
 * @param path How error messages call the option.
 * @param endpoint What is configured of the endpoint: its URL is the audience of tokens by default.
 * @throws TypeError for anything that is no configuration; it says which part, and what to write
 * instead.
 */
export function toAuthMethods(
  config: AuthConfig,
  path = "auth",
  endpoint: Pick<OAuthContext, "resource" | "otherResources" | "mountUrl"> = {},
): readonly AuthMethod[] {
  if (!Array.isArray(config)) return [toAuthMethod(config, path, endpoint)];
  if (config.length === 0) {
    throw optionError(
      path,
      "is an empty list",
      "Name a method, or write false for an open server.",
    );
  }
  const entries = config as readonly unknown[];
  const issuers = (entries as readonly (Partial<OAuthAuth> | null)[]).filter(
    (entry) => entry?.type === "oauth",
  );
  const introspected = issuers.filter(
    (entry) => entry?.options?.tokenValidation === "introspection",
  );
  const context = {
    ...endpoint,
    hasSeveralIssuers: issuers.length > 1,
    needsNamedIssuer: introspected.length > 1,
  };
  const methods = entries.map((entry, index) => toAuthMethod(entry, `${path}[${index}]`, context));
  checkIssuers(entries, path);
  checkNames(methods, path);
  return methods;
}

/** Of mcp-framework's `auth`, which has no type. */
const ENTRY_DIRECTIONS: Directions = {
  provider: `Write { type, options } with a type of ${KNOWN}; a provider of your own is fromPassport(…).`,
  endpoints: "Leave it out: the stream and the messages are always authenticated.",
};

function toAuthMethod(entry: unknown, path: string, context: OAuthContext): AuthMethod {
  if (typeof entry !== "object" || entry === null || Array.isArray(entry)) {
    throw optionError(
      path,
      "must be an authentication method",
      `Write { type, options } with a type of ${KNOWN}, or fromPassport(…).`,
    );
  }
  if ("strategies" in entry && !("type" in entry)) return checkMethod(entry, path);
  if (isStrategy(entry)) {
    throw optionError(
      path,
      "is a Passport strategy",
      "Write fromPassport(strategy, { principal: (user) => ({ id: … }) }).",
    );
  }
  checkOptionNames(path, entry, ["type", "options"], ENTRY_DIRECTIONS);
  const factory = findFactory(entry["type"], path);
  if (entry["options"] === undefined) {
    throw optionError(`${path}.options`, "is missing", "Write { type, options: { … } }.");
  }
  return factory(entry["options"] as never, `${path}.options`, context);
}

function findFactory(type: unknown, path: string): Factory {
  const factory = FACTORIES.get(type as string);
  if (factory !== undefined) return factory;
  const plain = typeof type === "string" ? type.toLowerCase().replace(/[^a-z]/g, "") : "";
  const meant = FACTORIES.has(plain) ? ` Did you mean "${plain}"?` : "";
  throw optionError(`${path}.type`, "is not a known type", `The types are ${KNOWN}.${meant}`);
}

/** A method that was built by hand has what the contract demands; what it may have is its own affair. */
function checkMethod(method: object, path: string): AuthMethod {
  const { name, strategies, principal, findCredential } = method as Partial<AuthMethod>;
  checkText(`${path}.name`, name);
  if (!Array.isArray(strategies) || strategies.length === 0 || !strategies.every(isStrategy)) {
    throw optionError(
      `${path}.strategies`,
      "must be a list of Passport strategies, and not empty",
      "Write [new SomeStrategy(…)].",
    );
  }
  if (typeof principal !== "function") {
    throw optionError(`${path}.principal`, "must be a function", "Write (user) => ({ id: … }).");
  }
  if (findCredential !== undefined && typeof findCredential !== "function") {
    throw optionError(`${path}.findCredential`, "must be a function", "It takes the request.");
  }
  return method as AuthMethod;
}

/**
 * Security decision: with tokens of several keys, each entry names its issuer. Otherwise whoever
 * holds one of the keys could name a subject, and an issuer, of another's, and reach the
 * sessions that belong to those.
 */
function checkIssuers(entries: readonly unknown[], path: string): void {
  const jwts = entries
    .map((entry, index) => ({ ...(entry as { type?: unknown; options?: object }), index }))
    .filter(({ type }) => type === "jwt");
  const open = jwts.find(({ options }) => (options as JwtOptions).issuer === undefined);
  if (jwts.length < 2 || open === undefined) return;
  throw optionError(
    `${path}[${open.index}].options.issuer`,
    "is missing, and there are several entries of type jwt",
    'Name the issuer of each. Or tell them apart: { ...jwt(options), name: "…" }.',
  );
}

/**
 * Security decision: sessions belong to method, issuer, subject and client. Two methods of one
 * name would let a subject of the one into the sessions of the subject of the other that is called
 * alike, if no issuer tells them apart.
 */
function checkNames(methods: readonly AuthMethod[], path: string): void {
  methods.forEach(({ name }, index) => {
    const first = methods.findIndex((method) => method.name === name);
    const open = [index, first].find((at) => methods[at]?.issuers === undefined);
    if (first === index || open === undefined) return;
    throw optionError(
      `${path}[${open}]`,
      `has the name "${name}", as ${path}[${open === index ? first : index}] has`,
      'Give it a name of its own: { ...apikey(options), name: "…" }, or the option name of fromPassport.',
    );
  });
}
