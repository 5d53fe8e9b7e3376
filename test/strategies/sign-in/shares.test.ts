/** Who fills a storage pushes out what is their own. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Express } from "express";
import fc from "fast-check";
import { FileStorage, MemoryStorage } from "../../../src/index.js";
import type { SignInOptions, SignInStorage } from "../../../src/index.js";
import { cleanUpAfterEach, onDispose } from "../../kit/clean-up.js";
import { networkOf } from "../../../src/shared/network.js";
import { later } from "../../kit/clock.js";
import { OpenStorage } from "../../kit/open-storage.js";
import { Person, passProvider } from "../../kit/person.js";
import {
  AuthorizationRequest,
  obtainTokens,
  register,
  serveSignIn,
  signInAndApprove,
  tokenRequest,
  WEB_REDIRECT_URI,
} from "../../kit/sign-in.js";
import type { SignInSetup, TokenAnswer } from "../../kit/sign-in.js";

cleanUpAfterEach();

/** More than the storages of these tests keep of a kind. */
const FLOOD = 25;
const MAX_ENTRIES = 20;

/** A server behind a proxy, so that requests come from many addresses. */
async function serve(signIn: SignInOptions = {}): Promise<SignInSetup> {
  return await serveSignIn({
    signIn: { storage: new MemoryStorage({ maxEntries: MAX_ENTRIES }), ...signIn },
    before: (app: Express) => void app.set("trust proxy", "loopback"),
  });
}

const from = (address: string) => ({ "x-forwarded-for": address });

/** The n-th address of a network. */
const neighbour = (n: number): string => `2001:db8:1:1::${(n + 1).toString(16)}`;

function personAt(setup: SignInSetup, address: string): Person {
  return new Person([setup.origin, setup.provider.issuer], from(address));
}

async function accepts(setup: SignInSetup, { access_token }: TokenAnswer): Promise<number> {
  const abort = new AbortController();
  const { status } = await fetch(setup.resource, {
    headers: { authorization: `Bearer ${access_token}` },
    signal: abort.signal,
  });
  abort.abort();
  return status;
}

async function refresh(
  setup: SignInSetup,
  client_id: string,
  { refresh_token }: TokenAnswer,
): Promise<TokenAnswer> {
  return await tokenRequest(setup.issuer, {
    grant_type: "refresh_token",
    client_id,
    refresh_token,
  });
}

/** Registers from an address; the answer's status. */
async function registerFrom(setup: SignInSetup, address: string): Promise<number> {
  const response = await fetch(`${setup.issuer}/oauth/register`, {
    method: "POST",
    headers: { "content-type": "application/json", ...from(address) },
    body: JSON.stringify({ redirect_uris: [WEB_REDIRECT_URI] }),
  });
  await response.text();
  return response.status;
}

describe("SIGNIN-41: what one person causes ends nobody else's access", () => {
  test("an approved request that is repeated, and redeemed, more often than records are kept", async () => {
    const setup = await serve();
    const alice = await obtainTokens(setup, setup.person());
    const bob = setup.person();
    const { client_id: clientId } = await register(setup.issuer, {
      redirect_uris: [WEB_REDIRECT_URI],
    });
    const request = new AuthorizationRequest(setup.issuer, clientId, {
      redirect_uri: WEB_REDIRECT_URI,
    });
    const first = await request.redeem(
      (await signInAndApprove(bob, request, "bob")).get("code") ?? "",
    );
    for (let count = 0; count < FLOOD; count++) {
      const answer = new URL((await bob.visit(request.url)).url).searchParams;
      expect((await request.redeem(answer.get("code") ?? "")).status).toBe(200);
    }
    expect(await accepts(setup, alice.tokens)).toBe(200);
    expect(await accepts(setup, first)).toBe(200);
    expect((await refresh(setup, alice.client.client_id, alice.tokens)).status).toBe(200);
  });

  test("requests that need no question share one grant, until it is revoked", async () => {
    const storage = new OpenStorage();
    const setup = await serve({ storage });
    const bob = setup.person();
    const { client_id: clientId } = await register(setup.issuer, {
      redirect_uris: [WEB_REDIRECT_URI],
    });
    const request = new AuthorizationRequest(setup.issuer, clientId, {
      redirect_uri: WEB_REDIRECT_URI,
    });
    await signInAndApprove(bob, request, "bob");
    const grants = (): number =>
      [...storage.seen.keys()].filter((key) => key.includes("/Grant:")).length;
    const silent = async (): Promise<TokenAnswer> => {
      const answer = new URL((await bob.visit(request.url)).url).searchParams;
      return await request.redeem(answer.get("code") ?? "");
    };
    await silent();
    const before = grants();
    const tokens = await silent();
    expect(grants()).toBe(before);
    await fetch(`${setup.issuer}/oauth/revoke`, {
      method: "POST",
      body: new URLSearchParams({ client_id: clientId, token: tokens.refresh_token }),
    });
    expect(await accepts(setup, tokens)).toBe(401);
    expect(await accepts(setup, await silent())).toBe(200);
  });

  test("signing in again and again, with a client each", async () => {
    const setup = await serve({ advanced: { registrationsPerMinute: 10_000 } });
    const alice = await obtainTokens(setup, setup.person());
    for (let count = 0; count < FLOOD; count++) {
      await obtainTokens(setup, setup.person(), "mallory");
    }
    expect((await refresh(setup, alice.client.client_id, alice.tokens)).status).toBe(200);
  });
});

