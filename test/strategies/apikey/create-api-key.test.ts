import { readFileSync } from "node:fs";
import { join } from "node:path";
import { apikey, createApiKey, isApiKeyIntact } from "../../../strategies/apikey.js";
import { readKeys } from "../../../strategies/apikey/api-key-list.js";
import { entryOf } from "../../../strategies/apikey/create-api-key.js";
import { ask, probe, principalOfAnswer, withKey, withToken } from "../../kit/auth-probe.js";
import { cleanUpAfterEach } from "../../kit/clean-up.js";
import { recordingLogger } from "../../kit/leak-watch.js";
import { send } from "../../kit/raw-http.js";
import { serveRouter } from "../../kit/serve.js";

cleanUpAfterEach();

const thousand = Array.from({ length: 1_000 }, () => createApiKey().key);

/** The rule of the documentation, as a scanner is given it. */
function publishedRule(): string {
  const page = readFileSync(join(__dirname, "../../../docs/security.md"), "utf8");
  const [, rule] = /^regex = '''(.+)'''$/m.exec(page) ?? [];
  if (rule === undefined) throw new Error("docs/security.md has no rule for scanners");
  return rule;
}

describe("a key that is made", () => {
  it("CLI-30: is one word that a double click selects, with a prefix, 256 random bits and a checksum", () => {
    for (const key of thousand) expect(key).toMatch(/^ems_[0-9A-Za-z]{49}$/);
    expect(new Set(thousand).size).toBe(1_000);
    expect(43 * Math.log2(62)).toBeGreaterThan(256);
  });

  it("CLI-30: has digits that are drawn evenly", () => {
    const counts = new Map<string, number>();
    for (const digit of thousand.flatMap((key) => Array.from(key.slice(4, 47)))) {
      counts.set(digit, (counts.get(digit) ?? 0) + 1);
    }
    const expected = (1_000 * 43) / 62;
    const all = [...counts.values()].map((count) => (count - expected) ** 2 / expected);
    expect(counts.size).toBe(62);
    // Chi-squared with 61 degrees of freedom: once in some ten million runs it is more.
    expect(all.reduce((sum, part) => sum + part)).toBeLessThan(140);
  });

  it("CLI-31: is found by the rule for secret scanners in docs/security.md, in what leaks look like", () => {
    const rule = new RegExp(publishedRule());
    for (const key of thousand) {
      for (const leak of [`"${key}"`, `X-API-Key: ${key}\n`, `?api_key=${key}&a=b`, `K=${key};`]) {
        expect(rule.exec(leak)?.[1]).toBe(key);
      }
    }
    for (const other of [
      `ems_${"a".repeat(48)}`,
      `items_${"a".repeat(49)}`,
      `ems_${"a".repeat(50)}`,
    ]) {
      expect(rule.test(other)).toBe(false);
    }
  });

  it("CLI-32: lets its holder in by its entry, which is JSON and does not have the key", async () => {
    const { key, entry } = createApiKey({
      id: "ci",
      scopes: ["notes:read"],
      expiresAt: new Date(Date.now() + 60_000),
    });
    const printed = JSON.stringify(entry);
    expect(printed).not.toContain(key);
    const pasted = JSON.parse(printed) as typeof entry;
    const answer = await ask(apikey({ keys: [pasted] }), withKey(key));
    expect(principalOfAnswer(answer)).toMatchObject({ id: "ci", scopes: ["notes:read"] });
  });

  it("CLI-32: has the id of the same key in plain text, where it is given none", async () => {
    const { key, entry } = createApiKey();
    const id = principalOfAnswer(await ask(apikey({ keys: [key] }), withKey(key))).id;
    expect(entry).toEqual({ id, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string });
  });

  it("CLI-32: has no entry that warns of a short key, or of a key twice", () => {
    const keys = thousand.map((key) => entryOf(key));
    expect(readKeys("keys", keys).warnings).toEqual([]);
  });
});

