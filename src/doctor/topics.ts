import type { Refusal } from "./refusal.js";

/** What a credential was refused for. */
export type Topic =
  | "not-found"
  | "in-url"
  | "expired"
  | "not-yet-valid"
  | "no-expiry"
  | "audience"
  | "issuer"
  | "algorithm"
  | "unsigned"
  | "signature"
  | "key"
  | "purpose"
  | "bound"
  | "scopes"
  | "malformed"
  | "inactive"
  | "api-key-unknown"
  | "api-key-expired"
  | "too-many-failures"
  | "unavailable"
  | "policy";

/**
 * Words by which servers tell why: ours, and those of jsonwebtoken, jose, PyJWT, go-jose, Spring and
 * others. The more particular stand first.
 */
const WORDS: readonly (readonly [Topic, RegExp])[] = [
  ["in-url", /must not be in the url|not allowed in (?:the )?(?:url|query)/i],
  ["api-key-expired", /api[- ]?key (?:has |is )?expired/i],
  [
    "api-key-unknown",
    /api[- ]?key (?:is |was )?(?:not known|unknown|invalid|not valid|not found|wrong)|(?:invalid|unknown|incorrect|wrong) api[- ]?key/i,
  ],
  ["no-expiry", /has no expiry|\b(?:missing|no)\b[^.]{0,20}\bexp\b/i],
  ["inactive", /token is not active|inactive|revoked/i],
  [
    "not-yet-valid",
    /not valid yet|not yet valid|not yet active|jwt not active|used before|issued in the future|\bnbf\b/i,
  ],
  ["expired", /expired|\bexp\b[^.]{0,40}(?:timestamp|claim|check)|lifetime/i],
  ["audience", /not meant for this|audience|\baud\b/i],
  ["unsigned", /not signed/i],
  ["algorithm", /\balg\b|algorithm/i],
  ["key", /token's key|names no key|signing key|no (?:applicable|matching) key|\bkid\b|jwks?\b/i],
  ["signature", /signature/i],
  ["bound", /bound to a key|\bdpop\b|proof of possession/i],
  ["purpose", /no access token|not an access token|\bid[-_ ]?token\b|refresh token|token type/i],
  ["issuer", /issuer|\biss\b/i],
  [
    "malformed",
    /malformed|cannot (?:be )?(?:decode|parse)d?|not enough segments|invalid (?:compact )?jws|is empty/i,
  ],
];

/** What codes say, where they say more than that the credential is bad. */
const CODES: ReadonlyMap<string, Topic> = new Map([
  ["missing_credential", "not-found"],
  ["insufficient_scope", "scopes"],
  ["forbidden", "policy"],
  ["too_many_failures", "too-many-failures"],
  ["temporarily_unavailable", "unavailable"],
  ["invalid_audience", "audience"],
  ["token_expired", "expired"],
]);

/** What a refusal's code and words say that it was for. */
export function topicOf({ code, words }: Pick<Refusal, "code" | "words">): Topic | undefined {
  return CODES.get(code) ?? topicOfWords(words);
}

/** Of which topic a server's words speak. */
function topicOfWords(words: string): Topic | undefined {
  const short = words.slice(0, 500);
  return WORDS.find(([, pattern]) => pattern.test(short))?.[0];
}
