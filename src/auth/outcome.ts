import type { UpstreamToken } from "../shared/upstream-token.js";
import type { AuthMethod, FoundCredential } from "./auth-method.js";
import type { AuthInfo, Principal } from "./principal.js";

/** A caller who was let in, with what later steps need to know of the credential. */
export interface Caller {
  /** `undefined` on an endpoint that is explicitly open. */
  readonly principal: Principal | undefined;
  /** A new one each time that it is read: it is one request's. */
  readonly authInfo: AuthInfo | undefined;
  /** The methods that were asked, up to the one that let the caller in. */
  readonly methodsTried: readonly AuthMethod[];
  /** What the strategy succeeded with beside the user. */
  readonly info?: unknown;
  /** What the success stands on, as it was when the credential was verified; see {@link AuthMethod.revision}. */
  readonly revision?: unknown;
  /** When the credential was verified, on the clock of `performance.now()`. */
  readonly verifiedAt: number;
  /** Decides which sessions are the caller's. */
  readonly ownerKey: string;
  readonly credential: FoundCredential | undefined;
  /** Whether tools may see the credential. */
  readonly exposesToken: boolean;
  /** When the credential ends, tolerance included, in milliseconds since the epoch. */
  readonly validUntil: number | undefined;
  /** Whether another node has let the caller in, and this one cannot verify the credential. Default: no. */
  readonly isRelayed?: boolean;
  /** Looks up the identity provider's token for a caller of the same method. */
  readonly upstream?: ((principal: Principal) => Promise<UpstreamToken>) | undefined;
}

/** What authentication can come to. There is no other result, and no exception. */
export type Outcome =
  | {
      readonly kind: "authenticated";
      readonly caller: Caller;
      /** Whether the request carries another credential beside, which a method has refused. */
      readonly hasGuess?: boolean;
    }
  | {
      readonly kind: "no-credential";
      /** Challenges that strategies themselves asked for. */
      readonly challenges?: readonly string[];
      /** Why a method leaves a credential that is there to the other methods. */
      readonly unclaimed?: Pick<Extract<Outcome, { kind: "invalid" }>, "reason" | "bearer">;
    }
  | {
      readonly kind: "invalid";
      /** Names no value of the request; safe for the client and for logs. */
      readonly reason: string;
      /** What the log says beside the reason; not for the client. */
      readonly note?: string;
      /** Whether the refused credential was a bearer token. */
      readonly bearer: boolean;
      /** Whether it was good once: then nobody is guessing. */
      readonly isExpired?: boolean;
      /** Whether it may be good, and only nobody was asked; see {@link forbidAsking}. */
      readonly isUnasked?: boolean;
      /** Challenges that strategies themselves asked for. */
      readonly challenges?: readonly string[];
    }
  | {
      readonly kind: "insufficient-scope";
      readonly required: readonly string[];
      /** Those of them that the caller lacks, and who that is, where it is known. */
      readonly missing?: readonly string[];
      readonly principal?: Principal;
      /** Why they are needed, in words for the client. */
      readonly description?: string;
    }
  | {
      readonly kind: "unavailable";
      readonly reason: string;
      readonly retryAfterSeconds: number;
      readonly cause?: unknown;
    };

/** Every outcome but being let in. */
export type Refusal = Exclude<Outcome, { kind: "authenticated" }>;

/**
 * The refusal that helps most, of all that the methods gave: the caller is known but lacks a
 * scope; or someone could not decide, and may let the same credential in later; or the
 * credential is bad; or there was none.
 *
 * Security decision: an outage ranks above "invalid", because a client that hears "invalid"
 * throws a good token away.
 */
export function mostSpecific(refusals: readonly Refusal[]): Refusal {
  const order: readonly Refusal["kind"][] = ["insufficient-scope", "unavailable", "invalid"];
  const found = order
    .map((kind) => refusals.find((refusal) => refusal.kind === kind))
    .concat(refusals.find((refusal) => "unclaimed" in refusal))
    .find((refusal) => refusal !== undefined);
  if (found?.kind === "insufficient-scope" || found?.kind === "unavailable") return found;
  // One answer names the challenges of all.
  const challenges = refusals.flatMap((refusal) =>
    "challenges" in refusal ? refusal.challenges : [],
  );
  const all = challenges.length > 0 && { challenges };
  if (found?.kind !== "invalid") return { ...(found ?? { kind: "no-credential" }), ...all };
  const { isExpired: _one, ...refusal } = found;
  return { ...refusal, ...(areAllExpired(refusals) && { isExpired: true }), ...all };
}

/**
 * Whether nothing was refused but what was good once.
 *
 * Security decision: an expired token beside a guessed key is a guess.
 */
function areAllExpired(refusals: readonly Refusal[]): boolean {
  return refusals.every((refusal) => refusal.kind !== "invalid" || refusal.isExpired === true);
}

/**
 * A credential that every method left to the others is a bad one, for the reason that the first
 * had. Where another method verified it, that one's reason counts.
 */
export function refuseUnclaimed(refusal: Refusal): Refusal {
  if (refusal.kind !== "no-credential" || refusal.unclaimed === undefined) return refusal;
  const { unclaimed, challenges } = refusal;
  return { kind: "invalid", ...unclaimed, ...(challenges !== undefined && { challenges }) };
}
