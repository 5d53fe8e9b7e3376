/** What is kept: storage, keys, the provider's tokens. */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { appendFile, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect, promisify } from "node:util";
import { FileStorage, MemoryStorage } from "../../../src/index.js";
import type { SignInStorage } from "../../../src/index.js";
import { RedisStorage } from "../../../src/redis/index.js";
import { KeyRing } from "../../../strategies/oauth/sign-in/storage/key-ring.js";
import { Logins } from "../../../strategies/oauth/sign-in/storage/records.js";
import { SealedStorage } from "../../../strategies/oauth/sign-in/storage/seal.js";
import { openSealed, seal } from "../../../src/shared/seal.js";
import { Upstream } from "../../../strategies/oauth/sign-in/login/upstream.js";
import { cleanUpAfterEach, onDispose } from "../../kit/clean-up.js";
import { converse } from "../../kit/conversation.js";

import { later } from "../../kit/clock.js";
import { CLIENTS } from "../../kit/cluster/redis-clients.js";
import { describeWithRedis, TestRedis } from "../../kit/redis.js";
import { until } from "../../kit/waiting.js";
import { ecKeyPair } from "../../kit/key-pairs.js";
import { obtainTokens, serveSignIn, tokenRequest } from "../../kit/sign-in.js";

cleanUpAfterEach();

async function temporaryFile(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "sign-in-"));
  onDispose(() => rm(folder, { recursive: true }));
  return join(folder, "below", "sign-in.log");
}

const asBearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe.each<[string, () => Promise<SignInStorage>]>([
  ["MemoryStorage", async () => new MemoryStorage()],
  ["FileStorage", async () => new FileStorage({ path: await temporaryFile() })],
])("SIGNIN-19: %s", (_name, create) => {
  keepsValues(create, () => later(1001));
});

describeWithRedis("SIGNIN-19: RedisStorage", () => {
  let redis: TestRedis;

  beforeAll(async () => {
    redis = await TestRedis.start();
  });
  afterAll(() => redis.stop());

  const create = async (): Promise<SignInStorage> => {
    const own = await CLIENTS.redis(redis);
    onDispose(() => own.close());
    await redis.flush();
    return new RedisStorage({ client: own.client });
  };
  // Redis has a clock of its own.
  keepsValues(create, () => until(async () => (await redis.keys()).length === 0));
});

/** @param pass lets a second pass. */
function keepsValues(create: () => Promise<SignInStorage>, pass: () => unknown): void {
  async function storage(): Promise<SignInStorage> {
    const created = await create();
    onDispose(() => created.close?.());
    return created;
  }

  test("keeps, replaces and forgets values", async () => {
    const store = await storage();
    await store.set("a:1", "x");
    await store.set("a:1", "y");
    expect(await store.get("a:1")).toBe("y");
    await store.delete("a:1");
    await store.delete("a:1");
    expect(await store.get("a:1")).toBeUndefined();
    for (const key of ["__proto__", "constructor", "a:__proto__", "line\nbreak"]) {
      expect(await store.get(key)).toBeUndefined();
      await store.set(key, key);
      expect(await store.get(key)).toBe(key);
    }
  });

  test("of several that take a value one gets it", async () => {
    const store = await storage();
    await store.set("code:1", "v");
    const taken = await Promise.all(Array.from({ length: 20 }, () => store.take("code:1")));
    expect(taken.filter((value) => value === "v")).toHaveLength(1);
  });

  test("of several that add a value one does", async () => {
    const store = await storage();
    const added = await Promise.all(Array.from({ length: 20 }, () => store.add("k", "v")));
    expect(added.filter(Boolean)).toHaveLength(1);
  });

  test("forgets a value whose time is over", async () => {
    const store = await storage();
    await store.set("a", "x", 1000);
    await pass();
    expect(await store.get("a")).toBeUndefined();
    expect(await store.add("a", "y")).toBe(true);
  });
}

