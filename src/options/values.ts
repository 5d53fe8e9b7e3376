import bytes from "bytes";
import { checkText, optionError } from "../shared/check.js";
import { isHost, isToken } from "../shared/http-syntax.js";
import * as opt from "../shared/option.js";
import { parseUrl } from "../shared/url.js";

/** A literal path: compared as it is, so patterns, encodings and what clients resolve (`..`) never match. */
export function path(fallback: string): opt.Option<string> {
  return opt.custom(
    "path",
    (name, value = fallback) => {
      const text = checkText(name, value);
      if (/^(?:\/(?!\.{1,2}(?:\/|$))[\w.~!$&'()*+,;=@-]+)+$/.test(text)) return text;
      throw optionError(name, "is no plain path", `Write it like "${fallback}".`);
    },
    fallback,
  );
}

/** A number of bytes, or text that says one. */
export function size(fallback: string): opt.Option<number> {
  return opt.custom(
    'bytes, or text such as "64kb"',
    (name, value = fallback) => {
      const count =
        typeof value === "string" || typeof value === "number" ? bytes.parse(value) : null;
      if (count !== null && Number.isFinite(count) && count >= 1) return Math.floor(count);
      throw optionError(name, "is no size", 'Write bytes as a number, or text such as "4mb".');
    },
    fallback,
  );
}

/** The URL under which clients reach the mount. */
export const publicUrl: opt.Option<URL | undefined> = opt.custom("URL", (name, value) => {
  if (value === undefined) return undefined;
  const text = checkText(name, value);
  const url = parseUrl(text);
  const isPlain =
    url !== undefined &&
    /^https?:$/.test(url.protocol) &&
    url.search + url.hash + url.username + url.password === "";
  if (isPlain) return url;
  throw optionError(
    name,
    "is no absolute http(s) URL without query, fragment and credentials",
    'Write it like "https://api.example.com/mcp".',
  );
});

/** Header fields by their names. */
export const headers: opt.Option<Readonly<Record<string, string>>> = opt.custom(
  "object",
  (name, value = {}) => {
    if (typeof value !== "object" || value === null) {
      throw optionError(name, "must be an object", 'Write { "Header-Name": "value" }.');
    }
    for (const [field, text] of Object.entries(value)) {
      if (isToken(field) && typeof text === "string" && !/[\r\n\0]/.test(text)) continue;
      throw optionError(name, "has an entry that is no header", "Names and values must be text.");
    }
    return { ...(value as Record<string, string>) };
  },
);

/** Host names are compared as they are: a pattern or a URL would never match. */
export function checkHosts(
  name: string,
  hosts: readonly string[] | undefined,
): readonly string[] | undefined {
  for (const host of hosts ?? []) {
    if (isHost(host)) continue;
    throw optionError(
      name,
      `has an entry that is no host: ${JSON.stringify(host)}`,
      'Write the name, with a port if it matters, like "mcp.example.com".',
    );
  }
  return hosts;
}
