import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { endpointPath, publicBase } from "../../src/sse/endpoint-path.js";
import { parseUrl } from "../../src/shared/url.js";

const NO_URL = { publicUrl: undefined };

/** Paths of ordinary and of odd characters, and those that `URL` changes. */
const paths = fc
  .array(
    fc.oneof(
      fc.constantFrom("..", ".", "", "a", "mcp", "a.b", ".well-known", "%2e%2e", "~x", "a b", "é"),
      fc.constantFrom("\\", "a\\b", "a;b", "a?b=1", "a#c", "a:b", "@", "a\tb", "a\n"),
      fc.string({ maxLength: 3 }),
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map((segments) => `/${segments.join("/")}`);

/** The same as `URL` has it. */
function resolved(path: string): URL | undefined {
  return parseUrl(path, "http://path.invalid");
}

it("STREAM-1, STREAM-2: a path that needs no resolving is what it would be resolved to", () => {
  const sessionId = randomUUID();
  fc.assert(
    fc.property(paths, (path) => {
      const url = resolved(path);
      fc.pre(url !== undefined);
      url.searchParams.set("sessionId", sessionId);
      expect(endpointPath(path, sessionId)).toBe(url.pathname + url.search + url.hash);
    }),
    { numRuns: 2_000 },
  );
});

it("STREAM-1, STREAM-2: a mount is as clients resolve it, and never begins with two slashes", () => {
  fc.assert(
    fc.property(paths, (base) => {
      const url = parseUrl(`http://path.invalid${base}`);
      fc.pre(url !== undefined);
      const expected = url.pathname.replace(/^\/+/, "/").replace(/\/$/, "");
      expect(publicBase(NO_URL, base)).toBe(expected);
    }),
    { numRuns: 2_000 },
  );
  expect(publicBase(NO_URL, "")).toBe("");
});
