import { scopesOf } from "../../strategies/shared/token-claims.js";
import { sameIssuer } from "../../strategies/oauth/issuer-url.js";
import type { Evidence, TokenEvidence } from "./evidence.js";
import { isNamed, issuersIn, metadataOf, usedResourceDocument } from "./read-discovery.js";
import { isBoundToKey } from "./read-token.js";
import type { Topic } from "./topics.js";

type Members = Readonly<Record<string, unknown>>;

/** A JWT that is sent, with what is known around it. */
interface SentJwt {
  readonly header: Members;
  readonly claims: Members;
  /** The time on the server's clock, or on ours where it tells none. In seconds. */
  readonly now: number;
  readonly evidence: Evidence;
}

/** By how much clocks may differ before it is the cause of anything. In seconds. */
const TOLERANCE = 30;

/** Faults that show in a token itself, in the order in which servers look. */
const FAULTS: readonly (readonly [Topic, (jwt: SentJwt) => boolean])[] = [
  ["unsigned", ({ header }) => header["alg"] === "none"],
  ["bound", ({ claims }) => isBoundToKey(claims)],
  ["issuer", (jwt) => hasOtherIssuer(jwt)],
  ["algorithm", (jwt) => hasOtherAlgorithm(jwt)],
  ["key", (jwt) => hasUnknownKey(jwt)],
  ["expired", ({ claims: { exp }, now }) => typeof exp === "number" && exp <= now],
  ["not-yet-valid", ({ claims, now }) => startOf(claims) > now + TOLERANCE],
  ["audience", (jwt) => hasOtherAudience(jwt)],
  ["no-expiry", ({ claims }) => !("exp" in claims)],
];

/** What is wrong with the token that is sent, as far as it shows. */
export function tokenFaults(evidence: Evidence): readonly Topic[] {
  const { token } = evidence;
  if (token === undefined) return [];
  const { read } = token;
  if (read.form !== "jwt") return ["malformed"];
  if (read.purpose !== "access" && read.purpose !== "unknown") return ["purpose"];
  const jwt = { ...read, now: serverSeconds(token), evidence };
  return FAULTS.filter(([, isWrong]) => isWrong(jwt)).map(([topic]) => topic);
}

/** The time on the server's clock. */
export function serverSeconds({ readAtMs, serverAheadMs = 0 }: TokenEvidence): number {
  return (readAtMs + serverAheadMs) / 1_000;
}

/** When a token begins to count; the past where it does not say. */
function startOf({ nbf }: Members): number {
  return typeof nbf === "number" ? nbf : -Infinity;
}

/** The issuers that the server names, as they call themselves. */
export function namedIssuers({ discovery }: Evidence): readonly string[] {
  if (discovery === undefined) return [];
  const published = discovery.issuers
    .filter((asked) => isNamed(discovery, asked))
    .map((asked) => metadataOf(asked)?.members?.["issuer"]);
  const named = issuersIn(usedResourceDocument(discovery)?.members);
  return [...new Set([...named, ...published.filter((issuer) => typeof issuer === "string")])];
}

function hasOtherIssuer({ claims: { iss }, evidence }: SentJwt): boolean {
  const named = namedIssuers(evidence);
  return (
    named.length > 0 && !(typeof iss === "string" && named.some((one) => sameIssuer(one, iss)))
  );
}

/** The keys of a token's issuer; `undefined` where they are not known. */
export function keysOf({ keySet }: TokenEvidence): readonly Members[] | undefined {
  const keys = keySet?.members?.["keys"];
  if (!Array.isArray(keys)) return undefined;
  return keys.filter((key): key is Members => typeof key === "object" && key !== null);
}

/** Whether a key set has no key of a kind that an algorithm works with. */
function hasOtherAlgorithm({ header: { alg }, evidence }: SentJwt): boolean {
  const keys = evidence.token && keysOf(evidence.token);
  if (keys === undefined || keys.length === 0 || typeof alg !== "string" || alg === "none") {
    return false;
  }
  const type = { R: "RSA", P: "RSA", E: alg === "EdDSA" ? "OKP" : "EC" }[alg.charAt(0)];
  return !keys.some(({ kty, alg: only }) => kty === type && (only === undefined || only === alg));
}

function hasUnknownKey({ header: { kid }, evidence }: SentJwt): boolean {
  const keys = evidence.token && keysOf(evidence.token);
  return keys !== undefined && kid !== undefined && !keys.some((key) => key["kid"] === kid);
}

/** Whom a token is for. */
export function audiencesOf({ aud }: Members): readonly string[] {
  const list: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  return list.filter((name) => typeof name === "string");
}

/** What the server calls itself in the document about it. */
export function resourceOf({ discovery }: Evidence): string | undefined {
  const resource = discovery && usedResourceDocument(discovery)?.members?.["resource"];
  return typeof resource === "string" ? resource : undefined;
}

function hasOtherAudience({ claims, evidence }: SentJwt): boolean {
  const resource = resourceOf(evidence);
  if (resource === undefined) return false;
  return !audiencesOf(claims).some((name) => withoutSlash(name) === withoutSlash(resource));
}

function withoutSlash(url: string): string {
  return url.replace(/\/$/, "");
}

/** Scopes that a challenge asks for, and the token lacks. */
export function missingScopes(needed: string | undefined, claims: Members): readonly string[] {
  const granted = scopesOf(claims);
  return (needed ?? "").split(" ").filter((scope) => scope !== "" && !granted.includes(scope));
}
