import fc from "fast-check";
import { unescape } from "node:querystring";
import { posix, win32 } from "node:path";
import { readUri } from "../../src/policy/uri-readings.js";
import { askerOf, policyOf, read } from "../kit/policies.js";

const may = (written: unknown, uri: string) =>
  policyOf(written).judge(read(uri), askerOf()) === undefined;

/** Ways to the file `/secret/x` for servers that look at URIs in one way or another. */
const SECRET = [
  "file:///secret/x",
  "FILE:///secret/x",
  "File:///secret/x",
  "file:/secret/x",
  "file:secret/x",
  "file:////../secret/x",
  "file://localhost/secret/x",
  "file://LOCALHOST/secret/x",
  "file:///public/../secret/x",
  "file:///public/./../secret/x",
  "file:///public/%2e%2e/secret/x",
  "file:///public/.%2E/secret/x",
  "file:///public/..%2fsecret/x",
  "file:///public/..%2Fsecret%2Fx",
  "file:///public/%252e%252e/secret/x",
  "file:///public/%252e%252e%252fsecret/x",
  "file:///public/%25252e%25252e%25252fsecret/x",
  "file:///public/%2f..%2f..%2fsecret/x",
  "file:///public//..//..//secret/x",
  "file:///public\\..\\secret\\x",
  "file:///public/..\\secret/x",
  "file:///public/%5c..%5c..%5csecret/x",
  "file:///public/..%5csecret/x",
  "file:///%73ecret/x",
  "file:///%2573ecret/x",
  "file:///s%65cret/%78",
  "file:///secret%2fx",
  "file:///%zz/..%2fsecret/x",
  " file:///secret/x",
  "file:///secret/x\n",
  "file:///sec\tret/x",
  "fi\nle:///secret/x",
  "file:///secret/x?",
  "file:///secret/x?a=b",
  "file:///secret/x#a",
  "file:///secret/x?a#b",
  "file:///secret//x",
  "file:///secret/./x",
  "file:///secret/x.",
  "file:///secret./x",
  "file:///secret/x ",
  "file:///secret/x%20",
  "file:///secret/x%2e",
];