describe("a prefix", () => {
  it.each(["acme", "acme_live", "a1", "a".repeat(32)])("may be %p", (prefix) => {
    const { key } = createApiKey({ prefix });
    expect(key.startsWith(`${prefix}_`)).toBe(true);
    expect(isApiKeyIntact(key)).toBe(true);
  });

  it.each(["", "Acme", "1a", "a-b", "a_", "_a", "a__b", "a b", "a\n", "é", "a".repeat(33), 7])(
    "may not be %p",
    (prefix) => {
      const make = () => createApiKey({ prefix: prefix as string });
      expect(make).toThrow(/^options\.prefix (is no prefix of keys|must be a non-empty string)/);
    },
  );
});

test.each([
  [{ scopes: ["two words"] }, /^options\.scopes holds something that is no scope name/],
  [{ expiresAt: Date.now() }, /^options\.expiresAt is no time in seconds/],
  [{ id: "" }, /^options\.id must be a non-empty string/],
  [{ scope: ["a"] }, /^options\.scope is not an option\. .*Did you mean "scopes"/],
])("createApiKey refuses %j", (options, message) => {
  expect(() => createApiKey(options as never)).toThrow(message);
});

describe("isApiKeyIntact", () => {
  it("CLI-33: is true of whole keys", () => {
    expect(thousand.filter(isApiKeyIntact)).toHaveLength(1_000);
  });

  it("CLI-33: is false of a key with one other character, in whatever place", () => {
    const [key = ""] = thousand;
    for (let at = 0; at < key.length; at++) {
      const other = key[at] === "a" ? "b" : "a";
      expect(isApiKeyIntact(key.slice(0, at) + other + key.slice(at + 1))).toBe(false);
    }
  });

  it("CLI-33: is false of one that was cut, doubled, or has two characters in another order", () => {
    const [key = ""] = thousand;
    for (let at = 0; at < key.length; at++) expect(isApiKeyIntact(key.slice(0, at))).toBe(false);
    const turned = thousand.map((text) => text.replace(/(.)(.)$/, "$2$1"));
    expect(turned.filter((text, at) => text !== thousand[at] && isApiKeyIntact(text))).toEqual([]);
    for (const text of [key + key, `${key} `, `${key}\n`, ` ${key}`, key.slice(1)]) {
      expect(isApiKeyIntact(text)).toBe(false);
    }
  });

  it("CLI-33: takes no time for a long text", () => {
    const start = performance.now();
    expect(isApiKeyIntact(`ems_${"a_".repeat(5_000_000)}`)).toBe(false);
    expect(performance.now() - start).toBeLessThan(1_000);
  });
});

describe("a key that is not known", () => {
  const NOTE = "by its checksum it is cut short or mistyped";

  it("CLI-34: is called damaged in the log, and its sender hears no more than others", async () => {
    const { key, entry } = createApiKey();
    const logger = recordingLogger();
    const { sseUrl } = await serveRouter({
      auth: { type: "apikey", options: { keys: [entry] } },
      logger,
    });
    const refused = async (sent: string) => {
      const { status, text, headers } = await send(sseUrl, { headers: { "X-API-Key": sent } });
      expect(status).toBe(401);
      return text + String(headers["www-authenticate"]);
    };
    const answers = [];
    for (const sent of [
      key.slice(0, -1),
      `${key}x`,
      createApiKey().key,
      "something-else-entirely",
    ]) {
      answers.push(await refused(sent));
    }
    expect(new Set(answers).size).toBe(1);
    expect(answers[0]).not.toContain(NOTE);
    const lines = logger.lines.filter((line) => line.includes("not known"));
    expect(lines.map((line) => line.includes(NOTE))).toEqual([true, true, false, false]);
  });

  it("CLI-34: is called so wherever it stands, and with a prefix of one's own", async () => {
    const auth = apikey({ keys: [createApiKey().entry] });
    const { key } = createApiKey({ prefix: "acme_live" });
    const mistyped = `${key.slice(0, -1)}${key.endsWith("a") ? "b" : "a"}`;
    const server = await probe(auth);
    for (const request of [withKey(mistyped), withToken(mistyped)]) {
      expect((await server.send(request)).outcome).toMatchObject({ kind: "invalid", note: NOTE });
    }
    expect((await server.send(withKey(key))).outcome).not.toHaveProperty("note");
  });
});
