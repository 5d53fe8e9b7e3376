/** Several sign-ins with one storage and the same keys: nothing of one counts at another. */
import { hash } from "node:crypto";
import { MemoryStorage } from "../../../src/index.js";
import type { SignInOptions } from "../../../src/index.js";
import { KeyRing } from "../../../strategies/oauth/sign-in/storage/key-ring.js";
import { issuerTag } from "../../../strategies/oauth/sign-in/storage/names.js";
import { openSealed } from "../../../src/shared/seal.js";
import { cleanUpAfterEach } from "../../kit/clean-up.js";
import { ecKeyPair } from "../../kit/key-pairs.js";
import { OpenStorage } from "../../kit/open-storage.js";
import { Strategy as LocalStrategy } from "passport-local";
import type { CookieJar } from "../../kit/person.js";
import { expectProblem } from "../../kit/sign-in-answers.js";
import { Person, passProvider } from "../../kit/person.js";
import {
  AuthorizationRequest,
  obtainTokens,
  register,
  serveSignIn,
  signInAndApprove,
  tokenRequest,
} from "../../kit/sign-in.js";
import type { SignInSetup } from "../../kit/sign-in.js";

cleanUpAfterEach();

const AT_CALLBACK = /\/oauth\/callback\?/;
const UNKNOWN = /^This sign-in is over$/;

const keys = {
  signing: [ecKeyPair().privateKey.export({ format: "jwk" })],
  secrets: ["a secret of at least thirty-two characters"],
};

/** How an older version called a record. */
function nameBefore(id: string): string {
  return hash("sha256", id, "base64url");
}

/** Two tenants, each with a provider of its own. */
async function serveTwo(signIn: SignInOptions = { storage: new MemoryStorage(), keys }) {
  const [a, b] = await Promise.all([serveSignIn({ signIn }), serveSignIn({ signIn })]);
  return { a, b };
}

/** Somebody with one browser for both. */
function personOf(a: SignInSetup, b: SignInSetup): Person {
  return new Person([a, b].flatMap(({ origin, provider }) => [origin, provider.issuer]));
}

/** Gives the cookies of one issuer the names of those of another, as an attacker may. */
function renameCookies(jar: CookieJar, from: SignInSetup, to: SignInSetup): void {
  const [old, young] = [from, to].map(({ issuer }) => issuerTag(issuer));
  for (const cookie of jar.list()) {
    jar.set({ ...cookie, name: cookie.name.replace(old!, young!) });
  }
}

test("SIGNIN-40: a login that began at one is not finished by the provider of another", async () => {
  const { a, b } = await serveTwo();
  const attacker = personOf(a, b);
  const { client_id: clientId } = await register(b.issuer);
  const request = new AuthorizationRequest(b.issuer, clientId);
  const begun = b.person();
  const away = await begun.visit(request.url, /\/auth\?/);
  const state = new URL(away.url).searchParams.get("state") ?? "";
  // An account called "victim" is easily had at a provider of one's own.
  const own = new AuthorizationRequest(a.issuer, (await register(a.issuer)).client_id);
  const back = await passProvider(attacker, await attacker.visit(own.url), "victim", AT_CALLBACK);
  for (const cookie of begun.cookies.list()) attacker.cookies.set(cookie);
  renameCookies(attacker.cookies, b, a);
  const callback = new URL(back.url);
  callback.searchParams.set("state", state);
  expectProblem(await attacker.visit(callback.href), 400, UNKNOWN);
});

