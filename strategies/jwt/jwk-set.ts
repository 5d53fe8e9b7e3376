import { PUBLIC_KEY_ALGORITHMS } from "./key-material.js";

/**
 * Those entries of a published key set that could verify a signature of ours: a public key for
 * RSA or ECDSA that its issuer uses for signatures.
 *
 * Security decision: everything else is passed over, whatever it is. An entry that is no object, a
 * symmetric key (which would be no secret any more), or a key for encryption neither counts as one
 * of the issuer's keys nor makes the others unusable.
 *
 * @see RFC 7517, sections 4.1 to 4.4 and 5
 */
export function signatureKeys(keys: unknown): readonly object[] {
  return Array.isArray(keys) ? (keys as unknown[]).filter(isSignatureKey) : [];
}

const ALGORITHMS: ReadonlySet<unknown> = new Set(PUBLIC_KEY_ALGORITHMS);

function isSignatureKey(entry: unknown): entry is object {
  if (typeof entry !== "object" || entry === null) return false;
  const { kty, use, alg, key_ops: operations } = entry as Record<string, unknown>;
  return (
    (kty === "RSA" || kty === "EC") &&
    (use === undefined || use === "sig") &&
    (alg === undefined || ALGORITHMS.has(alg)) &&
    (operations === undefined || (Array.isArray(operations) && operations.includes("verify")))
  );
}