test("SIGNIN-41: a used refresh token stays used when its mark is pushed out", async () => {
  const storage = new OpenStorage();
  const setup = await serve({ storage });
  const { client, tokens } = await obtainTokens(setup, setup.person());
  expect((await refresh(setup, client.client_id, tokens)).status).toBe(200);
  for (const key of storage.entries.keys()) {
    if (key.includes("/RefreshTokenUsed:")) storage.entries.delete(key);
  }
  const again = await refresh(setup, client.client_id, tokens);
  expect([again.status, again.error]).toEqual([400, "invalid_grant"]);
});

describe("SIGNIN-41: what one network causes ends nobody else's login", () => {
  test("authorization requests, from as many addresses as it has", async () => {
    const setup = await serve();
    const { client_id: clientId } = await register(setup.issuer);
    const request = new AuthorizationRequest(setup.issuer, clientId);
    const person = setup.person();
    const login = await person.visit(request.url);
    for (let count = 0; count < FLOOD; count++) {
      const away = await personAt(setup, neighbour(count)).visit(request.url, /\/auth\?/);
      expect(away.url).toMatch(/\/auth\?/);
    }
    const consent = await passProvider(person, login, "alice");
    const answer = await person.submit(consent, { decision: "approve" });
    const code = new URL(answer.url).searchParams.get("code") ?? "";
    expect((await request.redeem(code)).status).toBe(200);
  });

  test("authorization requests from all networks of a home", async () => {
    const setup = await serve();
    const { client_id: clientId } = await register(setup.issuer);
    const request = new AuthorizationRequest(setup.issuer, clientId);
    const person = setup.person();
    const login = await person.visit(request.url);
    for (let count = 0; count < FLOOD; count++) {
      await personAt(setup, `2001:db8:1:${count}::1`).visit(request.url, /\/auth\?/);
    }
    expect((await passProvider(person, login, "alice")).text).toContain("Approve");
  });

  test("registrations: a network has one share of a minute", async () => {
    const setup = await serve({ advanced: { registrationsPerMinute: 3 } });
    const statuses: number[] = [];
    for (let count = 0; count < 5; count++) {
      statuses.push(await registerFrom(setup, neighbour(count)));
    }
    expect(statuses).toEqual([201, 201, 201, 429, 429]);
    expect(await registerFrom(setup, "2001:db8:1:2::1")).toBe(201);
  });

  test("registrations: networks side by side do not use up everybody's share", async () => {
    const setup = await serve({ advanced: { registrationsPerMinute: 3 } });
    const statuses: number[] = [];
    for (let count = 0; count < 36; count++) {
      statuses.push(await registerFrom(setup, `2001:db8:1:${count}::1`));
    }
    expect(statuses.filter((status) => status === 201)).toHaveLength(6);
    expect(await registerFrom(setup, "2001:db8:2:1::1")).toBe(201);
    expect(await registerFrom(setup, "198.51.100.7")).toBe(201);
  });

  test("what is around a network", () => {
    expect(networkOf("2001:db8:1:ab12::7", 56)).toBe("2001:db8:1:ab00::/56");
    expect(networkOf("2001:db8:1:12::7", 56)).toBe("2001:db8:1:0::/56");
    expect(networkOf("2001:db8:1:ab12::7", 48)).toBe("2001:db8:1:0::/48");
    for (const other of ["198.51.100.7", "unknown"]) {
      expect(networkOf(other, 56)).toBe(other);
    }
  });

  test("registrations: what is no registration uses up nothing", async () => {
    const setup = await serve({ advanced: { registrationsPerMinute: 1 } });
    for (const method of ["GET", "HEAD", "PUT"]) {
      const answer = await fetch(`${setup.issuer}/oauth/register`, { method });
      expect(answer.status).toBe(404);
      await answer.text();
    }
    expect(await registerFrom(setup, "127.0.0.1")).toBe(201);
  });

  test("registrations push out neither clients in use nor those that others registered", async () => {
    const setup = await serve({ advanced: { registrationsPerMinute: 10_000 } });
    const { client, tokens } = await obtainTokens(setup, setup.person());
    const { client_id: waiting } = await register(setup.issuer);
    for (let count = 0; count < FLOOD; count++) {
      expect(await registerFrom(setup, neighbour(count))).toBe(201);
    }
    expect((await refresh(setup, client.client_id, tokens)).status).toBe(200);
    const request = new AuthorizationRequest(setup.issuer, waiting);
    expect((await signInAndApprove(setup.person(), request)).has("code")).toBe(true);
  });

  test("strangers' documents do not use up the fetches of those in use", async () => {
    const documentOf = (url: string) => ({
      client_id: url,
      client_name: "Documented",
      redirect_uris: [WEB_REDIRECT_URI],
      token_endpoint_auth_method: "none",
    });
    const setup = await serve({
      advanced: { registrationsPerMinute: 1 },
      fetchClientMetadata: async (url) => Response.json(documentOf(String(url))),
    });
    const ask = (clientId: string) =>
      new AuthorizationRequest(setup.issuer, clientId, { redirect_uri: WEB_REDIRECT_URI });
    const used = "https://client.example/used";
    const request = ask(used);
    const answer = await signInAndApprove(setup.person(), request);
    const tokens = await request.redeem(answer.get("code") ?? "");
    // The engine keeps a document for 30 seconds at least.
    later(61_000);
    const pages: number[] = [];
    for (let count = 0; count < 11; count++) {
      const stranger = personAt(setup, `198.51.100.${count}`);
      const { url } = ask(`https://stranger.example/${count}`);
      pages.push((await stranger.visit(url, /\/auth\?/)).status);
    }
    expect(pages).toEqual([...new Array<number>(10).fill(0), 400]);
    expect((await refresh(setup, used, tokens)).status).toBe(200);
  });
});

