import { isHost, isToken } from "../../src/shared/http-syntax.js";

it.each(["X-API-Key", "a", "!#$%&'*+.^_`|~"])("%j is a token", (text) => {
  expect(isToken(text)).toBe(true);
});

it.each(["", "a b", "a:b", "a\n", "\na", "a,b", "ä", '"a"'])("%j is no token", (text) => {
  expect(isToken(text)).toBe(false);
});

it.each(["example.com", "example.com:8080", "[::1]", "[::1]:3000", "127.0.0.1"])(
  "%j is a host",
  (text) => {
    expect(isHost(text)).toBe(true);
  },
);

it.each(["", "a/b", "user@a", "a:b", "a:123456", "a\n", "a?b", "[::1", "a#b", "a\\b"])(
  "%j is no host",
  (text) => {
    expect(isHost(text)).toBe(false);
  },
);
