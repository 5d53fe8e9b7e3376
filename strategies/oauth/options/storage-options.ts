import type { JsonWebKey } from "node:crypto";
import { checkText, checkOptionNames, optionError } from "../../../src/shared/check.js";
import { isLocalToNode } from "../../../src/shared/loopback.js";
import { toSigningKey } from "./signing-key.js";
import type { SignInKeys } from "./signing-key.js";
import type { Brand } from "../sign-in/pages/page.js";
import { MemoryStorage } from "../../storage/storage.js";
import type { SignInStorage } from "../../storage/storage.js";

/** The options of `signIn` that say where things are kept, and how the pages look. */

/** @throws TypeError for what is no storage. */
export function readStorage(option: string, value: unknown): SignInStorage {
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

/** Shortest secret, in characters. */
const MIN_SECRET_LENGTH = 32;

/** @throws TypeError for keys that are none, or too short. */
export function readKeys(option: string, value: unknown): SignInKeys | undefined {
  if (value === undefined) return undefined;
  checkOptionNames(option, value, ["signing", "secrets"]);
  const { signing, secrets } = value as SignInKeys;
  if (signing !== undefined) checkSigningKeys(`${option}.signing`, signing);
  if (secrets !== undefined) checkSecrets(`${option}.secrets`, secrets);
  return {
    ...(signing !== undefined && { signing: [...signing] }),
    ...(secrets !== undefined && { secrets: [...secrets] }),
  };
}

function checkSigningKeys(option: string, keys: unknown): void {
  const list: unknown[] = Array.isArray(keys) ? keys : [];
  const areGood = list.every((key) => {
    try {
      const { crv, d } = key as JsonWebKey;
      return crv === "P-256" && d !== undefined && toSigningKey(key as JsonWebKey).kid !== "";
    } catch {
      return false;
    }
  });
  if (list.length > 0 && areGood) return;
  throw optionError(
    option,
    "must be a list of private keys (JWK) on the curve P-256",
    'Make one with generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ format: "jwk" }).',
  );
}

function checkSecrets(option: string, secrets: unknown): void {
  const list: unknown[] = Array.isArray(secrets) ? secrets : [];
  if (list.length > 0 && list.every(isLongSecret)) return;
  throw optionError(
    option,
    `must be a list of texts with at least ${MIN_SECRET_LENGTH} characters`,
    'Make one with randomBytes(32).toString("hex"). If it comes from the environment: is that set?',
  );
}

function isLongSecret(secret: unknown): boolean {
  return typeof secret === "string" && secret.length >= MIN_SECRET_LENGTH;
}

/** @throws TypeError for a name or picture that cannot be shown. */
export function readBrand(option: string, value: unknown, mountUrl: string): Brand {
  const fallback = new URL(mountUrl).host;
  if (value === undefined) return { name: fallback };
  checkOptionNames(option, value, ["name", "logoUrl"]);
  const { name, logoUrl } = value;
  return {
    name: name === undefined ? fallback : checkText(`${option}.name`, name),
    ...(logoUrl !== undefined && { logoUrl: checkEndpoint(`${option}.logoUrl`, logoUrl) }),
  };
}

/** A URL to which secrets go, or from which pictures come: https, or this machine. */
export function checkEndpoint(option: string, value: unknown): string {
  const text = checkText(option, value);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isSafe =
    url?.protocol === "https:" || (url?.protocol === "http:" && isLocalToNode(url.hostname));
  if (isSafe && url.username + url.password + url.hash === "") return text;
  throw optionError(option, "is no https URL", "Plain http is for loopback only.");
}
