import { optionError } from "../shared/check.js";
import * as opt from "../shared/option.js";
import { CORS_DIRECTIONS } from "./misplaced-options.js";
import { parseUrl } from "../shared/url.js";

/** Which browser pages may call. */
export interface CorsOptions {
  /**
   * Origins as browsers send them: `"https://app.example.com"`, or `"*"` for every page.
   * Empty entries are dropped. Default: none; a page of the server's own origin is always allowed.
   */
  allowOrigins?: readonly string[];
  /** Whether browsers may send cookies along; never together with `"*"`. Default: false. */
  credentials?: boolean;
}

/** {@link CorsOptions}. */
export const CORS = opt.checked(
  opt.block(
    {
      allowOrigins: opt.custom("list of origins", readOrigins),
      credentials: opt.flag(false),
    } satisfies opt.Declares<CorsOptions>,
    CORS_DIRECTIONS,
  ),
  (name, cors) => {
    if (!cors.credentials || !cors.allowOrigins.includes("*")) return cors;
    throw optionError(name, 'combines credentials with "*"', "Name the origins.");
  },
);

function readOrigins(name: string, value: unknown = []): readonly string[] {
  if (!Array.isArray(value)) {
    throw optionError(name, "must be a list", 'Write ["https://app.example.com"].');
  }
  // "".split(",") is [""]: an empty environment variable names no origin.
  const origins = value.map((origin) => String(origin).trim()).filter((text) => text !== "");
  for (const origin of origins) checkOrigin(name, origin);
  return origins;
}

function checkOrigin(option: string, origin: string): void {
  if (origin === "*" || origin === "null") return;
  const isOrigin = parseUrl(origin)?.origin === origin;
  // Origins are compared as they are: a pattern would never match.
  if (isOrigin && !origin.includes("*")) return;
  throw optionError(
    option,
    `has an entry that is no origin: ${JSON.stringify(origin)}`,
    'Write scheme, host and port only, like "https://app.example.com".',
  );
}
