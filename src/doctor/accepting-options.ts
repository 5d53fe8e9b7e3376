import { PUBLIC_KEY_ALGORITHMS, SECRET_ALGORITHMS } from "../../strategies/jwt/key-material.js";
import { scopesOf } from "../../strategies/shared/token-claims.js";
import { isScope } from "../shared/http-syntax.js";
import { faultOfNamedUrl } from "./discovery-places.js";
import { terminalJson } from "./json-text.js";
import { isBoundToKey } from "./read-token.js";
import type { ReadToken } from "./read-token.js";

type Members = Readonly<Record<string, unknown>>;

/** An option of a method, with its value or where the value comes from. */
interface ProposedOption {
  readonly name: string;
  readonly value: unknown;
  /** The environment's variable that is to hold the value, which no token says. */
  readonly variable?: string;
  /** What its reader should look at. */
  readonly note?: string;
}

/** An entry of `auth` that would accept a token. */
export interface ProposedAuth {
  readonly type: "jwt" | "oauth";
  readonly options: readonly ProposedOption[];
}

/** What would accept a token, or why nothing does. */
export type Proposal =
  { readonly auths: readonly ProposedAuth[] } | { readonly refusedBecause: string };

/** Says with which options a token would be accepted, if it is genuine. Nobody is asked. */
export function proposeOptions(read: ReadToken): Proposal {
  const reason = whyNever(read);
  if (reason !== undefined || read.form !== "jwt") return { refusedBecause: reason ?? "" };
  const { header, claims } = read;
  const alg = String(header["alg"]);
  const isSecret = (SECRET_ALGORITHMS as readonly string[]).includes(alg);
  const oauth = isSecret ? undefined : proposeOAuth(claims);
  return { auths: [proposeJwt(claims, alg, isSecret), ...(oauth === undefined ? [] : [oauth])] };
}

/** Why there are no options that let a token in. */
function whyNever(read: ReadToken): string | undefined {
  if (read.form === "encrypted") return "it is encrypted, and only a signed JWT can be checked";
  if (read.form !== "jwt")
    return 'it is no JWT. An opaque token is for type "oauth", which asks its issuer; a key is for type "apikey"';
  const { header, claims, purpose } = read;
  const { alg } = header;
  if (purpose !== "access" && purpose !== "unknown") {
    return "it is no access token, and others permit nothing";
  }
  if (isBoundToKey(claims))
    return "it is bound to a key (cnf), and proofs of that are not supported";
  if ("crit" in header) return "its header has crit, which names extensions that are not supported";
  const known: readonly unknown[] = [...PUBLIC_KEY_ALGORITHMS, ...SECRET_ALGORITHMS];
  if (!known.includes(alg)) return `no method takes its algorithm, ${terminalJson(alg)}`;
  return undefined;
}

function proposeJwt(claims: Members, alg: string, isSecret: boolean): ProposedAuth {
  const { iss, exp } = claims;
  const audiences = audiencesOf(claims);
  return {
    type: "jwt",
    options: [
      isSecret ? { name: "secret", value: undefined, variable: "JWT_SECRET" } : keyOption(iss),
      ...(isText(iss) ? [{ name: "issuer", value: iss }] : []),
      ...(audiences.length > 0 ? [audienceOption(audiences)] : []),
      { name: "algorithms", value: [alg] },
      ...scopeOptions(claims),
      ...(exp === undefined
        ? [{ name: "requireExp", value: false, note: "the token would count for ever" }]
        : []),
    ],
  };
}

/** The issuer's key set, if it can be told from its URL; else its public key. */
function keyOption(iss: unknown): ProposedOption {
  if (!isText(iss) || faultOfNamedUrl(iss) !== undefined) {
    return { name: "publicKey", value: undefined, variable: "JWT_PUBLIC_KEY" };
  }
  const known = knownKeySet(iss);
  if (known !== undefined) return { name: "jwksUri", value: known };
  const value = `${iss.replace(/\/$/, "")}/.well-known/jwks.json`;
  return { name: "jwksUri", value, note: "a guess: the issuer's metadata says it, as jwks_uri" };
}

/** Where well-known providers publish the keys of an issuer: beginning of the issuer, and the URL. */
function knownKeySet(iss: string): string | undefined {
  const { hostname, pathname } = new URL(iss);
  const base = iss.replace(/\/$/, "");
  const tenant = pathname.split("/")[1] ?? "";
  if (hostname === "login.microsoftonline.com" && pathname.endsWith("/v2.0")) {
    return `https://${hostname}/${tenant}/discovery/v2.0/keys`;
  }
  if (hostname === "sts.windows.net") {
    return `https://login.microsoftonline.com/${tenant}/discovery/keys`;
  }
  if (hostname === "accounts.google.com") return "https://www.googleapis.com/oauth2/v3/certs";
  if (/\.okta(?:preview)?\.com$/.test(hostname)) return `${base}/v1/keys`;
  if (/\/realms\/[^/]+$/.test(base)) return `${base}/protocol/openid-connect/certs`;
  if (/\.auth0\.com$|^cognito-idp\..*\.amazonaws\.com$/.test(hostname)) {
    return `${base}/.well-known/jwks.json`;
  }
  return undefined;
}

/** `undefined` for a token that the method never accepts: of no issuer by https, without an end, for nobody. */
function proposeOAuth(claims: Members): ProposedAuth | undefined {
  const { iss, exp, client_id: client } = claims;
  if (!isText(iss) || faultOfNamedUrl(iss) !== undefined || /[?#]/.test(iss)) return undefined;
  if (exp === undefined) return undefined;
  const audiences = audiencesOf(claims);
  if (audiences.length === 0 && !isText(client)) return undefined;
  return {
    type: "oauth",
    options: [
      { name: "issuerUrl", value: iss },
      { name: "clientId", value: undefined, variable: "OAUTH_CLIENT_ID" },
      { name: "clientSecret", value: undefined, variable: "OAUTH_CLIENT_SECRET" },
      ...(audiences.length > 0
        ? [audienceOption(audiences)]
        : [
            { name: "audience", value: [client], note: "every token of this client gets in" },
            { name: "audienceClaim", value: "client_id" },
          ]),
      ...scopeOptions(claims),
      { name: "tokenValidation", value: "jwt" },
    ],
  };
}

function audiencesOf({ aud }: Members): readonly string[] {
  const list: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  return list.filter(isText);
}

function audienceOption(audiences: readonly string[]): ProposedOption {
  const [only] = audiences;
  if (audiences.length === 1) return { name: "audience", value: only };
  return { name: "audience", value: audiences, note: "keep only what names this server" };
}

function scopeOptions(claims: Members): readonly ProposedOption[] {
  const scopes = scopesOf(claims).filter(isScope);
  if (scopes.length === 0) return [];
  return [{ name: "scopes", value: scopes, note: "keep those that every caller needs" }];
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

/** A proposal as TypeScript, to be pasted where a router's options are written. */
export function proposalCode({ type, options }: ProposedAuth): string {
  const lines = options.map(({ name, value, variable, note }) => {
    const code = variable === undefined ? valueCode(value) : `process.env.${variable}!`;
    return `    ${name}: ${code},${note === undefined ? "" : ` // ${note}`}`;
  });
  return [`auth: {`, `  type: "${type}",`, `  options: {`, ...lines, `  },`, `},`].join("\n");
}

function valueCode(value: unknown): string {
  if (!Array.isArray(value)) return terminalJson(value);
  return `[${value.map((item) => terminalJson(item)).join(", ")}]`;
}
