import { createHmac } from "node:crypto";
import { textOf } from "./text.js";

/** Somebody, through whichever client: whose sessions can be ended together. */
export interface Person {
  readonly id: string;
  /** By which ids of several are told apart. */
  readonly issuer: string | undefined;
}

/** Somebody as the page names them. */
export interface PersonShown extends Person {
  readonly method: string;
  /** The client that acts for them. */
  readonly clientId: string | undefined;
}

/** What is shown of a principal; `undefined` for what is none, as on an open endpoint. */
export function personOf(principal: unknown): PersonShown | undefined {
  if (typeof principal !== "object" || principal === null) return undefined;
  const { id, issuer, method, clientId } = principal as Readonly<Record<string, unknown>>;
  if (typeof id !== "string" || id === "") return undefined;
  return {
    id,
    issuer: typeof issuer === "string" ? issuer : undefined,
    method: textOf(method),
    clientId: typeof clientId === "string" ? clientId : undefined,
  };
}

/**
 * Somebody as a form names them: browsers end lines in a form by CR and LF, and have no halves of surrogate pairs,
 * so a name that has one of these would come back as another.
 */
export function personField({ id, issuer }: Person): string {
  return Buffer.from(JSON.stringify([id, issuer ?? null])).toString("base64url");
}

/** Whom a form names; `undefined` for what names nobody. */
export function personInField(text: string): Person | undefined {
  const read: unknown = parsed(Buffer.from(text, "base64url").toString());
  if (!Array.isArray(read)) return undefined;
  const [id, issuer] = read as readonly unknown[];
  if (typeof id !== "string" || id === "") return undefined;
  return { id, issuer: typeof issuer === "string" ? issuer : undefined };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** In words, for the end of a line. */
export function nameOf(principal: unknown): string {
  const { id } = Object(principal) as { readonly id?: unknown };
  return textOf(id);
}

/**
 * Whether a principal is meant: the rule of `closeFor({ id, issuer })`, which all nodes know.
 *
 * Security decision: who has no issuer stands for everybody with that id, so that no session of a person is left
 * because another method let it in. The page says so before it ends any.
 */
export function isPerson({ id, issuer }: Person, principal: Person | undefined): boolean {
  return principal?.id === id && (issuer === undefined || principal.issuer === issuer);
}

/**
 * By what a link names somebody.
 *
 * Security decision: links are written down by proxies and browsers, so they hold a digest in place of a name, and
 * one with a key, so that nobody finds out by trying names.
 */
export function referenceOf(key: Buffer, { id, issuer }: Person): string {
  return createHmac("sha256", key)
    .update(JSON.stringify(["person", id, issuer ?? null]))
    .digest("base64url")
    .slice(0, 16);
}
