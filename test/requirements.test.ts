import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { SDK_TRANSPORT_MEMBERS } from "./kit/sdk-transport-members.js";

const ROOT = join(__dirname, "..");

/** Ids as docs/protocol.md defines them: in bold, at the start of a list item. */
function definedIds(): string[] {
  const page = readFileSync(join(ROOT, "docs", "protocol.md"), "utf8");
  return [...page.matchAll(/^- \*\*([A-Z]+-\d+)\*\*/gm)].map(([, id]) => id!);
}

/** Ids that stand in names of tests: `it("STREAM-1, STREAM-2: …")`. */
function citedIds(): Set<string> {
  const files = readdirSync(__dirname, { recursive: true, encoding: "utf8" });
  const tests = files.filter((f) => f.endsWith(".test.ts") && !f.includes("node_modules"));
  const ids = tests.flatMap((file) => {
    const text = readFileSync(join(__dirname, file), "utf8");
    const names = text.matchAll(/["'`]([A-Z]+-\d+(?:, [A-Z]+-\d+)*): /g);
    return [...names].flatMap(([, list]) => list!.split(", "));
  });
  return new Set(ids);
}

it("every requirement of docs/protocol.md is defined once", () => {
  const ids = definedIds();
  expect(ids.length).toBeGreaterThan(40);
  expect(new Set(ids).size).toBe(ids.length);
});

it("every requirement of docs/protocol.md is cited by the name of a test", () => {
  const cited = citedIds();
  expect(definedIds().filter((id) => !cited.has(id))).toEqual([]);
});

it("no test cites a requirement that docs/protocol.md does not have", () => {
  const defined = new Set(definedIds());
  expect([...citedIds()].filter((id) => !defined.has(id))).toEqual([]);
});

it("docs/sdk-transports.md says of each member of the SDKs' transports what we do with it", () => {
  const page = readFileSync(join(ROOT, "docs", "sdk-transports.md"), "utf8");
  const named = new Set([...page.matchAll(/`(\w+)(?:\([^`]*\))?`/g)].map(([, name]) => name));
  expect(SDK_TRANSPORT_MEMBERS.filter((member) => !named.has(member))).toEqual([]);
});
