import type { Standing } from "../session/continuation.js";
import { deriveKey, openSealed, seal, sealKeyOf } from "../shared/seal.js";
import type { SealKey } from "../shared/seal.js";

/** What a client said when it began its session. */
export interface InitializeParams {
  readonly protocolVersion?: unknown;
  readonly capabilities?: unknown;
  readonly clientInfo?: unknown;
}

/** What a session's id carries. */
export interface SealedFacts {
  /** In milliseconds since the epoch. */
  readonly sealedAt: number;
  /** Who may go on with it. */
  readonly standing: Standing;
  readonly params: InitializeParams;
}

/** The most that is kept of what a client said of itself, in bytes of JSON. */
const MAX_PARAMS_BYTES = 1_024;

/** Longest id, in characters: proxies bound headers, and each request has it. */
export const MAX_NAME_LENGTH = 2_048;

/** How far the clocks of two nodes may differ, in milliseconds. */
export const CLOCK_SKEW_MS = 60_000;

/** Of what is sealed. */
const FORM = 1;

/** Keys of secrets, in their order. */
export function idKeys(secrets: readonly string[]): readonly SealKey[] {
  return secrets.map((secret) => sealKeyOf(deriveKey(secret, "express-mcp-sse session id")));
}

/**
 * By what a client names its session that can have it restored: the id, and what is needed for that.
 *
 * Security decision: it is encrypted, and not only authenticated. Session ids get into logs, of proxies
 * and of applications, and what stands in it tells who somebody is and what they use. The id in front,
 * which is random, is authenticated with it: what is sealed for one session is nothing to another.
 *
 * @returns `undefined` where it would be too long.
 */
export function sealName(
  id: string,
  { sealedAt, standing, params }: SealedFacts,
  key: SealKey,
): string | undefined {
  const { protocolVersion, capabilities, clientInfo } = params;
  const said = [protocolVersion, capabilities, clientInfo];
  if (Buffer.byteLength(JSON.stringify(said)) > MAX_PARAMS_BYTES) return undefined;
  const text = JSON.stringify([FORM, sealedAt, standing.digest, standing.scopes, said]);
  const name = `${id}.${seal(text, contextOf(id), key)}`;
  return name.length <= MAX_NAME_LENGTH ? name : undefined;
}

/**
 * What a name carries.
 *
 * Security decision: only what was sealed here counts, in exactly that spelling, and for no longer than
 * `maxAgeMs`. A clock may have been set back, or be another node's: what is younger than now by more than
 * such clocks differ, is of no known age.
 *
 * @param now milliseconds since the epoch.
 */
export function openName(
  name: string,
  keys: readonly SealKey[],
  { now, maxAgeMs }: { readonly now: number; readonly maxAgeMs: number },
): SealedFacts | undefined {
  const [, id, sealed = ""] = NAME.exec(name) ?? [];
  if (id === undefined || name.length > MAX_NAME_LENGTH || !isCanonical(sealed)) return undefined;
  const text = openSealed(sealed, contextOf(id), keys);
  if (text === undefined) return undefined;
  const [form, sealedAt, digest, scopes, said] = JSON.parse(text) as [
    ...[number, number, string, readonly string[]],
    readonly unknown[],
  ];
  const age = now - sealedAt;
  if (form !== FORM || age > maxAgeMs || age < -CLOCK_SKEW_MS) return undefined;
  // What was left out has become null.
  const params = Object.fromEntries(
    ["protocolVersion", "capabilities", "clientInfo"].flatMap((key, index) =>
      said[index] === null ? [] : [[key, said[index]]],
    ),
  );
  return { sealedAt, standing: { digest, scopes }, params };
}

const NAME = /^([0-9a-f-]{36})\.([\w-]{8}\.[\w-]+)$/;

/** The last character has bits that say nothing: they are not to make a second name. */
function isCanonical(sealed: string): boolean {
  const text = sealed.slice(sealed.indexOf(".") + 1);
  return Buffer.from(text, "base64url").toString("base64url") === text;
}

function contextOf(id: string): string {
  return `session ${id}`;
}
