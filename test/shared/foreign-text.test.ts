/** Text from outside in headers, cookies and logs: each writer, attacked. */
import { validateHeaderValue } from "node:http";
import fc from "fast-check";
import { cookieText } from "../../src/shared/cookies.js";
import { fieldText, locationText, quotedText } from "../../src/shared/foreign-text.js";
import { logText } from "../../src/shared/log-text.js";

const NASTY = [
  "a\r\nSet-Cookie: x=y",
  "a; Domain=evil.example",
  'a", error="x',
  "a\\",
  "a\u202egnp.exe",
  "a\u2028b\u0085c\u0000d\u001b[2J",
  "Gr\u00fc\u00dfe \u4f60\u597d \u{1f600}",
  "\ud800 half",
  "x".repeat(102_400),
];

/** Any text, and often one of the above. */
const anyText = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom(...NASTY));

const isSent = (value: string): void => validateHeaderValue("x", value);

describe("FORM-1: foreign text ends no field of a head", () => {
  test("a field's text is printable ASCII of a bounded length", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const written = fieldText(text);
        isSent(written);
        expect(written).toMatch(/^[\x20-\x7e]{0,4000}$/);
      }),
    );
  });

  test("a parameter's text does not end its quotes, with or without escapes", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(quotedText(text)).toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]{0,4000}$/);
      }),
    );
  });

  test("a Location is sent, and leads where the URL does", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const written = locationText(`https://idp.example/?q=${text}`);
        isSent(written);
        expect(new URL(written).host).toBe("idp.example");
      }),
    );
    expect(locationText("https://idp.example/a%2Fb?c=%20d")).toBe(
      "https://idp.example/a%2Fb?c=%20d",
    );
    expect(locationText("/\u00fc x")).toBe("/%C3%BC%20x");
  });

  test("a cookie has the attributes that we gave it, and no other", () => {
    fc.assert(
      fc.property(anyText, anyText, (value, path) => {
        const written = cookieText({ name: "n", value, path, isSecure: true, maxAge: 5 });
        isSent(written);
        const [pair = "", ...attributes] = written.split("; ");
        expect(pair).toMatch(/^n=[^\s;",\\]*$/);
        expect(attributes.map((attribute) => attribute.split("=")[0])).toEqual([
          "Path",
          "Max-Age",
          "HttpOnly",
          "SameSite",
          "Secure",
        ]);
      }),
    );
  });

  test.each([
    ["/mcp/sse", "/mcp/sse"],
    ["/a;Domain=evil.example/mcp/sse", "/"],
    ["/tenants/a;b/sse", "/tenants/"],
    ["/tenants/\u00fc/sse", "/tenants/"],
    ["/a\r\nSet-Cookie: x/sse", "/"],
    ["no-slash", "/"],
    ["", "/"],
  ])("a cookie for %j is sent to %s", (path, sentTo) => {
    const written = cookieText({ name: "n", value: "v", path, isSecure: false });
    expect(written).toBe(`n=v; Path=${sentTo}; HttpOnly; SameSite=Lax`);
  });
});

describe("FORM-2: foreign text makes no line of a log", () => {
  test("nothing in a line is unseen", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const written = logText(text);
        expect(written).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
        expect(written.length).toBeLessThanOrEqual(10 * 2_001);
      }),
    );
  });

  test("what was there can still be told", () => {
    expect(logText("a\r\nerror: \u202eb\u001b")).toBe("a\\u{d}\\u{a}error: \\u{202e}b\\u{1b}");
    expect(logText("session 1 opened: Gr\u00fc\u00dfe")).toBe("session 1 opened: Gr\u00fc\u00dfe");
    expect(logText("x".repeat(102_400))).toHaveLength(2_001);
  });
});
