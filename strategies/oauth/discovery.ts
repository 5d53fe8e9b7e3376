import type { McpSseError } from "../../src/shared/errors.js";
import { unavailable } from "../shared/credential-errors.js";
import { fetchJson } from "../shared/fetch-json.js";
import type { FetchJsonLimits } from "../shared/fetch-json.js";
import { MethodReports } from "../shared/method-reports.js";
import { UpstreamError } from "../shared/upstream-error.js";
import { parseMetadata } from "./issuer-metadata.js";
import type { IssuerMetadata } from "./published-metadata.js";
import { metadataUrls } from "./issuer-url.js";

/** Longest metadata document that is read, in bytes. Real ones have less than 20 KiB. */
const MAX_DOCUMENT_BYTES = 262_144;

/** How an {@link IssuerDiscovery} behaves. */
export interface IssuerDiscoveryOptions {
  /** The issuer, as `checkIssuerUrl` returned it. */
  readonly issuerUrl: string;
  /** Milliseconds after which the metadata is asked for again. Default: 3600000 (1 hour). */
  readonly lifetimeMs?: number;
  /** Milliseconds after a failed look-up during which no other is made. Default: 5000 (5 seconds). */
  readonly cooldownMs?: number;
  /** Milliseconds that each URL has to answer. Default: 5000 (5 seconds). */
  readonly timeoutMs?: number;
  /** Milliseconds since the epoch. Default: `Date.now`. */
  readonly now?: () => number;
  /** Where it is told what was asked. Default: nowhere. */
  readonly reports?: MethodReports;
}

/** One URL that was asked for metadata, and what came of it. */
export interface DiscoveryAttempt {
  readonly url: string;
  /** Reads on after the URL: `"answered 404"`, `"names another issuer, …"`. */
  readonly answer: string;
}

/**
 * No URL of an issuer gave usable metadata. For operators: the message names every URL with what
 * it answered, and the issuer's host with it, so it is not for clients.
 */
export class DiscoveryError extends UpstreamError {
  override readonly name = "DiscoveryError";
  readonly attempts: readonly DiscoveryAttempt[];

  constructor(issuerUrl: string, attempts: readonly DiscoveryAttempt[]) {
    const list = attempts.map(({ url, answer }) => `${url} ${answer}`).join("; ");
    super("unreachable", `no metadata of the issuer ${issuerUrl} was found: ${list}`);
    this.attempts = attempts;
  }
}

/**
 * Finds an issuer's metadata when it is first needed, and keeps it.
 *
 * Look-ups that happen together are one; a failed one is not repeated for a few seconds, however
 * many requests ask. What was once found is kept for as long as the issuer is down: the keys it
 * points to have a lifetime of their own.
 *
 * @see RFC 8414, section 3; OpenID Connect Discovery 1.0, section 4
 */
export class IssuerDiscovery {
  readonly issuerUrl: string;
  readonly #limits: FetchJsonLimits;
  readonly #lifetimeMs: number;
  readonly #cooldownMs: number;
  readonly #now: () => number;
  readonly #reports: MethodReports;
  #found: { readonly metadata: IssuerMetadata; readonly at: number } | undefined;
  #failed: { readonly error: DiscoveryError; readonly at: number } | undefined;
  #lookup: Promise<IssuerMetadata> | undefined;

  constructor(options: IssuerDiscoveryOptions) {
    this.issuerUrl = options.issuerUrl;
    this.#limits = { timeoutMs: options.timeoutMs ?? 5000, maxBytes: MAX_DOCUMENT_BYTES };
    this.#lifetimeMs = options.lifetimeMs ?? 3_600_000;
    this.#cooldownMs = options.cooldownMs ?? 5000;
    this.#now = options.now ?? Date.now;
    this.#reports = options.reports ?? new MethodReports();
  }

  /** Why the latest look-up failed; `undefined` when it succeeded or none was made. */
  get failure(): DiscoveryError | undefined {
    return this.#failed?.error;
  }

  /**
   * The issuer's metadata. Once found, it is answered at once and renewed behind the caller's back.
   *
   * @throws McpSseError `temporarily_unavailable` with `Retry-After` while none has been found;
   * its `cause` is the {@link DiscoveryError}.
   */
  async metadata(): Promise<IssuerMetadata> {
    if (this.#found === undefined) return await this.#lookUpOnce();
    if (this.#left(this.#found.at, this.#lifetimeMs) === 0) {
      // A failure stays readable in `failure`; the caller has what was found before.
      this.#lookUpOnce().catch(() => undefined);
    }
    return this.#found.metadata;
  }

  async #lookUpOnce(): Promise<IssuerMetadata> {
    if (this.#lookup === undefined) {
      if (this.#failed !== undefined && this.#left(this.#failed.at, this.#cooldownMs) > 0) {
        throw this.#unavailable(this.#failed);
      }
      this.#lookup = this.#lookUp().finally(() => {
        this.#lookup = undefined;
      });
    }
    return await this.#lookup;
  }

  async #lookUp(): Promise<IssuerMetadata> {
    const attempts: DiscoveryAttempt[] = [];
    for (const url of metadataUrls(this.issuerUrl)) {
      try {
        const metadata = await this.#reports.asking(
          "metadata",
          async () => parseMetadata(this.issuerUrl, await fetchJson(url, this.#limits)),
          () => this.#found !== undefined,
        );
        this.#found = { metadata, at: this.#now() };
        this.#failed = undefined;
        return metadata;
      } catch (error) {
        attempts.push({ url, answer: error instanceof Error ? error.message : "failed" });
      }
    }
    this.#failed = { error: new DiscoveryError(this.issuerUrl, attempts), at: this.#now() };
    throw this.#unavailable(this.#failed);
  }

  #unavailable({ error, at }: { error: DiscoveryError; at: number }): McpSseError {
    const waitMs = this.#left(at, this.#cooldownMs);
    return unavailable("the issuer cannot be reached", error, waitMs / 1000);
  }

  /** Milliseconds that are left of a time span. None once the clock was set back: it cannot be told. */
  #left(since: number, ms: number): number {
    const passed = this.#now() - since;
    return passed >= 0 && passed < ms ? ms - passed : 0;
  }
}
