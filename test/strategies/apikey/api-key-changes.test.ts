import { createHash } from "node:crypto";
import { apikey } from "../../../strategies/apikey.js";
import type { ApiKeyEntry } from "../../../strategies/apikey.js";
import { watchKeys } from "../../../strategies/apikey/api-key-list.js";
import { probe, withKey } from "../../kit/auth-probe.js";
import { cleanUpAfterEach } from "../../kit/clean-up.js";

cleanUpAfterEach();

const FIRST = "first-key-0123456789";
const SECOND = "second-key-0123456789";

const sha256 = (key: string): string => createHash("sha256").update(key).digest("hex");

/** An entry that anything may be changed in. */
type Changing = { -readonly [K in keyof ApiKeyEntry]?: unknown };

/** A list that a server reads, and whether a key gets in. */
async function setUp(entry: Changing) {
  const list: (string | Changing)[] = [SECOND, { ...entry }];
  const server = await probe(apikey({ keys: () => list as ApiKeyEntry[] }));
  return {
    list,
    entry: list[1] as Changing,
    statusOf: async (key: string) => (await server.send(withKey(key))).status,
  };
}

describe("a list of keys that is changed in place", () => {
  it.each<[string, Changing, (entry: Changing) => void]>([
    ["its key is another one", { id: "a", key: FIRST }, (entry) => (entry.key = "x".repeat(20))],
    [
      "its digest is another one",
      { id: "a", sha256: sha256(FIRST) },
      (entry) => (entry.sha256 = sha256("x")),
    ],
    ["it ends now", { id: "a", key: FIRST }, (entry) => (entry.expiresAt = 1)],
    [
      "its Date is set back",
      { id: "a", key: FIRST, expiresAt: new Date(Date.now() + 60_000) },
      (entry) => (entry.expiresAt as Date).setTime(1000),
    ],
    ["it is wrong", { id: "a", key: FIRST }, (entry) => (entry.id = "")],
  ])("KNOWN-4: refuses an entry's key as soon as %s", async (_what, given, change) => {
    const { entry, statusOf } = await setUp(given);
    expect(await statusOf(FIRST)).toBe(200);
    change(entry);
    expect([401, 503]).toContain(await statusOf(FIRST));
  });

  it("KNOWN-4: takes a scope away with the entry's", async () => {
    const list = [{ id: "a", key: FIRST, scopes: ["read", "write"] }];
    const server = await probe(apikey({ keys: () => list, scopes: ["write"] }));
    expect((await server.send(withKey(FIRST))).status).toBe(200);
    list[0]!.scopes.pop();
    expect((await server.send(withKey(FIRST))).status).toBe(403);
  });

  it("KNOWN-4: knows two keys apart that change places", async () => {
    const { list, statusOf } = await setUp({ id: "a", key: FIRST });
    list.reverse();
    expect([await statusOf(FIRST), await statusOf(SECOND)]).toEqual([200, 200]);
    list.pop();
    expect([await statusOf(FIRST), await statusOf(SECOND)]).toEqual([200, 401]);
    list.pop();
    expect([await statusOf(FIRST), await statusOf(SECOND)]).toEqual([401, 401]);
  });
});

it("reads a list of keys again only when something in it has changed", () => {
  const list: (string | Changing)[] = [FIRST, { id: "a", key: SECOND, scopes: ["read"] }];
  let given = list;
  const current = watchKeys("keys", () => given);
  const before = current();
  expect(current()).toBe(before);
  given = list.map((entry) => (typeof entry === "string" ? entry : { ...entry }));
  expect(current()).toBe(before);
  given[1] = { id: "b", key: SECOND, scopes: ["read"] };
  expect(current()).not.toBe(before);
});

it("reads the keys of an array once, so that no half of a change ever counts", async () => {
  const scopes = ["read"];
  const entry = { id: "a", key: FIRST, scopes, expiresAt: new Date(Date.now() + 60_000) };
  const list: (string | ApiKeyEntry)[] = [entry];
  const needed = ["read"];
  const server = await probe(apikey({ keys: list, scopes: needed }));
  list.push(SECOND);
  scopes.pop();
  needed.push("write");
  entry.expiresAt.setTime(1000);
  expect((await server.send(withKey(FIRST))).status).toBe(200);
  expect((await server.send(withKey(SECOND))).status).toBe(401);
});
