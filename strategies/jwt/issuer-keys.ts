import { createPublicKey } from "node:crypto";
import type { KeyObject } from "node:crypto";
import type { JwksClient, Options, SigningKey } from "jwks-rsa";
import { notAsked } from "../../src/auth/asking.js";
import type { McpSseError } from "../../src/shared/errors.js";
import packages from "../../src/shared/packages.cjs";
import { invalidToken, unavailable } from "../shared/credential-errors.js";
import { fetchJson } from "../shared/fetch-json.js";
import { MethodReports } from "../shared/method-reports.js";
import { signatureKeys } from "./jwk-set.js";
import type { KeyHeader } from "./key-header.js";
import { keyFitsAlgorithm, weaknessOf } from "./key-material.js";

/** How long fetched keys are used before they are fetched again: 10 minutes. */
const MAX_AGE_MS = 600_000;

/** How soon a key id that is not in the set may cause another fetch: 30 seconds. */
const UNKNOWN_KEY_COOLDOWN_MS = 30_000;

/** How soon a failed fetch is repeated: 5 seconds. */
const RETRY_MS = 5_000;

/** Bounds of one fetch: 5 seconds, and 1 MiB, which is some hundred times a large key set. */
const FETCH_LIMITS = { timeoutMs: 5_000, maxBytes: 1_048_576 };

/** @see RFC 7517, section 8.5.2 */
const ACCEPT = "application/jwk-set+json, application/json";

interface IssuerKey {
  readonly kid: string | undefined;
  /** The only algorithm the issuer uses this key for, if it says so. @see RFC 7517, section 4.4 */
  readonly alg: string | undefined;
  readonly key: KeyObject;
}

interface KeySet {
  readonly all: readonly IssuerKey[];
  readonly byKid: ReadonlyMap<string | undefined, readonly IssuerKey[]>;
}

/**
 * The public keys that an issuer publishes at one URL.
 *
 * jwks-rsa fetches and reads the key set; when to fetch is decided here. Its own limiter counts
 * every unknown key id, so that a flood of tokens with invented ids uses the limit up and a key
 * that was really rotated is not fetched; and its fall-back to old keys does not cover the error
 * of that limiter. Here
 *
 * - keys are used for 10 minutes, then fetched again;
 * - an unknown key id causes a fetch at most every 30 seconds, whoever sends how many;
 * - a failed fetch is repeated at most every 5 seconds;
 * - requests that need the same fetch share it;
 * - while the host cannot be reached, the keys it published last remain good. Then an unknown
 *   key id is not "invalid": it may have been published since.
 *
 * @see RFC 7517, section 5
 */
export class IssuerKeys {
  readonly #client: Pick<JwksClient, "getSigningKeys">;
  #keys: KeySet | undefined;
  #fetching: Promise<void> | undefined;
  /** When the last fetch ended, on the monotonic clock: a correction of the time of day changes nothing. */
  #fetchedAt = -Infinity;
  /** Why the last fetch failed; `undefined` after one that did not. */
  #outage: { readonly cause: unknown } | undefined;

