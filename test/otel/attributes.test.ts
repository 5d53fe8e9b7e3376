import type { Attributes } from "@opentelemetry/api";
import {
  addVersion,
  fewStatusCode,
  methodName,
  shown,
  shownUri,
} from "../../src/otel/attributes.js";
import { FewValues, OTHER } from "../../src/otel/few-values.js";

test.each([
  ["https://user:secret@example.com/a?token=secret#secret", "https://example.com/a"],
  ["db://user:secret@host/table?password=secret", "db://host/table"],
  ["file:///public/a%20b.txt", "file:///public/a%20b.txt"],
  ["ui:widget?key=secret#secret", "ui:widget"],
])("FACT-38: of %s a span shows %s", (uri, expected) => {
  expect(shownUri(uri)).toBe(expected);
});

test.each(["secret", "", "//host/secret", "http://", "\u0000"])(
  "FACT-38: what is no URI, such as %j, is not shown",
  (uri) => {
    expect(shownUri(uri)).toBeUndefined();
  },
);

test.each([
  ["2025-11-25", "2025-11-25"],
  ["2099-01-01", OTHER],
  ["__proto__", OTHER],
  ["", OTHER],
  [undefined, undefined],
])("FACT-61: the revision %j is named %j", (protocolVersion, expected) => {
  const attributes: Attributes = {};
  addVersion(attributes, { protocolVersion });
  expect(attributes["mcp.protocol.version"]).toBe(expected);
});

test("FACT-37: only methods of MCP, codes that JSON-RPC reserves, and the first values of some set are named", () => {
  expect(methodName("tools/call")).toBe("tools/call");
  for (const made of ["tools/call ", "__proto__", "constructor", "TOOLS/CALL", ""]) {
    expect(methodName(made)).toBe(OTHER);
  }
  expect([-32602, -32000, -32768].map(fewStatusCode)).toEqual(["-32602", "-32000", "-32768"]);
  for (const code of [0, 404, -1, -31999, -32769, 4e9, NaN])
    expect(fewStatusCode(code)).toBe(OTHER);
  expect(fewStatusCode(undefined)).toBeUndefined();

  const few = new FewValues(2);
  expect(["a", "b", "c", "a", "__proto__", "b"].map((value) => few.of(value))).toEqual(
    ["a", "b", OTHER, "a", OTHER, "b"], // prettier-ignore
  );
});

test("a text of a caller's is shown up to a length", () => {
  expect(shown("a".repeat(200))).toBe("a".repeat(200));
  expect(shown("a".repeat(1_000_000))).toHaveLength(201);
});