/** How many of these keys there are. */
async function countOf(storage: SignInStorage, keys: Iterable<string>): Promise<number> {
  const values = await Promise.all([...keys].map((key) => storage.get(key)));
  return values.filter((value) => value !== undefined).length;
}

async function fileStorage(maxEntries: number): Promise<SignInStorage> {
  const folder = await mkdtemp(join(tmpdir(), "sign-in-"));
  const storage = new FileStorage({ path: join(folder, "sign-in.db"), maxEntries });
  onDispose(async () => {
    await storage.close();
    await rm(folder, { recursive: true });
  });
  return storage;
}

describe.each<[string, (maxEntries: number) => Promise<SignInStorage>, numRuns: number]>([
  ["MemoryStorage", async (maxEntries) => new MemoryStorage({ maxEntries }), 100],
  ["FileStorage", fileStorage, 20],
])(
  "SIGNIN-41: a full kind of a %s takes room from whoever has most of it",
  (_, create, numRuns) => {
    test("nobody loses anything who has no more than an equal share", async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.record({ owner: fc.nat(5), key: fc.nat(30) }), {
            minLength: 40,
            maxLength: 120,
          }),
          async (steps) => {
            const storage = await create(12);
            const kept = new Map<string, Set<string>>();
            for (const { owner, key } of steps) {
              const name = `kind:${owner}.${key}`;
              await storage.set(name, "x", undefined, String(owner));
              kept.set(String(owner), (kept.get(String(owner)) ?? new Set()).add(name));
            }
            const all = [...kept.values()].flatMap((names) => [...names]);
            expect(await countOf(storage, all)).toBe(Math.min(12, all.length));
            for (const names of kept.values()) {
              if (names.size > 12 / kept.size) continue;
              for (const name of names) expect(await storage.get(name)).toBe("x");
            }
          },
        ),
        { numRuns },
      );
    });

    test("an entry keeps its owner when it is replaced without one", async () => {
      const storage = await create(3);
      await storage.set("kind:a", "x", undefined, "alice");
      for (const key of ["b", "c"]) await storage.set(`kind:${key}`, "x", undefined, "bob");
      await storage.set("kind:a", "y");
      await storage.set("kind:d", "x", undefined, "carol");
      expect(await storage.get("kind:a")).toBe("y");
      expect(await storage.get("kind:b")).toBeUndefined();
    });

    test("a long entry counts as several, also where it takes the place of a short one", async () => {
      const storage = await create(10);
      const long = "x".repeat(3 * 8192);
      const keys = ["mine", "more", "huge", 0, 1, 2, 3, 4].map((key) => `kind:${key}`);
      await storage.set("kind:mine", "x", undefined, "alice");
      for (let count = 0; count < 5; count++) {
        await storage.set(`kind:${count}`, long, undefined, "mallory");
      }
      expect(await countOf(storage, keys)).toBe(4);
      await storage.set("kind:4", "x", undefined, "mallory");
      await storage.set("kind:mine", long);
      expect(await countOf(storage, keys)).toBe(4);
      await storage.set("kind:more", "x", undefined, "mallory");
      expect(await storage.get("kind:mine")).toBe(long);
      expect(await storage.get("kind:2")).toBeUndefined();
      expect(await storage.get("kind:3")).toBe(long);
      await storage.set("kind:huge", "x".repeat(20 * 8192), undefined, "mallory");
      expect(await countOf(storage, keys)).toBe(1);
    });

    test("what is over makes room first, whoever's it is", async () => {
      const storage = await create(3);
      await storage.set("kind:short", "x", 1_000, "alice");
      for (const key of ["b", "c"]) await storage.set(`kind:${key}`, "x", undefined, "bob");
      later(1_001);
      await storage.set("kind:d", "x", undefined, "bob");
      expect(
        await countOf(
          storage,
          ["b", "c", "d"].map((key) => `kind:${key}`),
        ),
      ).toBe(3);
    });

    test("one kind takes no room from another", async () => {
      const storage = await create(3);
      await storage.set("RefreshToken:1", "kept", undefined, "bob");
      for (let count = 0; count < 10; count++) {
        await storage.set(`Client:${count}`, "x", undefined, "bob");
      }
      expect(await storage.get("RefreshToken:1")).toBe("kept");
      expect(await storage.get("Client:9")).toBe("x");
      expect(await storage.get("Client:6")).toBeUndefined();
    });
  },
);

describe("SIGNIN-41: how much of a kind is kept", () => {
  test("what strangers send at greatest length is held by memory, not by number", async () => {
    const storage = new MemoryStorage({ maxEntries: 40 });
    const setup = await serve({ storage });
    const { client_id: clientId } = await register(setup.issuer);
    const count = 30;
    for (let sent = 0; sent < count; sent++) {
      const state = "s".repeat(11_000);
      const { url } = new AuthorizationRequest(setup.issuer, clientId, { state });
      await setup.person().visit(url, /\/auth\?/);
    }
    // The requests weigh three each; the logins at the provider that they began, one.
    expect(storage.size).toBeLessThan(2 * count);
  });

  test("ten thousand owners cost as much as one", async () => {
    const storage = new MemoryStorage({ maxEntries: 10_000 });
    for (let count = 0; count < 30_000; count++) {
      await storage.set(`kind:${count}`, "x", 60_000, String(count));
    }
    expect(storage.size).toBe(10_000);
    expect(await storage.get("kind:29999")).toBe("x");
  });
});
