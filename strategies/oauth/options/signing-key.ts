import { createPrivateKey, createPublicKey, generateKeyPairSync, hash } from "node:crypto";
import type { KeyObject } from "node:crypto";

/**
 * A private key, as `privateKey.export({ format: "jwk" })` of `node:crypto` gives it. Node's own name
 * for that is not in all versions of its types.
 *
 * @see RFC 7517
 */
export interface PrivateJwk {
  readonly kty?: string;
  readonly crv?: string;
  readonly x?: string;
  readonly y?: string;
  /** The private part. */
  readonly d?: string;
  readonly kid?: string;
  readonly alg?: string;
  readonly use?: string;
}

/** Keys of a sign-in, when they are not to be made and kept in its storage. */
export interface SignInKeys {
  /**
   * Private keys (JWK) on the curve P-256, the newest first: the first signs access tokens, all of
   * them verify. Default: made and kept in `storage`.
   */
  readonly signing?: readonly PrivateJwk[] | undefined;
  /**
   * Secrets of at least 32 characters, the newest first: the first signs cookies and encrypts what
   * is stored, all of them are accepted. Default: made and kept in `storage`, which then holds
   * both the box and its key.
   */
  readonly secrets?: readonly string[] | undefined;
}

/** The algorithm that access tokens are signed with. @see RFC 7518, section 3.4 */
export const SIGNING_ALGORITHM = "ES256";

/** A private key as oidc-provider takes it, and the public one that verifies. */
export interface SigningKey {
  readonly kid: string;
  readonly jwk: PrivateJwk;
  readonly publicKey: KeyObject;
}

/** The key's id is its thumbprint, so that the same key has the same id everywhere. @see RFC 7638 */
export function toSigningKey(jwk: PrivateJwk): SigningKey {
  const privateKey = createPrivateKey({ key: { ...jwk }, format: "jwk" });
  const publicKey = createPublicKey(privateKey);
  const { crv, kty, x, y } = publicKey.export({ format: "jwk" });
  const kid = hash("sha256", JSON.stringify({ crv, kty, x, y }), "base64url");
  const plain = privateKey.export({ format: "jwk" });
  return { kid, publicKey, jwk: { ...plain, kid, alg: SIGNING_ALGORITHM, use: "sig" } };
}

/**
 * A new key on P-256, by way of PEM: Node 20 may never return from exporting a key as a JWK that
 * was generated just now. When the garbage collector comes meanwhile, it waits for the key to end
 * the job that made it, and the whole process stands still.
 */
export function generateSigningKey(): PrivateJwk {
  const { privateKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  return createPrivateKey(privateKey).export({ format: "jwk" });
}
