import { hostName, checkSource } from "../../src/http/origin.js";
import { isLocalToBrowser, isLoopbackAddress } from "../../src/shared/loopback.js";
import type { RequestSource, SourceVerdict } from "../../src/http/origin.js";
import type { SourceRules } from "../../src/options/source-rules.js";

const PUBLIC = new URL("https://api.example.com/mcp");

type Row = [what: string, SourceVerdict, Partial<RequestSource>, Partial<SourceRules>?];

/** A request from this machine to a server without options, unless a row says otherwise. */
function judge(source: Partial<RequestSource>, rules: Partial<SourceRules> = {}): SourceVerdict {
  return checkSource(
    {
      host: "127.0.0.1:8080",
      origin: undefined,
      localAddress: "127.0.0.1",
      viaTrustedProxy: false,
      ...source,
    },
    { allowedHosts: undefined, allowedOrigins: [], publicUrl: undefined, ...rules },
  );
}

const fromOutside = { localAddress: "203.0.113.5" };
const viaProxy = { viaTrustedProxy: true };
const listed = { allowedHosts: ["mcp.example.com", "other.example:8443", "[2001:db8::1]"] };
const cors = { allowedOrigins: ["https://app.example.com", "http://localhost:3000"] };

it.each<Row>([
  [
    "a page's origin without a name, through a Unix socket",
    "origin-not-allowed",
    { host: "", origin: "http://", localAddress: undefined },
  ],
  ["127.0.0.1", "allowed", { host: "127.0.0.1" }],
  ["127.0.0.1 with a port", "allowed", { host: "127.0.0.1:8080" }],
  ["localhost", "allowed", { host: "localhost:8080" }],
  ["LOCALHOST", "allowed", { host: "LocalHost:8080" }],
  ["a name below localhost", "allowed", { host: "app.localhost:8080" }],
  ["another loopback address", "allowed", { host: "127.8.9.1" }],
  ["the IPv6 loopback address", "allowed", { host: "[::1]:8080" }],
  ["a port that is empty", "allowed", { host: "localhost:" }],
  [
    "the mapped address at which it arrived",
    "allowed",
    { host: "127.0.0.1:8080", localAddress: "::ffff:127.0.0.1" },
  ],
  ["another machine's address", "host-not-allowed", { host: "203.0.113.5:8080" }],
  [
    "the address at which it arrived, with a page of that origin",
    "allowed",
    { host: "203.0.113.5:8080", origin: "http://203.0.113.5:8080", ...fromOutside },
  ],
  [
    "the IPv6 address at which it arrived, with a page of that origin",
    "allowed",
    {
      host: "[fe80::5]:8080",
      origin: "http://[fe80::5]:8080",
      localAddress: "fe80::5%eth0",
    },
  ],
  [
    "another address than that at which it arrived, with a page of that origin",
    "origin-not-allowed",
    { host: "203.0.113.6:8080", origin: "http://203.0.113.6:8080", ...fromOutside },
  ],
  [
    "the address at which it arrived, with a page of another port",
    "origin-not-allowed",
    { host: "203.0.113.5:8080", origin: "http://203.0.113.5:9090", ...fromOutside },
  ],
  [
    "the address at which it arrived, where names are listed",
    "host-not-allowed",
    { host: "203.0.113.5:8080", ...fromOutside },
    listed,
  ],
  ["no Host at all", "host-not-allowed", { host: undefined }],
  ["an empty Host", "host-not-allowed", { host: "" }],
  ["a rebound name", "host-not-allowed", { host: "evil.example:8080" }],
  [
    "a rebound name with the page's own origin",
    "host-not-allowed",
    { host: "evil.example:8080", origin: "http://evil.example:8080" },
  ],
  ["a name that ends like localhost", "host-not-allowed", { host: "evillocalhost" }],
  ["a name that begins like localhost", "host-not-allowed", { host: "localhost.evil.example" }],
  ["localhost with a dot", "host-not-allowed", { host: "localhost." }],
  ["a name that begins like an address", "host-not-allowed", { host: "127.0.0.1.evil.example" }],
  ["an address with too many numbers", "host-not-allowed", { host: "127.0.0.1.1" }],
  ["an address in short", "host-not-allowed", { host: "127.1" }],
  ["an address in decimal", "host-not-allowed", { host: "2130706433" }],
  ["an address in hex", "host-not-allowed", { host: "0x7f.0.0.1" }],
  ["an address with numbers too large", "host-not-allowed", { host: "127.0.0.256" }],
  ["the address of every interface", "host-not-allowed", { host: "0.0.0.0:8080" }],
  ["an IPv6 address without brackets", "host-not-allowed", { host: "::1" }],
  ["the IPv6 loopback address in long", "host-not-allowed", { host: "[0:0:0:0:0:0:0:1]" }],
  ["a mapped address", "host-not-allowed", { host: "[::ffff:127.0.0.1]" }],
  ["credentials before the name", "host-not-allowed", { host: "localhost@evil.example" }],
  ["credentials before localhost", "host-not-allowed", { host: "evil@localhost" }],
  ["two ports", "host-not-allowed", { host: "localhost:1:2" }],
  ["a port that is none", "host-not-allowed", { host: "localhost:evil" }],
  ["a list of names", "host-not-allowed", { host: "localhost, evil.example" }],
  ["a line break", "host-not-allowed", { host: "evil.example\nlocalhost" }],
  ["the address of another machine", "host-not-allowed", { host: "192.168.0.7" }],
  ["any name, from outside", "allowed", { host: "evil.example", ...fromOutside }],
  ["no Host, from outside", "allowed", { host: undefined, ...fromOutside }],
  ["any name, through a trusted proxy", "allowed", { host: "evil.example", ...viaProxy }],
  ["publicUrl's name", "allowed", { host: "api.example.com" }, { publicUrl: PUBLIC }],
  [
    "publicUrl's name with a port",
    "allowed",
    { host: "API.example.com:443" },
    { publicUrl: PUBLIC },
  ],
  [
    "a name below publicUrl's",
    "host-not-allowed",
    { host: "x.api.example.com" },
    { publicUrl: PUBLIC },
  ],
  ["a name above publicUrl's", "host-not-allowed", { host: "example.com" }, { publicUrl: PUBLIC }],
  ["loopback beside publicUrl", "allowed", { host: "localhost" }, { publicUrl: PUBLIC }],
])("SOURCE-1: with %s as Host, a request is %s", (_what, verdict, source, rules = {}) => {
  expect(judge(source, rules)).toBe(verdict);
});

