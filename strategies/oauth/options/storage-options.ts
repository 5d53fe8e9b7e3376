import { createPrivateKey, sign, verify } from "node:crypto";
import { optionError } from "../../../src/shared/check.js";
import * as opt from "../../../src/shared/option.js";
import { isLongSecret, MIN_SECRET_LENGTH } from "../../../src/shared/seal.js";
import { secureUrl } from "./endpoint-options.js";
import type { SignInOptions } from "./sign-in-config.js";
import { toSigningKey } from "./signing-key.js";
import type { PrivateJwk, SignInKeys } from "./signing-key.js";
import { MemoryStorage } from "../../storage/storage.js";
import type { SignInStorage } from "../../storage/sign-in-storage.js";

/** Where things are kept. */
export const storage: opt.Option<SignInStorage> = opt.custom("storage", readStorage);

function readStorage(option: string, value: unknown): SignInStorage {
  if (value === undefined) return new MemoryStorage();
  const storage = Object(value) as Record<string, unknown>;
  for (const name of ["get", "set", "add", "take", "delete"]) {
    if (typeof storage[name] === "function") continue;
    throw optionError(
      option,
      `has no ${name}()`,
      "Pass a MemoryStorage, a FileStorage, or an object with the five operations of SignInStorage.",
    );
  }
  return value as SignInStorage;
}

/** {@link SignInKeys}. */
export const KEYS = opt.block({
  signing: opt.optional(opt.custom("list of JWKs", readSigningKeys)),
  secrets: opt.optional(opt.custom("list of texts", readSecrets)),
} satisfies opt.Declares<SignInKeys>);

function readSigningKeys(option: string, keys: unknown): readonly PrivateJwk[] {
  const list = (Array.isArray(keys) ? [...(keys as unknown[])] : []) as PrivateJwk[];
  if (list.length > 0 && list.every(isSigningKey)) return list;
  throw optionError(
    option,
    "must be a list of private keys (JWK) on the curve P-256",
    'Make one with generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" }).',
  );
}

/** Bits of a private value on P-256. */
const PRIVATE_BITS = 256n;

/**
 * Whether a key signs what its own public half verifies. Node takes halves of different keys, and a
 * larger private value ends the process when the key is written.
 *
 * @see RFC 7518, section 6.2.2.1
 */
function isSigningKey(jwk: PrivateJwk): boolean {
  try {
    const { crv, d = "" } = jwk;
    const value = BigInt(`0x0${Buffer.from(d, "base64url").toString("hex")}`);
    if (crv !== "P-256" || value >> PRIVATE_BITS > 0n) return false;
    const text = Buffer.from("signIn");
    const signature = sign("sha256", text, createPrivateKey({ key: { ...jwk }, format: "jwk" }));
    return verify("sha256", text, toSigningKey(jwk).publicKey, signature);
  } catch {
    return false;
  }
}

function readSecrets(option: string, secrets: unknown): readonly string[] {
  const list: unknown[] = Array.isArray(secrets) ? [...(secrets as unknown[])] : [];
  if (list.length > 0 && list.every(isLongSecret)) return list;
  throw optionError(
    option,
    `must be a list of texts with at least ${MIN_SECRET_LENGTH} characters`,
    'Make one with randomBytes(32).toString("hex"). If it comes from the environment: is that set?',
  );
}

/** How the pages name the server. */
export const CONSENT = opt.block({
  name: opt.optional(opt.text()),
  logoUrl: opt.optional(secureUrl()),
} satisfies opt.Declares<NonNullable<SignInOptions["consent"]>>);
