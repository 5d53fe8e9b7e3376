import { hash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readExpiry } from "../../src/cli/expiry.js";
import { apikey, createApiKey, isApiKeyIntact } from "../../strategies/apikey.js";
import type { ApiKeyEntry } from "../../strategies/apikey.js";
import { ask, principalOfAnswer, withKey } from "../kit/auth-probe.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { runCommand } from "../kit/command-terminal.js";

cleanUpAfterEach();

const sha256 = (text: string): string => hash("sha256", text, "hex");

/** The entry at the end of what is printed for people. */
function entryIn(out: string): ApiKeyEntry {
  return JSON.parse(out.slice(out.indexOf("{\n"))) as ApiKeyEntry;
}

describe("key", () => {
  it("CLI-35: prints a key once, on the first line, and the entry that lets its holder in when it is pasted", async () => {
    const { status, out, err } = await runCommand([
      ...["key", "--id", "ci", "--scopes", "notes:read, notes:write"],
      ...["--expires", "90d", "--prefix", "acme"],
    ]);
    const [key = ""] = out.split("\n");
    expect([status, err]).toEqual([0, ""]);
    expect(key).toMatch(/^acme_[0-9A-Za-z]{49}$/);
    expect(out.split(key)).toHaveLength(2);
    expect(out).toMatch(
      /This key is not shown again.* It ends at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\./,
    );
    const entry = entryIn(out);
    expect(entry).toEqual({
      id: "ci",
      sha256: sha256(key),
      scopes: ["notes:read", "notes:write"],
      expiresAt: expect.any(Number) as number,
    });
    const principal = principalOfAnswer(await ask(apikey({ keys: [entry] }), withKey(key)));
    expect(principal).toMatchObject({ id: "ci", scopes: ["notes:read", "notes:write"] });
  });

  it("CLI-35: prints JSON for programs", async () => {
    const { out } = await runCommand(["key", "--json"]);
    const { key, entry } = JSON.parse(out) as { key: string; entry: ApiKeyEntry };
    expect(isApiKeyIntact(key)).toBe(true);
    expect(entry).toEqual({ id: `key-${sha256(key).slice(0, 12)}`, sha256: sha256(key) });
  });

  it.each([
    [["--prefix", "Bad-One"], "--prefix is no prefix of keys"],
    [["--id", ""], "--id must be a non-empty string"],
    [["--scopes", "a,,b"], "--scopes must be a list"],
    [["--scopes", 'a"b'], "--scopes holds something that is no scope name"],
    [["--expires", "soon"], "--expires must be such as"],
    [["--expires", "2020-01-31"], "--expires is over already"],
    [["--expires", "0d"], "--expires is over already"],
    [["--days", "3"], "Unknown option '--days'"],
    [["make"], 'takes no argument but "hash"'],
    [["hash", "a", "b"], "takes 2 arguments"],
    [["hash", "--prefix", "acme"], "--prefix is for new keys"],
    [["hash"], "hash: the secret is empty"],
    [["hash", "env:NONE"], "hash: there is no such variable"],
    [["hash", "@/no/such/file"], "hash: the file cannot be read (ENOENT)"],
  ])("CLI-36: says what is wrong with %j, and prints no key", async (args, problem) => {
    const { status, out, err } = await runCommand(["key", ...args]);
    expect([status, out]).toEqual([2, ""]);
    expect(err).toContain(problem);
    expect(err).toContain("express-mcp-sse key --help");
  });
});

describe("key hash", () => {
  const { key, entry } = createApiKey();

  it("CLI-37: prints the entry of a key from standard input, a file or the environment, and not the key", async () => {
    const folder = mkdtempSync(join(tmpdir(), "key-"));
    onDispose(() => rmSync(folder, { recursive: true }));
    const file = join(folder, "key");
    writeFileSync(file, `${key}\n`);
    const results = await Promise.all([
      runCommand(["key", "hash"], { input: `${key}\n` }),
      runCommand(["key", "hash", "-"], { input: `${key}\r\n` }),
      runCommand(["key", "hash", `@${file}`]),
      runCommand(["key", "hash", "env:KEY"], { env: { KEY: key } }),
    ]);
    for (const { status, out, err } of results) {
      expect([status, err]).toEqual([0, ""]);
      expect(JSON.parse(out)).toEqual(entry);
      expect(out).not.toContain(key);
    }
  });

  it("CLI-37: takes what new keys take, and prints JSON for programs", async () => {
    const args = [
      "key",
      "hash",
      "--id",
      "ci",
      "--scopes",
      "a,b",
      "--expires",
      "2999-01-31",
      "--json",
    ];
    const { out } = await runCommand(args, { input: key });
    const details = { id: "ci", scopes: ["a", "b"], expiresAt: Date.UTC(2999, 0, 31) / 1000 };
    expect(JSON.parse(out)).toEqual({ entry: { ...details, sha256: sha256(key) } });
  });

  it("CLI-37: says that an argument is in the shell's history, and repeats no key in any hint", async () => {
    const plain = await runCommand(["key", "hash", key]);
    expect(JSON.parse(plain.out)).toEqual(entry);
    expect(plain.err).toContain("in the shell's history now");
    const short = await runCommand(["key", "hash"], { input: "tiny-key" });
    expect(short.err).toContain("so short that it may be guessed");
    const cut = await runCommand(["key", "hash"], { input: key.slice(0, -2) });
    expect(cut.err).toContain("cut short or mistyped");
    const wrong = await runCommand(["key", "hash"], { input: `${key}\n${key}` });
    expect([wrong.status, wrong.out]).toEqual([2, ""]);
    expect(wrong.err).toContain("the key holds a character that cannot be sent in a header");
    for (const { err } of [plain, short, cut, wrong]) {
      expect(err).not.toContain(key.slice(0, -2));
      expect(err).not.toContain("tiny-key");
    }
  });
});

describe("--expires", () => {
  const now = Date.UTC(2026, 10, 26, 12, 0, 0, 500);
  const seconds = Math.floor(now / 1000);

  it.each([
    ["30m", seconds + 1_800],
    ["12h", seconds + 43_200],
    ["90d", seconds + 7_776_000],
    ["8w", seconds + 4_838_400],
    ["2027-01-31", Date.UTC(2027, 0, 31) / 1000],
    ["2028-02-29", Date.UTC(2028, 1, 29) / 1000],
    ["2027-01-31T18:00Z", Date.UTC(2027, 0, 31, 18) / 1000],
    ["2027-01-31T18:00:30+02:00", Date.UTC(2027, 0, 31, 16, 0, 30) / 1000],
  ])("CLI-36: %s is understood", (text, end) => {
    expect(readExpiry(text, now)).toBe(end);
  });

  it.each([
    "",
    "90",
    "90 d",
    "-1d",
    "1.5d",
    "1y",
    "999999d",
    "2027-02-29",
    "2027-13-01",
    "27-01-31",
    "2027-01-31T18:00",
    "2027-01-31T25:00Z",
    "tomorrow",
    "2026-11-26T12:00:00Z",
  ])("CLI-36: %j is not", (text) => {
    expect(() => readExpiry(text, now)).toThrow(/^--expires (must be|is over)/);
  });

  it.each(["9999-12-31", "5139-01-01"])("CLI-36: %s is too far for an entry of keys", (text) => {
    expect(() => readExpiry(text, now)).toThrow(/^--expires is too far away/);
  });
});