it.each<Row>([
  ["a listed name", "allowed", { host: "mcp.example.com" }],
  ["a listed name with any port", "allowed", { host: "mcp.example.com:444" }],
  ["a listed name in capitals", "allowed", { host: "MCP.Example.COM" }],
  ["a listed name with its port", "allowed", { host: "other.example:8443" }],
  ["a listed name with another port", "host-not-allowed", { host: "other.example:8444" }],
  ["a listed name without its port", "host-not-allowed", { host: "other.example" }],
  ["a listed IPv6 address", "allowed", { host: "[2001:db8::1]:80" }],
  ["a name below a listed one", "host-not-allowed", { host: "x.mcp.example.com" }],
  ["a name that ends like a listed one", "host-not-allowed", { host: "evilmcp.example.com" }],
  ["loopback, which is not listed", "host-not-allowed", { host: "localhost" }],
  ["no Host", "host-not-allowed", { host: undefined }],
  [
    "a name that is not listed, through a trusted proxy",
    "host-not-allowed",
    { host: "evil.example", ...viaProxy },
  ],
])("SOURCE-1: with allowedHosts, %s is %s from everywhere", (_what, verdict, source) => {
  for (const localAddress of ["127.0.0.1", "203.0.113.5"]) {
    expect(judge({ ...source, localAddress }, listed)).toBe(verdict);
  }
});

