import type { Credential } from "./contract.js";
import { authorizationOf } from "./sent-token.js";

/** What is plainly wrong with the text of a credential. */
export type ShapeFault =
  "empty" | "placeholder" | "quotes" | "scheme-twice" | "scheme-missing" | "twice";

/** Text that stands for a value which nobody has filled in. */
const PLACEHOLDERS = [
  /\$\{[^}]*\}|\{\{[^}]*\}\}|%[A-Z][A-Z0-9_]+%/,
  /^\$[A-Za-z_]\w*$/,
  /^<[^>]*>$/,
  /^(?:undefined|null|none|nil|\[object Object\])$/i,
  /^(?:your|my|the|insert|paste|put)[-_ ](?:[a-z]+[-_ ])*(?:key|token|secret|jwt)(?:[-_ ]here)?$/i,
  /^(?:process\.env\.|os\.environ|env:)/,
  /^(?:x{4,}|\.{3,}|…)$/i,
];

/** What is plainly wrong with the text of a credential, if anything is. */
export function shapeFault(credential: Credential): ShapeFault | undefined {
  const authorization = authorizationOf(credential);
  const secret = secretOf(credential);
  if (secret === "") return "empty";
  if (/^(["'`]).*\1$|^["'`]|["'`]$/.test(secret)) return "quotes";
  if (PLACEHOLDERS.some((pattern) => pattern.test(secret))) return "placeholder";
  if (/^bearer(?: |$)/i.test(secret)) return "scheme-twice";
  if (authorization !== undefined && !/^[\w-]+ +\S/.test(authorization)) return "scheme-missing";
  return isTwice(secret) ? "twice" : undefined;
}

/** The secret in a credential: of an `Authorization` header, what follows the scheme. */
export function secretOf(credential: Credential): string {
  const isHeader = credential.kind === "header" && authorizationOf(credential) !== undefined;
  return (isHeader ? credential.value.replace(/^\s*[\w-]+ +/, "") : credential.value).trim();
}

/** Whether it is twice the same, as two header lines of one name are read as one. */
function isTwice(secret: string): boolean {
  const [first, second, ...more] = secret.split(/, ?/);
  return more.length === 0 && first !== "" && first === second;
}