describe("SIGNIN-19: storage", () => {
  test("is bounded by kind: a flood of one pushes out none of another", async () => {
    const store = new MemoryStorage({ maxEntries: 100 });
    await store.set("RefreshToken:1", "kept");
    for (let count = 0; count < 1000; count++) await store.set(`Client:${count}`, "x");
    expect(await store.get("RefreshToken:1")).toBe("kept");
    expect(store.size).toBe(101);
    expect(await store.get("Client:999")).toBe("x");
    expect(await store.get("Client:0")).toBeUndefined();
  });

  test("a file is read again, is for its owner only, and takes no harm from a write that was cut off", async () => {
    const path = await temporaryFile();
    const first = new FileStorage({ path });
    await Promise.all(Array.from({ length: 50 }, (_, index) => first.set(`a:${index}`, "x")));
    await first.delete("a:7");
    await first.close();
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await appendFile(`${path}-wal`, randomBytes(3_000));
    const second = new FileStorage({ path });
    expect(await second.get("a:1")).toBe("x");
    expect(await second.get("a:7")).toBeUndefined();
    await second.close();
  });

  test("a file does not grow without end", async () => {
    const path = await temporaryFile();
    const store = new FileStorage({ path });
    for (let round = 0; round < 30; round++) {
      await Promise.all(Array.from({ length: 100 }, () => store.set("a", "x".repeat(10))));
    }
    expect((await stat(`${path}-wal`)).size).toBeLessThan(6_000_000);
    await store.close();
    expect((await stat(path)).size).toBeLessThan(100_000);
    expect((await stat(`${path}-wal`)).size).toBe(0);
  });

  test("a restart with a file signs nobody out", async () => {
    const path = await temporaryFile();
    const setup = await serveSignIn({ signIn: { storage: new FileStorage({ path }) } });
    const { client, tokens } = await obtainTokens(setup, setup.person());
    await setup.router.close({ timeoutMs: 0 });
    setup.restart({ signIn: { storage: new FileStorage({ path }) } });
    const conversation = await converse(setup.resource, asBearer(tokens.access_token));
    expect(JSON.parse(await conversation.call("whoami"))).toMatchObject({ id: "alice" });
    const refreshed = await tokenRequest(setup.issuer, {
      grant_type: "refresh_token",
      client_id: client.client_id,
      refresh_token: tokens.refresh_token,
    });
    expect(refreshed.status).toBe(200);
  });

  test("a storage that fails is an outage, and lets nobody in", async () => {
    const storage = new MemoryStorage();
    const setup = await serveSignIn({ signIn: { storage } });
    const { tokens } = await obtainTokens(setup, setup.person());
    jest.spyOn(storage, "get").mockRejectedValue(new Error("down"));
    const answer = await fetch(setup.resource, { headers: asBearer(tokens.access_token) });
    expect(answer.status).toBe(503);
    expect(answer.headers.get("retry-after")).toBeTruthy();
    await answer.text();
  });

  test("a revocation that cannot be kept is told to be none, and can be tried again", async () => {
    const storage = new MemoryStorage();
    const setup = await serveSignIn({ signIn: { storage } });
    const { client, tokens } = await obtainTokens(setup, setup.person());
    const revoke = async () =>
      await fetch(`${setup.issuer}/oauth/revoke`, {
        method: "POST",
        body: new URLSearchParams({ client_id: client.client_id, token: tokens.refresh_token }),
      });
    const full = jest.spyOn(storage, "delete").mockRejectedValue(new Error("ENOSPC"));
    const refused = await revoke();
    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).toBe("5");
    expect(await refused.json()).toMatchObject({ error: "temporarily_unavailable" });
    full.mockRestore();
    expect((await revoke()).status).toBe(200);
    const answer = await fetch(setup.resource, { headers: asBearer(tokens.access_token) });
    expect(answer.status).toBe(401);
    await answer.text();
  });
});