  constructor(url: string, reports: MethodReports = new MethodReports()) {
    const jwksRsa = packages.jwksRsa() as {
      readonly JwksClient: new (options: Options) => JwksClient;
    };
    const fetcher = async (): Promise<{ keys: unknown }> => {
      const ask = () => fetchJson(url, FETCH_LIMITS, { headers: { accept: ACCEPT } });
      const { keys } = await reports.asking("jwks", ask, () => this.#keys !== undefined);
      return { keys: signatureKeys(keys) };
    };
    this.#client = new jwksRsa.JwksClient({ fetcher, cache: false, rateLimit: false });
  }

  /**
   * The key for a token with this header; without waiting when it is at hand.
   *
   * @param mayAsk whether an unknown key id may cause a fetch; one that is due is made in any case.
   * @throws McpSseError `invalid_token` when the issuer has no such key,
   * `temporarily_unavailable` when it cannot be asked.
   */
  keyFor(header: KeyHeader, mayAsk = true): KeyObject | Promise<KeyObject> {
    if (this.#isDue()) return this.#search(header);
    const known = this.#find(header);
    if (known === undefined && !mayAsk) throw notAsked();
    return known ?? this.#search(header);
  }

  async #search(header: KeyHeader): Promise<KeyObject> {
    const kept = this.#outage === undefined ? undefined : this.#find(header);
    if (kept !== undefined) {
      if (this.#mayFetch()) void this.#fetch();
      return kept;
    }
    if (this.#fetching !== undefined || this.#mayFetch()) await this.#fetch();
    const key = this.#find(header);
    if (key !== undefined) return key;
    if (this.#outage !== undefined) throw this.#unavailable(this.#outage.cause);
    throw invalidToken("the token's key is not one of its issuer's");
  }

  /** Whether the keys are to be fetched again even if they hold the one that is needed. */
  #isDue(): boolean {
    if (this.#keys === undefined || this.#outage !== undefined) return true;
    return this.#age() >= MAX_AGE_MS;
  }

  #mayFetch(): boolean {
    return this.#age() >= (this.#outage === undefined ? UNKNOWN_KEY_COOLDOWN_MS : RETRY_MS);
  }

  #age(): number {
    return performance.now() - this.#fetchedAt;
  }

  /** Joins the fetch under way, or starts one. Never rejects. */
  #fetch(): Promise<void> {
    this.#fetching ??= this.#load().finally(() => {
      this.#fetchedAt = performance.now();
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #load(): Promise<void> {
    try {
      this.#keys = indexKeys(await this.#client.getSigningKeys());
      this.#outage = undefined;
    } catch (cause) {
      this.#outage = { cause };
    }
  }

  #find(header: KeyHeader): KeyObject | undefined {
    return this.#keys === undefined ? undefined : findKey(this.#keys, header);
  }

  #unavailable(cause: unknown): McpSseError {
    const waitMs = Math.max(0, RETRY_MS - this.#age());
    return unavailable("the issuer's keys cannot be fetched at the moment", cause, waitMs / 1000);
  }
}

/**
 * The keys by id; in a `Map`, because the ids that are looked up come from strangers.
 * Several keys may share an id when they are of different types. @see RFC 7517, section 4.5
 */
function indexKeys(signingKeys: readonly SigningKey[]): KeySet {
  const byKid = new Map<string | undefined, IssuerKey[]>();
  const all: IssuerKey[] = [];
  for (const signingKey of signingKeys) {
    const { kid, alg } = signingKey as { kid?: string; alg?: string };
    const key = readKey(signingKey);
    if (key === undefined || weaknessOf(key) !== undefined) continue;
    // One that says it is for an algorithm which its type or curve cannot do is good for none.
    if (alg !== undefined && !keyFitsAlgorithm(key, alg)) continue;
    const issuerKey = { kid, alg, key };
    all.push(issuerKey);
    byKid.set(kid, [...(byKid.get(kid) ?? []), issuerKey]);
  }
  if (all.length === 0) throw new Error("the key set holds no usable key");
  return { all, byKid };
}

/** What cannot be read is passed over: one bad entry does not make the others unusable. */
function readKey(signingKey: SigningKey): KeyObject | undefined {
  try {
    return createPublicKey(signingKey.getPublicKey());
  } catch {
    return undefined;
  }
}

/**
 * The key that a token means; `undefined` when its id is not known.
 *
 * Security decision: a token without a key id is verified only when there is nothing to choose
 * from, among the keys that could verify it. Trying several would let strangers multiply the work.
 *
 * @throws McpSseError `invalid_token` when there are keys and none, or more than one, could be meant.
 */
function findKey({ all, byKid }: KeySet, { alg, kid }: KeyHeader): KeyObject | undefined {
  const candidates = kid === undefined ? all : (byKid.get(kid) ?? []);
  const [fitting, ...others] = candidates.filter((candidate) => mayVerify(candidate, alg));
  if (fitting === undefined && candidates.length > 0) {
    throw invalidToken("the token's key is not for its algorithm");
  }
  if (kid === undefined && others.length > 0) {
    throw invalidToken("the token names no key, and its issuer has several");
  }
  return fitting?.key;
}

/** Whether a key may verify an algorithm: both its type and its own `alg` have a say. */
function mayVerify(candidate: IssuerKey, alg: string): boolean {
  if (candidate.alg !== undefined && candidate.alg !== alg) return false;
  return keyFitsAlgorithm(candidate.key, alg);
}
