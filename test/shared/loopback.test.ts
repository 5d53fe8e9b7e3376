import {
  isLocalToBrowser,
  isLocalToNode,
  isLoopbackAddress,
  isSecureUrl,
} from "../../src/shared/loopback.js";

it.each(["localhost", "127.0.0.1", "127.255.255.255", "[::1]"])("%s is this machine", (host) => {
  expect([isLocalToNode(host), isLocalToBrowser(host)]).toEqual([true, true]);
});

it("a name below localhost is for a browser, and not for Node, which may ask the network", () => {
  expect([isLocalToNode("a.localhost"), isLocalToBrowser("a.localhost")]).toEqual([false, true]);
});

it.each(["localhost.", "alocalhost", "127.0.0.1.example", "127.0.0.256", "127.1", "[::]", "::1"])(
  "%s is no name of this machine",
  (host) => {
    expect([isLocalToNode(host), isLocalToBrowser(host)]).toEqual([false, false]);
  },
);

it("a name is no loopback address, whatever it leads to", () => {
  expect(["localhost", "a.localhost", "[::1]"].map(isLoopbackAddress)).toEqual(
    new Array(3).fill(false),
  );
});

it.each<[string, boolean]>([
  ["https://a.example", true],
  ["http://localhost:8080", true],
  ["http://a.localhost", false],
  ["http://a.example", false],
  ["ftp://localhost", false],
  ["javascript://localhost", false],
])("%s is secure: %s", (url, isSecure) => {
  expect(isSecureUrl(new URL(url))).toBe(isSecure);
});
