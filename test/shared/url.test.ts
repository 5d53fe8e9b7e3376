import { queryOf, rawQueryOf, withoutQuery } from "../../src/shared/url.js";

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
