import { isSameOrigin, whyNotAsked } from "../../src/doctor/may-ask.js";

const TYPED = new URL("https://api.example.com/mcp");
const LOCAL = new URL("http://127.0.0.1:8080/mcp");

const mayAsk = (url: string, typed = TYPED, method = "GET") =>
  whyNotAsked(new URL(url), method, typed) === undefined;

it.each([
  "https://api.example.com.evil.example/mcp",
  "https://evil.example/https://api.example.com/",
  "https://api.example.com:8443/mcp",
  "https://sub.api.example.com/mcp",
  "http://api.example.com/mcp",
  "https://api.example.com@evil.example/mcp",
  "https://xn--pi-7kc.example.com/mcp",
  "//evil.example/mcp",
  "/\\evil.example/mcp",
  "ws://api.example.com/mcp",
  "file:///etc/passwd",
  "data:text/plain,x",
  "blob:null/1",
])("CLI-1: %s is not of the typed origin, and gets no credential", (url) => {
  expect(isSameOrigin(new URL(url, TYPED), TYPED)).toBe(false);
  // And the other way round, where the typed URL is the odd one.
  expect(isSameOrigin(TYPED, new URL(url, TYPED))).toBe(false);
  expect(isSameOrigin(new URL(url, TYPED), new URL("file:///x"))).toBe(false);
});

it.each([
  "/other",
  "?x=1",
  "https://API.example.com:443/",
  "//api.example.com/x",
  "/\\api.example.com",
])("%s is of the typed origin", (url) =>
  expect(isSameOrigin(new URL(url, TYPED), TYPED)).toBe(true),
);

it("CLI-1: another origin is only read from, over https", () => {
  expect(mayAsk("https://issuer.example/.well-known/x")).toBe(true);
  expect(mayAsk("https://issuer.example/", TYPED, "POST")).toBe(false);
  expect(mayAsk("https://issuer.example/", TYPED, "DELETE")).toBe(false);
  expect(mayAsk("http://issuer.example/")).toBe(false);
  expect(mayAsk("ftp://issuer.example/")).toBe(false);
  expect(mayAsk("file:///etc/passwd")).toBe(false);
  expect(mayAsk("https://a:b@issuer.example/")).toBe(false);
  expect(mayAsk("https://a:b@api.example.com/")).toBe(false);
});

it("CLI-1: a document of another machine has nobody ask what listens on this one", () => {
  for (const url of [
    "http://127.0.0.1:6379/",
    "https://localhost/",
    "http://[::1]/",
    "http://0x7f.1/",
  ]) {
    expect(mayAsk(url)).toBe(false);
    expect(mayAsk(url, LOCAL)).toBe(true);
  }
  expect(mayAsk("http://localhost.evil.example/", LOCAL)).toBe(false);
  expect(mayAsk("http://issuer.localhost/", LOCAL)).toBe(false);
});

it("the typed origin is asked for everything, also over http", () => {
  const typed = new URL("http://mcp.intranet/mcp");
  for (const method of ["GET", "POST", "DELETE", "OPTIONS"]) {
    expect(mayAsk("http://mcp.intranet/messages", typed, method)).toBe(true);
  }
});