describe("SIGNIN-20: what is stored is sealed", () => {
  test("no token, name, code or key can be read in it when the secrets are given", async () => {
    const path = await temporaryFile();
    const secrets = ["a secret of at least thirty-two characters"];
    const setup = await serveSignIn({
      signIn: { storage: new FileStorage({ path }), keys: { secrets } },
    });
    const { client, tokens } = await obtainTokens(setup, setup.person());
    const text = await readFile(path, "utf8");
    expect(text).not.toContain(tokens.refresh_token);
    for (const word of ["alice", "accessToken", '"d"', client.client_id, secrets[0]!]) {
      expect(text).not.toContain(word);
    }
  });

  test("a text opens with its key and name only", () => {
    const [key, other] = [1, 2].map((byte) => ({ id: `k${byte}`, key: Buffer.alloc(32, byte) }));
    const sealed = seal("text", "name", key!);
    expect(openSealed(sealed, "name", [other!, key!])).toBe("text");
    expect(openSealed(sealed, "another name", [key!])).toBeUndefined();
    expect(openSealed(sealed, "name", [other!])).toBeUndefined();
    expect(openSealed(sealed, "name", [{ ...other!, id: "k1" }])).toBeUndefined();
    for (const broken of ["", "k1.", "k1.AAAA", `${sealed.slice(0, -2)}AA`]) {
      expect(openSealed(broken, "name", [key!])).toBeUndefined();
    }
  });

  test("keys are made once, kept, and replaced when they are old", async () => {
    const storage = new MemoryStorage();
    const issuer = "https://a.example/mcp";
    const start = Date.now();
    const first = await KeyRing.load({ storage, issuer, now: () => start });
    const same = await KeyRing.load({ storage, issuer, now: () => start + 1000 });
    expect(same.signing[0]?.kid).toBe(first.signing[0]?.kid);
    const later = await KeyRing.load({
      storage,
      issuer,
      now: () => start + 91 * 24 * 3600 * 1000,
    });
    expect(later.signing.map(({ kid }) => kid)).toEqual([
      expect.not.stringMatching(first.signing[0]!.kid),
      first.signing[0]!.kid,
    ]);
    const sealed = seal("x", "n", first.sealKeys()[0]!);
    expect(openSealed(sealed, "n", later.sealKeys())).toBe("x");
  });

  test("are made however often the garbage collector comes meanwhile", async () => {
    const program = join(__dirname, "../../kit/signing-keys-program.ts");
    const options = { timeout: 100_000, killSignal: "SIGKILL" } as const;
    await promisify(execFile)(
      process.execPath,
      ["--gc-global", "--import", "tsx", program],
      options,
    );
  });

  test("given keys are rotated by putting a new one in front", async () => {
    const jwk = () => ecKeyPair().privateKey.export({ format: "jwk" });
    const [old, young] = [jwk(), jwk()];
    const [oldSecret, newSecret] = ["o".repeat(32), "n".repeat(32)];
    const storage = new MemoryStorage();
    const setup = await serveSignIn({
      signIn: { storage, keys: { signing: [old], secrets: [oldSecret] } },
    });
    const { tokens } = await obtainTokens(setup, setup.person());
    setup.restart({
      signIn: { storage, keys: { signing: [young, old], secrets: [newSecret, oldSecret] } },
    });
    const conversation = await converse(setup.resource, asBearer(tokens.access_token));
    expect(JSON.parse(await conversation.call("whoami"))).toMatchObject({ id: "alice" });
    setup.restart({ signIn: { storage, keys: { signing: [young], secrets: [newSecret] } } });
    const refused = await fetch(setup.resource, { headers: asBearer(tokens.access_token) });
    expect(refused.status).toBe(401);
    await refused.text();
  });

  test("neither keys nor secrets show when the method is printed", async () => {
    const secret = "a secret of at least thirty-two characters";
    const setup = await serveSignIn({ signIn: { keys: { secrets: [secret] } } });
    await obtainTokens(setup, setup.person());
    const text = inspect(setup.router, { depth: null, showHidden: true });
    expect(text).not.toContain(secret);
    expect(text).not.toContain("provider-secret");
  });
});

describe("SIGNIN-21: the provider's token", () => {
  test("reaches tools, and neither clients nor logs", async () => {
    const setup = await serveSignIn();
    const { tokens } = await obtainTokens(setup, setup.person());
    const conversation = await converse(setup.resource, asBearer(tokens.access_token));
    const upstream = JSON.parse(await conversation.call("upstream")) as { accessToken: string };
    expect(upstream).toMatchObject({ scopes: ["openid", "profile", "email"] });
    expect(JSON.stringify(tokens)).not.toContain(upstream.accessToken);
    expect(await conversation.call("whoami")).not.toContain(upstream.accessToken);
    const me = await fetch(`${setup.provider.issuer}/me`, {
      headers: asBearer(upstream.accessToken),
    });
    expect(await me.json()).toMatchObject({ sub: "alice" });
    expect(setup.lines.join("\n")).not.toContain(upstream.accessToken);
  });

  test("is refreshed when it is due, once for all who ask at the same time", async () => {
    const setup = await serveSignIn({ signIn: { accessTokenSeconds: 3600 } });
    const { tokens } = await obtainTokens(setup, setup.person());
    const conversations = await Promise.all(
      Array.from({ length: 5 }, () => converse(setup.resource, asBearer(tokens.access_token))),
    );
    expect(setup.provider.tokenRequests).toHaveLength(1);
    later(3_570_000);
    const answers = await Promise.all(conversations.map((each) => each.call("upstream")));
    expect(setup.provider.tokenRequests.length).toBe(2);
    expect(new Set(answers).size).toBe(1);
  });

  test("two processes with one storage refresh it once", async () => {
    const storage = new MemoryStorage();
    const records = new SealedStorage(storage, [{ id: "k", key: Buffer.alloc(32) }], {
      issuer: "https://a.example/mcp",
    });
    const logins = new Logins(records);
    const id = await logins.create({
      profile: { id: "alice" },
      upstream: { accessToken: "old", refreshToken: "r1", expiresAt: 0, scopes: [] },
    });
    const asked: string[] = [];
    const refresh = async (token: string) => {
      asked.push(token);
      return { access_token: "new", expires_in: 3600, refresh_token: "r2" };
    };
    const processes = [1, 2].map(() => new Upstream({ logins, records, refresh }));
    const got = await Promise.all(processes.map((each) => each.token(id)));
    expect(got.map(({ accessToken }) => accessToken)).toEqual(["new", "new"]);
    expect(asked).toEqual(["r1"]);
    expect(inspect(got)).not.toContain("new");
    await logins.end(id);
    await expect(processes[0]!.token(id)).rejects.toThrow(/sign in again/);
  });
});