describe("a URI", () => {
  it.each(SECRET)("POLICY-11: %j is no way around a rule for file:///secret/x", (uri) => {
    expect(may({ resources: { "file:///secret/x": false } }, uri)).toBe(false);
    expect(may({ resources: { "file:///secret/*": false } }, uri)).toBe(false);
    expect(may({ resources: { "file:///public/*": true }, otherwise: "deny" }, uri)).toBe(false);
  });

  it.each([
    "db://public/a\\..\\..\\secret",
    "note:public/../secret",
    "note:public/%2e%2e/secret",
    "note:public\\..\\secret",
    "db://public/a/../../secret",
    "db://public/a/%2e%2e/%2e%2e/secret",
  ])("POLICY-11: %j is not what it begins with, in no scheme", (uri) => {
    const resources = { "db://public/a/*": true, "db://public/a\\*": true, "note:public*": true };
    expect(may({ resources, otherwise: "deny" }, uri)).toBe(false);
  });

  it.each([
    ["https://api.example.com/x", "https://alice@api.example.com/x"],
    ["https://api.example.com/x", "https://alice:pw@api.example.com./x"],
    ["https://api.example.com/x", "https://API.example.com:443/x"],
    ["https://xn--mnchen-3ya.de/x", "https://münchen.de/x"],
    ["db://users", "db://users?limit=5"],
  ])("POLICY-11: a rule for %s counts for %s as well", (key, uri) => {
    expect(may({ resources: { [key]: false } }, uri)).toBe(false);
  });

  it.each([
    ["file:///my notes/*", "file:///my notes/a"],
    ["file:///my notes/*", "file:///my%20notes/a"],
    ["file:///my%20notes/*", "file:///my notes/a"],
    ["file:///públic/*", "file:///públic/a"],
    ["file:///públic/*", "file:///p%C3%BAblic/a"],
    ["file:///p%C3%BAblic/*", "file:///públic/a"],
    ["file:///public/*", "file:///public/a%2fb"],
    ["file:///public/*", "file:///public/a?b#c"],
    ["file:///public/*", "file:///public/a..b/...c"],
    ["db://t?x=1", "db://t?x=1"],
    ["proxy://x/*", "proxy://x/https://example.com/a"],
    ["urn:isbn:*", "urn:isbn:0451450523"],
    ["https://EXAMPLE.com/*", "https://example.com/a"],
    ["*", "whatever it is"],
  ])("POLICY-11: %s permits %s, which nobody reads otherwise", (key, uri) => {
    expect(may({ resources: { [key]: true }, otherwise: "deny" }, uri)).toBe(true);
  });

  it("POLICY-11: a URI beyond ASCII is read as at first, however many were read before it", () => {
    const rules = { resources: { "https://xn--mnchen-3ya.de/x": false } };
    const answers = new Set<boolean>();
    for (let i = 0; i < 20_000; i++) answers.add(may(rules, "https://münchen.de/x"));
    expect([...answers]).toEqual([false]);
  });

  it("POLICY-11: a rule permits nothing that it does not name", () => {
    const resources = { "file:///a%2fb": true, "file:///star%2a": true };
    for (const uri of ["file:///a/b", "file:///starry", "file:///star%2a%2fx"]) {
      expect(may({ resources, otherwise: "deny" }, uri)).toBe(false);
    }
  });

  it("POLICY-11: a rule's function is asked about each reading", async () => {
    const names: string[] = [];
    const when = (_principal: unknown, { name }: { name: string }) => {
      names.push(name);
      return name.startsWith("file:///public/");
    };
    const policy = policyOf({ resources: { "*": { when } } });
    const judged = policy.judge(read("file:///public/..%2fsecret"), askerOf());
    expect(judged).toMatchObject({ denial: { code: "forbidden" } });
    expect(names).toContain("file:///secret");
    expect(may(({ name }: { name: string }) => name === "db://t?x=1", "db://t?x=1")).toBe(true);
  });

  it("POLICY-11: what is too long, or nested for ever, is permitted to nobody, soon", () => {
    const begin = performance.now();
    for (const uri of [
      `file:///public/${"a".repeat(20_000)}`,
      `file:///public/%${"25".repeat(5_000)}2e`,
      `file:///public/${". ".repeat(8_000)}x`,
      `file:///public/${"/.".repeat(8_000)}/../x`,
      `file:///public/${"\\..".repeat(5_000)}`,
    ]) {
      may({ resources: { "*": true } }, uri);
    }
    expect(may(() => true, `x:${"a".repeat(5_000_000)}`)).toBe(false);
    expect(may({ resources: { "*": true } }, `x:%${"25".repeat(200)}2e`)).toBe(false);
    expect(performance.now() - begin).toBeLessThan(5_000);
  });

  it("POLICY-11: whatever a server makes of it is one of its readings, or comes of one", () => {
    const piece = fc.constantFrom(
      ...["secret", "public", "..", ".", "/", "\\", "%2e", "%2E%2e", "%2f", "%5c", "%25", "%", "x"],
    );
    const uris = fc.array(piece, { maxLength: 9 }).map((parts) => `file:///${parts.join("")}`);
    const servers: readonly ((uri: string) => string)[] = [
      (uri) => new URL(uri).pathname,
      (uri) => unescape(new URL(uri).pathname),
      (uri) => unescape(uri.slice("file://".length)),
      (uri) => unescape(unescape(new URL(uri).pathname)),
    ];
    fc.assert(
      fc.property(uris, (uri) => {
        const readings = readUri(uri);
        const isPermitted = readings?.strict.every((text) => text.startsWith("file:///public/"));
        if (isPermitted !== true) return;
        for (const path of servers) {
          for (const system of [posix, win32]) {
            const file = system.normalize(path(uri)).replaceAll("\\", "/");
            expect(file.replace(/^\/+/, "/")).toMatch(/^\/public(\/|$)/);
          }
        }
      }),
      { numRuns: 3_000 },
    );
  });
});