describe("SIGNIN-40: what one issued is refused by another", () => {
  test("a client, a code, a refresh token and an access token", async () => {
    const { a, b } = await serveTwo();
    const { client, request, tokens } = await obtainTokens(a, a.person());
    const atB = await register(b.issuer);
    const page = await b.person().visit(new AuthorizationRequest(b.issuer, client.client_id).url);
    expect(page.status).toBe(400);
    const again = await signInAndApprove(
      a.person(),
      new AuthorizationRequest(a.issuer, client.client_id),
    );
    for (const client_id of [client.client_id, atB.client_id]) {
      const redeemed = await tokenRequest(b.issuer, {
        grant_type: "authorization_code",
        client_id,
        redirect_uri: request.parameters.get("redirect_uri") ?? "",
        code: again.get("code") ?? "",
        code_verifier: request.verifier,
      });
      const refreshed = await tokenRequest(b.issuer, {
        grant_type: "refresh_token",
        client_id,
        refresh_token: tokens.refresh_token,
      });
      for (const { status, error } of [redeemed, refreshed]) {
        expect([status, error]).toEqual(
          client_id === atB.client_id ? [400, "invalid_grant"] : [401, "invalid_client"],
        );
      }
    }
    const authorization = `Bearer ${tokens.access_token}`;
    const answer = await fetch(b.resource, { headers: { authorization } });
    expect(answer.status).toBe(401);
    await answer.text();
  });

  test("the cookies of a browser that is signed in, and of a request under way", async () => {
    const { a, b } = await serveTwo();
    const person = personOf(a, b);
    await obtainTokens(a, person);
    const { client_id: clientId } = await register(b.issuer);
    const request = new AuthorizationRequest(b.issuer, clientId);
    renameCookies(person.cookies, a, b);
    const signOut = await person.visit(`${b.issuer}/oauth/sign-out`);
    expect(signOut.text).not.toContain("alice");
    const next = await person.visit(request.url, /\/auth\?/);
    expect(next.url).toContain(b.provider.issuer);
    // A request that waits at A, by its cookies and its page.
    const waiting = personOf(a, b);
    const own = new AuthorizationRequest(a.issuer, (await register(a.issuer)).client_id);
    const consent = await passProvider(waiting, await waiting.visit(own.url), "alice");
    renameCookies(waiting.cookies, a, b);
    const moved = consent.url.replace(a.issuer, b.issuer);
    expectProblem(await waiting.visit(moved), 400, UNKNOWN);
    expectProblem(
      await waiting.submit({ ...consent, url: moved }, { decision: "approve" }),
      400,
      UNKNOWN,
    );
  });
});

describe("SIGNIN-40: every record is named for its issuer, has an owner, and opens for nobody else", () => {
  const form: SignInOptions = {
    strategy: new LocalStrategy((username, _password, done) => done(null, username)),
    principal: (user) => ({ id: String(user) }),
    form: ["username", "password"].map((name) => ({ name, label: name })),
  };

  test.each<[string, SignInOptions]>([
    ["the login at a provider", {}],
    ["the login by a form", form],
  ])("after %s", async (_name, login) => {
    const storage = new OpenStorage();
    const { a, b } = await serveTwo({ storage, ...login });
    for (const setup of [a, b]) {
      const { client_id: clientId } = await register(setup.issuer);
      const request = new AuthorizationRequest(setup.issuer, clientId);
      const person = setup.person();
      let page = await person.visit(request.url);
      page =
        "form" in login
          ? await person.submit(page, { username: "alice", password: "any" })
          : await passProvider(person, page, "alice");
      const answer = await person.submit(page, { decision: "approve" });
      const tokens = await request.redeem(new URL(answer.url).searchParams.get("code") ?? "");
      const refreshed = await tokenRequest(setup.issuer, {
        grant_type: "refresh_token",
        client_id: clientId,
        refresh_token: tokens.refresh_token,
      });
      expect(refreshed.status).toBe(200);
    }
    const tags = [a, b].map(({ issuer }) => issuerTag(issuer));
    const kinds = tags.map((tag) =>
      [...storage.seen.keys()]
        .filter((key) => key.startsWith(`${tag}/`))
        .map((key) => key.slice(tag.length + 1).replace(/:.*/, ""))
        .sort(),
    );
    expect(kinds[0]!.length + kinds[1]!.length).toBe(storage.seen.size);
    expect(new Set(kinds[0])).toEqual(new Set(kinds[1]));
    expect(kinds[0]).toContain("keys");
    for (const key of storage.seen.keys()) {
      expect([key, storage.owners.get(key)]).toEqual([
        key,
        key.includes("/keys:") ? undefined : expect.stringMatching(/^[\w-]{22}$/),
      ]);
    }
    const ofB = await KeyRing.load({ storage, issuer: b.issuer });
    for (const [key, value] of storage.seen) {
      const moved = key.replace(tags[0]!, tags[1]!);
      const isOfA = key !== moved && !moved.includes("/keys:");
      if (!isOfA) continue;
      for (const name of [key, moved])
        expect(openSealed(value, name, ofB.sealKeys())).toBeUndefined();
    }
  });

  test("keys of the same secrets differ in every use", async () => {
    const storage = new MemoryStorage();
    const [a, b] = await Promise.all(
      ["https://a.example/mcp", "https://b.example/mcp"].map((issuer) =>
        KeyRing.load({ storage, issuer, given: keys }),
      ),
    );
    expect(a!.cookieKeys()).not.toEqual(b!.cookieKeys());
    expect(a!.sealKeys()[0]!.key.equals(b!.sealKeys()[0]!.key)).toBe(false);
    for (const purpose of ["browser", "form"]) {
      expect(a!.macs(purpose, "x")).not.toEqual(b!.macs(purpose, "x"));
    }
  });
});

