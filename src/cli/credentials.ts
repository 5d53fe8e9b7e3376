import type { Credential } from "../doctor/contract.js";
import { isToken } from "../shared/http-syntax.js";
import { readSecret } from "./read-secret.js";
import type { Terminal } from "./terminal.js";
import { UsageError } from "./usage.js";

/** Options by which a credential is shown. For `parseOptions`. */
export const CREDENTIAL_OPTIONS = {
  bearer: { type: "string" },
  header: { type: "string", multiple: true },
  query: { type: "string", multiple: true },
} as const;

export const CREDENTIAL_HELP = `  --bearer S            shows a token or key as "Authorization: Bearer S"
  --header "Name: S"    shows it in another header, such as X-API-Key; may be repeated
  --query name=S        shows it in the URL; may be repeated`;

export interface CredentialValues {
  readonly bearer?: string | undefined;
  readonly header?: readonly string[] | undefined;
  readonly query?: readonly string[] | undefined;
}

/** Reads the credentials that options name. @throws UsageError */
export async function readCredentials(
  { bearer, header = [], query = [] }: CredentialValues,
  terminal: Terminal,
): Promise<readonly Credential[]> {
  const credentials: Credential[] = [];
  if (bearer !== undefined) {
    const value = await readForField(bearer, "--bearer", terminal);
    credentials.push({ kind: "bearer", value });
  }
  for (const text of header) {
    const [name, source] = split(text, ":");
    if (name === undefined || !isToken(name)) {
      throw new UsageError('--header must be "Name: S", such as "X-API-Key: env:KEY"');
    }
    const value = await readForField(source, `--header ${name}`, terminal);
    credentials.push({ kind: "header", name, value });
  }
  for (const text of query) {
    const [name, source] = split(text, "=");
    // Security decision: a key in Base64 ends with `=`; it would be taken for a name, and names are shown.
    if (name === undefined || /^=?$/.test(source)) {
      throw new UsageError("--query must be name=S, such as key=env:KEY");
    }
    const value = await readSecret(source, `--query ${name}`, terminal);
    credentials.push({ kind: "query", name, value });
  }
  return credentials;
}

/** What stands before and behind the first separator; no name where there is none. */
function split(text: string, separator: string): [name: string | undefined, rest: string] {
  const at = text.indexOf(separator);
  return at < 1
    ? [undefined, ""]
    : [text.slice(0, at).trim(), text.slice(at + 1).replace(/^ +/, "")];
}

/** A secret that can stand in a header field. @see RFC 9110, section 5.5 */
async function readForField(source: string, option: string, terminal: Terminal): Promise<string> {
  const value = await readSecret(source, option, terminal);
  if (!/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value)) {
    throw new UsageError(
      `${option}: the secret has a line end, a space at an end, or another character that no header field may have`,
    );
  }
  return value;
}
