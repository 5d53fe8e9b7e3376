import { parseUrl, queryOf, rawQueryOf, withoutQuery } from "../../src/shared/url.js";

describe("the parts of a URL", () => {
  it.each<[string, string, string | undefined]>([
    ["/sse", "/sse", undefined],
    ["/sse?", "/sse", ""],
    ["/sse?a=1?b=2", "/sse", "a=1?b=2"],
    ["?a", "", "a"],
    ["", "", undefined],
  ])("of %j are %j and %j", (url, path, query) => {
    expect(withoutQuery(url)).toBe(path);
    expect(rawQueryOf(url)).toBe(query);
  });

  it("hold fields whatever they are called", () => {
    expect([...queryOf("/x?__proto__=1&a=2&a=3")]).toEqual([
      ["__proto__", "1"],
      ["a", "2"],
      ["a", "3"],
    ]);
    expect([...queryOf("/x")]).toEqual([]);
    expect([...queryOf(undefined)]).toEqual([]);
  });
});

describe("a text as a URL", () => {
  it("is what `new URL` makes of it, alone or relative to another", () => {
    expect(parseUrl("https://example.com/a/../b")?.href).toBe("https://example.com/b");
    expect(parseUrl("../b", "https://example.com/a/c")?.href).toBe("https://example.com/b");
    expect(parseUrl("b", new URL("https://example.com"))?.href).toBe("https://example.com/b");
    expect(parseUrl("https://a b/")).toBeUndefined();
    expect(parseUrl("/b")).toBeUndefined();
  });

  it("is one however often it was asked for, where it has letters beyond ASCII", () => {
    // As often as the engine needs to compile what is called: `URL.canParse` says no from then on.
    const hrefs = new Set<string | undefined>();
    for (let i = 0; i < 50_000; i++) hrefs.add(parseUrl("https://münchen.de/x")?.href);
    expect([...hrefs]).toEqual(["https://xn--mnchen-3ya.de/x"]);
  });
});
