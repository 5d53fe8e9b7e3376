import { createApiKey, entryOf } from "../../strategies/apikey/create-api-key.js";
import type { CreatedApiKey } from "../../strategies/apikey/create-api-key.js";
import { isShort } from "../../strategies/apikey/api-key-list.js";
import { isDamaged } from "../../strategies/apikey/key-form.js";
import { readExpiry } from "./expiry.js";
import { readSecret, SECRET_HELP } from "./read-secret.js";
import type { Terminal } from "./terminal.js";
import { parseOptions, STATUS, UsageError } from "./usage.js";
import type { Command } from "./usage.js";

const OPTIONS = {
  id: { type: "string" },
  scopes: { type: "string" },
  expires: { type: "string" },
  prefix: { type: "string" },
  json: { type: "boolean", default: false },
} as const;

/** Makes an API key and its entry for `keys`, or the entry of a key that is there already. */
export const key: Command = {
  help: `key [options]
express-mcp-sse key hash [S] [options]

Makes an API key, and the entry for "keys" of the method "apikey", which has the key's SHA-256 and not the key. The key is
printed once, on the first line, and kept nowhere. "key hash" prints the entry of a key S that is there already, which it reads
from standard input unless it is told otherwise.

  --id NAME             who holds the key; tools see it as principal.id. Default: "key-" and a fingerprint of the key
  --scopes a,b          what it permits; default: no scope
  --expires WHEN        90d, 12h, 30m or 8w from now, or a date in UTC, such as 2027-01-31 or 2027-01-31T18:00Z; default: never
  --prefix ems          what a new key begins with, by which people and secret scanners know it
  --json                prints JSON: { "key", "entry" }; of "key hash" { "entry" }

${SECRET_HELP}`,

  async run(args, terminal) {
    const { values, positionals } = parseOptions(args, OPTIONS, 2);
    const [action, source = "-"] = positionals;
    if (action !== undefined && action !== "hash") {
      throw new UsageError('takes no argument but "hash", which prints the entry of a key');
    }
    const { id, prefix, json } = values;
    const details = {
      ...(id !== undefined && { id }),
      ...(values.scopes !== undefined && { scopes: readScopes(values.scopes) }),
      ...(values.expires !== undefined && { expiresAt: readExpiry(values.expires) }),
    };
    if (action === undefined) {
      const made = usable(() =>
        createApiKey({ ...details, ...(prefix !== undefined && { prefix }) }),
      );
      terminal.out.write(json ? jsonText(made) : keyText(made));
    } else {
      if (prefix !== undefined) throw new UsageError("--prefix is for new keys");
      const known = await readKey(source, terminal);
      const entry = usable(() => entryOf(known, details));
      terminal.out.write(json ? jsonText({ entry }) : jsonText(entry));
    }
    return STATUS.fine;
  },
};

/** A new key for people; programs may take its first line. */
function keyText({ key, entry }: CreatedApiKey): string {
  const end = entry.expiresAt === undefined ? "" : ` It ends at ${isoTime(entry.expiresAt)}.`;
  return `${key}

This key is not shown again: give it to its holder now.${end} The server's "keys" get this, which does not have it:

${jsonText(entry)}`;
}

function isoTime(expiresAt: number | Date): string {
  return new Date(Number(expiresAt) * 1000).toISOString().replace(/\.\d+/, "");
}

function jsonText(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

async function readKey(source: string, terminal: Terminal): Promise<string> {
  const text = await readSecret(source, "hash", terminal);
  if (source === text) {
    terminal.err.write(
      "The key is in the shell's history now: next time write it to standard input.\n",
    );
  }
  if (isShort(text)) terminal.err.write("The key is so short that it may be guessed.\n");
  else if (isDamaged(text)) {
    terminal.err.write("By its checksum the key is cut short or mistyped.\n");
  }
  return text;
}

function readScopes(text: string): readonly string[] {
  const scopes = text.split(",").map((scope) => scope.trim());
  if (scopes.includes(""))
    throw new UsageError("--scopes must be a list such as notes:read,notes:write");
  return scopes;
}

/** @throws UsageError where an option of the library's says what is wrong with one of ours. */
function usable<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UsageError(error.message.replace(/^options\./, "--").replace(/\.$/, ""));
  }
}