describe("SIGNIN-40: another identity provider", () => {
  test("neither finishes a login that began with the former one, nor inherits its people", async () => {
    const storage = new MemoryStorage();
    const setup = await serveSignIn({ signIn: { storage, keys } });
    const { provider: other } = await serveSignIn();
    const { tokens } = await obtainTokens(setup, setup.person());
    const person = setup.person();
    const request = new AuthorizationRequest(
      setup.issuer,
      (await register(setup.issuer)).client_id,
    );
    const back = await passProvider(person, await person.visit(request.url), "alice", AT_CALLBACK);
    setup.restart({ signIn: { storage, keys }, oauth: { issuerUrl: other.issuer } });
    expectProblem(await person.visit(back.url), 400, UNKNOWN);
    const answer = await fetch(setup.resource, {
      headers: { authorization: `Bearer ${tokens.access_token}` },
    });
    expect(answer.status).toBe(401);
    await answer.text();
  });
});

describe("SIGNIN-40: a storage that an older version filled", () => {
  test.each<[string, string, SignInOptions]>([
    ["keys that it made", "keys:0", {}],
    ["a client that registered there", `Client:${nameBefore("old-client")}`, { keys }],
    ["a refresh token that it issued", `RefreshToken:${nameBefore("old-token")}`, { keys }],
  ])("is told by %s, once, and people sign in again", async (_name, key, signIn) => {
    const storage = new OpenStorage();
    storage.entries.set(key, JSON.stringify({ secret: "old" }));
    const setup = await serveSignIn({ signIn: { storage, ...signIn } });
    const { client } = await obtainTokens(setup, setup.person());
    for (const client_id of ["old-client", client.client_id]) {
      await tokenRequest(setup.issuer, {
        grant_type: "refresh_token",
        client_id,
        refresh_token: "old-token",
      });
    }
    const warnings = setup.lines.filter((line) => line.includes("older version"));
    expect(warnings).toEqual([expect.stringMatching(/^warn: .*people sign in again/)]);
  });

  test("nothing is said of a storage of today", async () => {
    const storage = new OpenStorage();
    const setup = await serveSignIn({ signIn: { storage } });
    await obtainTokens(setup, setup.person());
    setup.restart({ signIn: { storage } });
    await obtainTokens(setup, setup.person());
    expect(setup.lines.join("\n")).not.toContain("older version");
  });
});
