import { ownerKey } from "../auth/principal.js";
import type { Principal } from "../auth/principal.js";

/** Everybody who is called by one id, through whichever client and by whichever method. */
export interface NamedCaller {
  /** As in `principal.id`. */
  readonly id: string;
  /** As in `principal.issuer`. Default: any. */
  readonly issuer?: string;
}

/** What decides whether somebody is meant. */
export interface Owner {
  readonly ownerKey: string;
  /** `undefined` on an open endpoint. */
  readonly principal: Principal | undefined;
}

/** Who is meant, in a form that other nodes understand. JSON. */
export type Whose =
  | { readonly kind: "owners"; readonly keys: readonly string[] }
  | { readonly kind: "named"; readonly id: string; readonly issuer: string | null };

/**
 * Who is meant by a principal, or by as little as an id.
 *
 * @throws TypeError for neither.
 */
export function whoseOf(given: Principal | NamedCaller | undefined): Whose {
  // On an open endpoint all callers are one, who has no name.
  if (given === undefined) return { kind: "owners", keys: [ownerKey(undefined)] };
  const { id, issuer, method } = Object(given) as Partial<Record<keyof Principal, unknown>>;
  if (typeof id !== "string" || id === "") {
    throw new TypeError('Say who is meant: a principal, or { id: "…" }, as in principal.id.');
  }
  if (typeof method === "string") return { kind: "owners", keys: [ownerKey(given as Principal)] };
  return { kind: "named", id, issuer: typeof issuer === "string" ? issuer : null };
}

/** Whether somebody is meant. */
export function isMeant(whose: Whose, { ownerKey: key, principal }: Owner): boolean {
  if (whose.kind === "owners") return whose.keys.includes(key);
  if (principal?.id !== whose.id) return false;
  return whose.issuer === null || principal.issuer === whose.issuer;
}

/** What another node sent as {@link Whose}; `undefined` for what is none, as from a release to come. */
export function readWhose(value: unknown): Whose | undefined {
  const { kind, keys, id, issuer } = Object(value) as Record<string, unknown>;
  if (kind === "owners" && Array.isArray(keys) && keys.every(isText)) return { kind, keys };
  if (kind !== "named" || !isText(id) || !(issuer === null || isText(issuer))) return undefined;
  return { kind, id, issuer };
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
