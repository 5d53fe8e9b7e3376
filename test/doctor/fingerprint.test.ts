import type { Credential } from "../../src/doctor/contract.js";
import { createRedact, fingerprint, shownUrl } from "../../src/doctor/fingerprint.js";

const SECRET = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.s1gn4ture/with+signs="quoted"';

function redactOf(value: string, url = "https://api.example.com/mcp") {
  const credentials: Credential[] = value === "" ? [] : [{ kind: "bearer", value }];
  return createRedact({ url: new URL(url), credentials });
}

it.each([
  ["as it is", SECRET],
  ["in a URL", encodeURIComponent(SECRET)],
  ["in a form", new URLSearchParams({ x: SECRET }).toString()],
  ["in JSON", JSON.stringify({ echoed: SECRET })],
  ["in Base64", Buffer.from(SECRET).toString("base64")],
  ["in JSON that escapes slashes", JSON.stringify(SECRET).replaceAll("/", "\\/")],
  ["in capitals", SECRET.toUpperCase()],
  ["in a URL with small letters", encodeURIComponent(SECRET).toLowerCase()],
  ["in Base64 behind two bytes", Buffer.from(`::${SECRET}`).toString("base64")],
  ["in Base64 behind a scheme", Buffer.from(`Bearer ${SECRET}`).toString("base64url")],
  ["twice in a row", SECRET + SECRET],
  ["cut at its end", `no such token: ${SECRET.slice(0, -20)}`],
  ["cut at its beginning", `…${SECRET.slice(25)}`],
  ["around a gap", `${SECRET.slice(0, 20)}***${SECRET.slice(-20)}`],
])("CLI-2: a secret that comes back %s is replaced by its fingerprint", (_how, echoed) => {
  const shown = redactOf(SECRET)(`Before ${echoed} after`);
  expect(shown).toContain(fingerprint(SECRET));
  expect(shown).toMatch(/^Before .* after$/);
  for (let at = 0; at + 16 <= echoed.length; at++) {
    const piece = echoed.slice(at, at + 16).toLowerCase();
    if (SECRET.toLowerCase().includes(piece)) expect(shown.toLowerCase()).not.toContain(piece);
  }
});

it("CLI-2: values of the typed URL's query are secrets, too", () => {
  const redact = redactOf("", "https://api.example.com/mcp?api_key=0123456789abcdef");
  expect(redact("no such key: 0123456789abcdef!")).toBe(
    `no such key: ${fingerprint("0123456789abcdef")}!`,
  );
});

it("CLI-2: a short secret is found where it stands alone, and does not break words up", () => {
  const redact = redactOf("rest");
  expect(redact("the rest, interest")).toBe(`the ${fingerprint("rest")}, interest`);
});

it("CLI-2: Base64 of URLs is found, too", () => {
  const secret = "~~?~~?~~?";
  const encoded = Buffer.from(secret).toString("base64url");
  expect(encoded).toContain("_");
  expect(redactOf(secret)(`said ${encoded}`)).toBe(`said ${fingerprint(secret)}`);
});

it("CLI-2: of two secrets, one of which holds the other, nothing is left", () => {
  const [short, long] = ["0123456789", "0123456789-and-more"];
  const credentials = [short, long].map((value) => ({ kind: "bearer", value }) as const);
  expect(createRedact({ credentials })(`no ${long}`)).toBe(`no ${fingerprint(long)}`);
});

it.each([
  ["a token behind its scheme", "Bearer k3y", "k3y"],
  ["the password of Basic", `Basic ${Buffer.from("ada:p:w").toString("base64")}`, "p:w"],
])("CLI-2: %s is a secret by itself, however short", (_what, value, secret) => {
  const credentials: Credential[] = [{ kind: "header", name: "Authorization", value }];
  expect(createRedact({ credentials })(`no ${secret}!`)).toBe(`no ${fingerprint(secret)}!`);
});

it("CLI-2: a header that says nothing of who calls is no secret", () => {
  const credentials: Credential[] = [{ kind: "header", name: "X-Forwarded-Proto", value: "https" }];
  expect(createRedact({ credentials })("https://a")).toBe("https://a");
});

it("CLI-3: what a terminal would obey is written as code points", () => {
  expect(redactOf("")("a\u001b[31mb\nc\u202ed\u0007")).toBe("a\\u{1b}[31mb\\u{a}c\\u{202e}d\\u{7}");
});

it("a fingerprint is the beginning of SHA-256, and a URL shows its query's values so", () => {
  expect(fingerprint("abc")).toBe("sha256:ba7816bf");
  expect(shownUrl(new URL("https://u:p@h.example/a%0Ab?k=abc&e=#frag"))).toBe(
    "https://h.example/a%0Ab?k=sha256:ba7816bf&e=sha256:e3b0c442",
  );
});
