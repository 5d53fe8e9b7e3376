import { isLocalToNode } from "../../../src/shared/loopback.js";
import { checkIssuerUrl, metadataUrls, sameIssuer } from "../../../strategies/oauth/issuer-url.js";

describe("OAUTH-1: checkIssuerUrl", () => {
  it.each([
    "https://auth.example.com",
    "https://auth.example.com/",
    "https://auth.example.com:8443/realms/a",
    "https://auth.example.com/o/app/",
    "https://auth.example.com/@tenant",
    "https://AUTH.example.com/%7Eme",
    "http://localhost:3000",
    "http://127.0.0.1:3000/realms/a",
    "http://127.8.9.10",
    "http://[::1]:3000",
  ])("takes %s as it is written", (url) => {
    expect(checkIssuerUrl("issuerUrl", url)).toBe(url);
  });

  it.each<[unknown, RegExp]>([
    [undefined, /is undefined.*environment/],
    ["", /non-empty string/],
    [42, /non-empty string/],
    [new URL("https://auth.example.com"), /non-empty string/],
    ["auth.example.com", /is no http URL.*such as "https:/],
    ["//auth.example.com", /is no http URL/],
    ["https:auth.example.com", /is no http URL/],
    ["https:///auth.example.com", /is no http URL/],
    ["https://", /is no http URL/],
    ["https://auth.example.com:99999", /is no http URL/],
    ["ftp://auth.example.com", /is no http URL/],
    ["file:///etc/passwd", /is no http URL/],
    ["javascript:alert(1)", /is no http URL/],
    ["https://auth.example.com\n", /a line break/],
    [" https://auth.example.com", /a space/],
    ["https://auth.exam\tple.com", /a character/],
    ["https:\\\\auth.example.com", /a character/],
    ["https://auth.example.com\\@evil.example", /a character/],
    ["https://аuth.example.com", /a character/],
    ["https://user:hunter2@auth.example.com", /has credentials.*clientSecret/],
    ["https://hunter2@auth.example.com", /has credentials/],
    ["https://@auth.example.com", /has credentials/],
    ["https://:@auth.example.com", /has credentials/],
    ["https://auth.example.com?tenant=a", /a query or a fragment/],
    ["https://auth.example.com/?", /a query or a fragment/],
    ["https://auth.example.com/#top", /a query or a fragment/],
    ["https://auth.example.com/#", /a query or a fragment/],
    ["https://auth.example.com/.well-known/openid-configuration", /URL of the metadata/],
    ["http://auth.example.com", /must use https/],
    ["HTTP://auth.example.com", /must use https/],
  ])("refuses %j", (value, problem) => {
    const check = () => checkIssuerUrl("auth.options.issuerUrl", value);
    expect(check).toThrow(TypeError);
    expect(check).toThrow(/^auth\.options\.issuerUrl /);
    expect(check).toThrow(problem);
    expect(check).not.toThrow(/hunter2/);
  });

  it.each([
    "localhost.evil.example",
    "evil.localhost",
    "localhost.",
    "xlocalhost",
    "127.0.0.1.evil.example",
    "127.0.0.1.nip.io",
    "evil-127.0.0.1.example",
    "128.0.0.1",
    "0.0.0.0",
    "10.0.0.1",
    "169.254.169.254",
    "[::]",
    "[::2]",
    "[::ffff:127.0.0.1]",
  ])("does not take %s for this machine", (host) => {
    expect(isLocalToNode(new URL(`http://${host}/`).hostname)).toBe(false);
    expect(() => checkIssuerUrl("issuerUrl", `http://${host}`)).toThrow(/must use https/);
  });

  it.each(["127.1", "0x7f000001", "2130706433", "0177.0.0.1", "LOCALHOST", "[0:0:0:0:0:0:0:1]"])(
    "knows this machine as %s",
    (host) => {
      expect(isLocalToNode(new URL(`http://${host}/`).hostname)).toBe(true);
    },
  );
});

describe("OAUTH-1: metadataUrls", () => {
  it("asks at two places when the issuer has no path", () => {
    const urls = [
      "https://auth.example.com/.well-known/oauth-authorization-server",
      "https://auth.example.com/.well-known/openid-configuration",
    ];
    expect(metadataUrls("https://auth.example.com")).toEqual(urls);
    expect(metadataUrls("https://auth.example.com/")).toEqual(urls);
  });

  it("inserts and appends when it has one, whether it ends with a slash or not", () => {
    const urls = [
      "https://auth.example.com:8443/.well-known/oauth-authorization-server/realms/a",
      "https://auth.example.com:8443/.well-known/openid-configuration/realms/a",
      "https://auth.example.com:8443/realms/a/.well-known/openid-configuration",
    ];
    expect(metadataUrls("https://auth.example.com:8443/realms/a")).toEqual(urls);
    expect(metadataUrls("https://auth.example.com:8443/realms/a/")).toEqual(urls);
  });
});

describe("OAUTH-1: sameIssuer", () => {
  const issuers = ["https://auth.example.com", "https://auth.example.com/realms/a%2Fb"];

  it.each(issuers)("takes %s with and without a slash at its end", (issuer) => {
    expect(sameIssuer(issuer, issuer)).toBe(true);
    expect(sameIssuer(issuer, `${issuer}/`)).toBe(true);
    expect(sameIssuer(`${issuer}/`, issuer)).toBe(true);
    expect(sameIssuer(`${issuer}/`, `${issuer}/`)).toBe(true);
  });

  it.each(issuers)("takes no other text that differs from %s by an edit", (issuer) => {
    const inserts = [
      "/",
      "//",
      ".",
      "%2f",
      "%2F",
      "a",
      "A",
      " ",
      "\n",
      "\0",
      "@",
      "?",
      "#",
      ":443",
    ];
    for (const configured of [issuer, `${issuer}/`]) {
      for (const published of edits(configured, inserts)) {
        if (published === issuer || published === `${issuer}/`) continue;
        expect([published, sameIssuer(configured, published)]).toEqual([published, false]);
        expect([published, sameIssuer(published, configured)]).toEqual([published, false]);
      }
    }
  });

  it.each([
    ["a port that goes without saying", "https://auth.example.com:443"],
    ["another case", "https://AUTH.example.com"],
    ["another scheme", "http://auth.example.com"],
    ["a dot at the end", "https://auth.example.com."],
    ["dot segments", "https://auth.example.com/x/.."],
    ["two slashes", "https://auth.example.com//"],
    ["a letter that looks the same", "https://аuth.example.com"],
    ["credentials", "https://auth.example.com@evil.example"],
    ["a subdomain", "https://evil.auth.example.com"],
    ["a longer host", "https://auth.example.com.evil.example"],
    ["a tenant", "https://auth.example.com/realms/a"],
    ["nothing", ""],
    ["a slash", "/"],
  ])("takes no issuer with %s", (_, published) => {
    expect(sameIssuer("https://auth.example.com", published)).toBe(false);
    expect(sameIssuer(published, "https://auth.example.com")).toBe(false);
  });
});

/** Every text that one insertion, deletion, replacement or change of case makes of `text`. */
function* edits(text: string, inserts: readonly string[]): Generator<string> {
  for (let index = 0; index <= text.length; index++) {
    const [before, after] = [text.slice(0, index), text.slice(index)];
    for (const insert of inserts) {
      yield before + insert + after;
      if (after !== "" && !after.startsWith(insert)) yield before + insert + after.slice(1);
    }
    if (after !== "") yield before + after.slice(1);
    const swapped = after.charAt(0).toUpperCase();
    if (after !== "" && swapped !== after.charAt(0)) yield before + swapped + after.slice(1);
  }
}