it.each<Row>([
  ["no Origin", "allowed", {}],
  ["a listed one", "allowed", { origin: "https://app.example.com" }],
  [
    "a listed one with another port",
    "origin-not-allowed",
    { origin: "https://app.example.com:444" },
  ],
  [
    "a listed one with its default port spelt out",
    "origin-not-allowed",
    { origin: "https://app.example.com:443" },
  ],
  ["a listed one with another scheme", "origin-not-allowed", { origin: "http://app.example.com" }],
  [
    "a listed one in capitals, which no browser sends",
    "origin-not-allowed",
    { origin: "https://APP.example.com" },
  ],
  ["one below a listed one", "origin-not-allowed", { origin: "https://x.app.example.com" }],
  [
    "one that begins like a listed one",
    "origin-not-allowed",
    { origin: "https://app.example.com.evil.example" },
  ],
  ["a listed one with a path", "origin-not-allowed", { origin: "https://app.example.com/" }],
  ["localhost with a listed port", "allowed", { origin: "http://localhost:3000" }],
  ["localhost with another port", "origin-not-allowed", { origin: "http://localhost:3001" }],
  ["null", "origin-not-allowed", { origin: "null" }],
  ["an empty one", "origin-not-allowed", { origin: "" }],
  ["two", "origin-not-allowed", { origin: "https://app.example.com, https://evil.example" }],
  ["the server's own", "allowed", { origin: "http://127.0.0.1:8080" }],
  ["the server's own over TLS", "allowed", { origin: "https://127.0.0.1:8080" }],
  ["the server's own with another port", "origin-not-allowed", { origin: "http://127.0.0.1:9090" }],
  [
    "the server's own with another scheme",
    "origin-not-allowed",
    { origin: "file://127.0.0.1:8080" },
  ],
  [
    "its own under a name that nobody vouches for",
    "origin-not-allowed",
    { host: "evil.example", origin: "http://evil.example", ...fromOutside },
  ],
  [
    "its own under such a name, through a trusted proxy",
    "origin-not-allowed",
    { host: "evil.example", origin: "https://evil.example", ...viaProxy },
  ],
])("SOURCE-2: with %s as Origin, a request is %s", (_what, verdict, source) => {
  expect(judge(source, cors)).toBe(verdict);
});

it.each<Row>([
  ["everything with *", "allowed", { origin: "https://evil.example" }, { allowedOrigins: ["*"] }],
  ["null with *", "allowed", { origin: "null" }, { allowedOrigins: ["*"] }],
  ["null where it is listed", "allowed", { origin: "null" }, { allowedOrigins: ["null"] }],
  [
    "publicUrl's own pages",
    "allowed",
    { origin: "https://api.example.com" },
    { publicUrl: PUBLIC },
  ],
  [
    "publicUrl's without TLS",
    "origin-not-allowed",
    { origin: "http://api.example.com" },
    { publicUrl: PUBLIC },
  ],
  [
    "a listed Host's own pages",
    "allowed",
    { host: "mcp.example.com", origin: "https://mcp.example.com" },
    listed,
  ],
  [
    "a refused Host, whatever the origin",
    "host-not-allowed",
    { host: "evil.example", origin: "https://a.example" },
    { allowedOrigins: ["*"] },
  ],
])("SOURCE-2: %s is %s", (_what, verdict, source, rules = {}) => {
  expect(judge(source, rules)).toBe(verdict);
});

it("SOURCE-1: tells loopback addresses from others, mapped ones included", () => {
  for (const address of ["127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1"]) {
    expect(isLoopbackAddress(address)).toBe(true);
  }
  for (const address of [
    undefined,
    "",
    "0.0.0.0",
    "::",
    "10.0.0.1",
    "::ffff:10.0.0.1",
    "::2",
    "128.0.0.1",
  ]) {
    expect(isLoopbackAddress(address)).toBe(false);
  }
  expect(isLocalToBrowser("[::1]")).toBe(true);
  expect(hostName("[2001:DB8::1]:8080")).toBe("[2001:db8::1]");
});
