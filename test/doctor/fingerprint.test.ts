import type { Credential, Target } from "../../src/doctor/contract.js";
import { createRedact, fingerprint, shownUrl } from "../../src/doctor/fingerprint.js";

const SECRET = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.s1gn4ture/with+signs="quoted"';

function redactOf(value: string, url = "https://api.example.com/mcp") {
  const credentials: Credential[] = value === "" ? [] : [{ kind: "bearer", value }];
  const target: Target = { url: new URL(url), credentials, timeoutMs: 1, isQuick: true };
  return createRedact(target);
}

it.each([
  ["as it is", SECRET],
  ["in a URL", encodeURIComponent(SECRET)],
  ["in a form", new URLSearchParams({ x: SECRET }).toString()],
  ["in JSON", JSON.stringify({ echoed: SECRET })],
  ["in Base64", Buffer.from(SECRET).toString("base64")],
  ["twice in a row", SECRET + SECRET],
  ["cut at its end", `no such token: ${SECRET.slice(0, -20)}`],
  ["cut at its beginning", `…${SECRET.slice(25)}`],
  ["around a gap", `${SECRET.slice(0, 20)}***${SECRET.slice(-20)}`],
])("CLI-2: a secret that comes back %s is replaced by its fingerprint", (_how, echoed) => {
  const shown = redactOf(SECRET)(`Before ${echoed} after`);
  expect(shown).toContain(fingerprint(SECRET));
  expect(shown).toMatch(/^Before .* after$/);
  for (let at = 0; at + 16 <= echoed.length; at++) {
    const piece = echoed.slice(at, at + 16);
    if (SECRET.includes(piece)) expect(shown).not.toContain(piece);
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

it("CLI-3: what a terminal would obey is written as code points", () => {
  expect(redactOf("")("a\u001b[31mb\nc\u202ed\u0007")).toBe("a\\u{1b}[31mb\\u{a}c\\u{202e}d\\u{7}");
});

it("a fingerprint is the beginning of SHA-256, and a URL shows its query's values so", () => {
  expect(fingerprint("abc")).toBe("sha256:ba7816bf");
  expect(shownUrl(new URL("https://u:p@h.example/a%0Ab?k=abc&e=#frag"))).toBe(
    "https://h.example/a%0Ab?k=sha256:ba7816bf&e=sha256:e3b0c442",
  );
});
