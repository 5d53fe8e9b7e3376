import { createHash } from "node:crypto";
import { logText } from "../shared/log-text.js";
import type { Credential } from "./contract.js";

/** How many characters in a row of a secret give it away; a shorter secret is looked for as a whole. */
const PIECE = 16;

/** Shorter secrets are parts of words: they are looked for between others than letters and digits. */
const SHORT = 8;

/** By what a secret is recognised by who has it. */
export function fingerprint(secret: string): string {
  return `sha256:${createHash("sha256").update(secret).digest("hex").slice(0, 8)}`;
}

/** A URL as it may be shown: each value of its query by its fingerprint. */
export function shownUrl({ origin, pathname, searchParams }: URL): string {
  const query = [...searchParams].map(([name, value]) => `${name}=${fingerprint(value)}`);
  return logText(`${origin}${pathname}${query.length > 0 ? `?${query.join("&")}` : ""}`);
}

/** Makes any text fit to be shown. */
export type Redact = (text: string) => string;

/** What was sent in which there may be secrets. */
interface Sent {
  readonly credentials: readonly Credential[];
  readonly url?: URL | undefined;
}

/** Makes texts fit to be shown in which somebody may repeat what was sent. */
export function createRedact(sent: Sent): Redact {
  return redactSecrets(secretsIn(sent));
}

/** Headers whose values are no secrets, and that answers may repeat: hosts in URLs, say. */
const PLAIN_HEADER = /^(?:host|origin|accept|content-type|user-agent|mcp-.*|x-forwarded-.*)$/i;

/** Everything that was sent and might be secret: whole, without the scheme in front, and the password alone. */
function secretsIn({ credentials, url }: Sent): readonly string[] {
  const sent = credentials.filter(
    (credential) => credential.kind !== "header" || !PLAIN_HEADER.test(credential.name),
  );
  return [
    ...sent.flatMap(({ value }) => [value, value.replace(/^\S+ +/, ""), passwordIn(value)]),
    ...(url?.searchParams.values() ?? []),
  ];
}

/** The password of `Basic` credentials; else nothing. @see RFC 7617, section 2 */
function passwordIn(value: string): string {
  const [, encoded = ""] = /^basic +(.*)/i.exec(value) ?? [];
  const [, ...password] = Buffer.from(encoded, "base64").toString("utf8").split(":");
  return password.join(":");
}

/**
 * Security decision: servers repeat what they were sent, in bodies, headers and errors, whole or in part, and what they
 * say gets into a report. So nothing is shown but through this: a secret in it, and any longer piece of one, is replaced
 * by the secret's fingerprint, however it is encoded, in capitals or not; and what a terminal would obey is written as
 * code points.
 */
function redactSecrets(secrets: readonly string[]): Redact {
  const some = secrets.filter((value) => value !== "");
  const traces = some.flatMap((value) => {
    const shown = fingerprint(value);
    return [...new Set(formsOf(value))].map((form) => new Trace(form, shown));
  });
  // The longest first, so that one that holds another is found as a whole.
  traces.sort((a, b) => b.length - a.length);
  return (text) => logText(traces.reduce((sofar, trace) => trace.remove(sofar), text));
}

/** A secret as it is written here and there. */
function formsOf(value: string): string[] {
  const inJson = JSON.stringify(value).slice(1, -1);
  return [
    value,
    encodeURIComponent(value),
    new URLSearchParams({ "": value }).toString().slice(1),
    inJson,
    inJson.replaceAll("/", "\\/"),
    ...[0, 1, 2].flatMap((before) => base64Behind(before, value)),
  ];
}

/** As it stands in Base64 of a text in which so many bytes (of three) are before it: without what these share with it. */
function base64Behind(before: number, value: string): string[] {
  const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(value)]);
  const from = Math.ceil((before * 8) / 6);
  const to = before === 0 ? undefined : Math.floor((bytes.length * 8) / 6);
  const texts = [bytes.toString("base64"), bytes.toString("base64url")];
  return texts
    .map((text) => text.slice(from, to))
    .filter((text) => text.length >= SHORT || before === 0);
}

/** In small letters, and as long as before. */
function small(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** Finds a text, and every longer piece of it. */
class Trace {
  readonly length: number;
  readonly #text: string;
  readonly #shown: string;
  readonly #pieces = new Set<string>();
  readonly #size: number;

  constructor(secret: string, shown: string) {
    const text = small(secret);
    this.length = text.length;
    this.#text = text;
    this.#shown = shown;
    this.#size = Math.min(PIECE, text.length);
    for (let at = 0; at + this.#size <= text.length; at++) {
      this.#pieces.add(text.slice(at, at + this.#size));
    }
  }

  remove(given: string): string {
    const text = small(given);
    let result = "";
    let at = 0;
    while (at < text.length) {
      if (!this.#isAt(text, at)) {
        result += given.charAt(at++);
        continue;
      }
      // Pieces that overlap are one.
      let end = at + this.#size;
      for (let next = at + 1; next <= end; next++) {
        if (this.#isAt(text, next)) end = next + this.#size;
      }
      result += this.#shown;
      at = end;
    }
    return result;
  }

  #isAt(text: string, at: number): boolean {
    if (!this.#pieces.has(text.slice(at, at + this.#size))) return false;
    if (this.#text.length >= SHORT) return true;
    const neighbours = text.slice(Math.max(0, at - 1), at) + text.charAt(at + this.#size);
    return !/[\p{L}\p{N}]/u.test(neighbours);
  }
}
