/** Somebody who is not what they were when they signed in: the provider is asked again. */
import { Strategy as LocalStrategy } from "passport-local";
import { MemoryStorage } from "../../../src/index.js";
import type { SignInOptions } from "../../../src/index.js";
import { endsLogin } from "../../../strategies/oauth/sign-in/login/ends-login.js";
import { afterRevalidation } from "../../../strategies/oauth/sign-in/login/revalidation.js";
import { UpstreamError } from "../../../strategies/shared/upstream-error.js";
import { cleanUpAfterEach } from "../../kit/clean-up.js";
import { converse } from "../../kit/conversation.js";
import { openStream } from "../../kit/raw-sse.js";
import { send } from "../../kit/raw-http.js";
import { later } from "../../kit/clock.js";
import type { TestProviderOptions } from "../../kit/identity-provider.js";
import type { Person } from "../../kit/person.js";
import {
  AuthorizationRequest,
  obtainTokens,
  register,
  serveSignIn,
  tokenRequest,
} from "../../kit/sign-in.js";
import { passProvider } from "../../kit/person.js";
import type { SignInSetup, TokenAnswer } from "../../kit/sign-in.js";

cleanUpAfterEach();

const HOUR = 3_600_000;

interface Signed {
  readonly setup: SignInSetup;
  readonly person: Person;
  /** Uses the newest refresh token. */
  readonly refresh: () => Promise<TokenAnswer & { readonly retryAfter: string | null }>;
  readonly status: () => Promise<number>;
}

/** A client that has tokens. */
async function signed(
  signIn: SignInOptions = {},
  provider: TestProviderOptions = {},
): Promise<Signed> {
  const setup = await serveSignIn({ signIn, provider });
  return await clientOf(setup, setup.person());
}

async function clientOf(setup: SignInSetup, person: Person, login = "alice"): Promise<Signed> {
  const { client, tokens } = await obtainTokens(setup, person, login);
  let newest = tokens;
  return {
    setup,
    person,
    refresh: async () => {
      const response = await fetch(`${setup.issuer}/oauth/token`, {
        method: "POST",
        body: new URLSearchParams({
          grant_type: "refresh_token",
          client_id: client.client_id,
          refresh_token: newest.refresh_token,
        }),
      });
      const answer = (await response.json()) as TokenAnswer;
      if (response.status === 200) newest = answer;
      const retryAfter = response.headers.get("retry-after");
      return { ...answer, status: response.status, retryAfter };
    },
    status: async () => {
      const headers = { authorization: `Bearer ${newest.access_token}` };
      return (await send(setup.resource, { headers })).status;
    },
  };
}

/** What the provider's token endpoint answers from now on. */
function tokenEndpointAnswers(setup: SignInSetup, status: number, body?: object): void {
  setup.provider.faults.set("/token", (_req, res) => {
    const text = body === undefined ? "down" : JSON.stringify(body);
    const type = body === undefined ? "text/plain" : "application/json";
    res.writeHead(status, { "content-type": type }).end(text);
  });
}

describe("SIGNIN-32: at a refresh the provider is asked again", () => {
  test("but not while its last word is young", async () => {
    const { setup, refresh } = await signed();
    tokenEndpointAnswers(setup, 400, { error: "invalid_grant" });
    later(HOUR / 2);
    expect((await refresh()).status).toBe(200);
  });

  test("a person who is good goes on, and the next hour asks nothing", async () => {
    const { setup, refresh, status } = await signed({ accessTokenSeconds: 3600 });
    later(HOUR);
    expect((await refresh()).status).toBe(200);
    expect(setup.provider.tokenRequests).toHaveLength(2);
    expect((await refresh()).status).toBe(200);
    expect(setup.provider.tokenRequests).toHaveLength(2);
    expect(await status()).toBe(200);
  });

  test("a person who was removed gets invalid_grant, and nothing that clients have counts any more", async () => {
    const { setup, person, refresh, status } = await signed({ accessTokenSeconds: 3600 });
    const other = await clientOf(setup, person);
    later(HOUR - 1000);
    expect(await status()).toBe(200);
    later(1000);
    tokenEndpointAnswers(setup, 400, { error: "invalid_grant" });
    expect(await refresh()).toMatchObject({ status: 400, error: "invalid_grant" });
    expect(await other.refresh()).toMatchObject({ status: 400, error: "invalid_grant" });
    expect(await other.status()).toBe(401);
  });

  test.each<[string, number, object | undefined]>([
    ["503", 503, undefined],
    ["429", 429, { error: "slow_down" }],
    ["our own mistake", 401, { error: "invalid_client" }],
    ["nonsense", 200, { nothing: true }],
  ])("an outage (%s) signs nobody out", async (_what, code, body) => {
    const { setup, refresh } = await signed();
    tokenEndpointAnswers(setup, code, body);
    // For as long again as a word counts, everything goes on.
    later(HOUR);
    expect((await refresh()).status).toBe(200);
    // Then nothing is given, and the refresh token stays what it is.
    later(HOUR);
    const refused = await refresh();
    expect(refused).toMatchObject({ status: 503, error: "temporarily_unavailable" });
    expect(Number(refused.retryAfter)).toBeGreaterThan(0);
    expect(setup.lines.at(-1)).toMatch(/^error: .*identity provider does not answer/);
    setup.provider.faults.clear();
    expect(await refresh()).toMatchObject({ status: 200 });
  });

  test("clients that refresh at the same time are one question", async () => {
    const setup = await serveSignIn();
    const person = setup.person();
    const clients = [await clientOf(setup, person), await clientOf(setup, person)];
    const before = setup.provider.tokenRequests.length;
    later(HOUR);
    const answers = await Promise.all(clients.map(({ refresh }) => refresh()));
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(setup.provider.tokenRequests.length).toBe(before + 1);
  });

  test("a browser that is signed in gets nothing new for a person who was removed", async () => {
    const { setup, person } = await signed();
    tokenEndpointAnswers(setup, 400, { error: "invalid_grant" });
    later(HOUR);
    const { client_id: clientId } = await register(setup.issuer);
    const { url } = new AuthorizationRequest(setup.issuer, clientId);
    // The provider decides who may sign in.
    const away = await person.visit(url, /\/auth\?/);
    expect(away.url.startsWith(setup.provider.issuer)).toBe(true);
  });

  test("without a refresh token, the userinfo endpoint is asked while the access token lasts", async () => {
    const { setup, refresh } = await signed(
      { revalidateMs: HOUR / 2 },
      { refreshTokens: false, accessTokenSeconds: 7200 },
    );
    later(HOUR / 2);
    const asked: (string | undefined)[] = [];
    setup.provider.faults.set("/me", (req, res) => {
      asked.push(req.headers.authorization);
      const body = JSON.stringify({ sub: "alice" });
      res.writeHead(200, { "content-type": "application/json" }).end(body);
    });
    expect((await refresh()).status).toBe(200);
    expect(asked).toEqual([expect.stringMatching(/^Bearer /)]);
    later(HOUR / 4);
    setup.provider.faults.set("/me", (_req, res) => void res.writeHead(401).end());
    expect((await refresh()).status).toBe(200);
    later(HOUR / 4);
    expect((await refresh()).error).toBe("invalid_grant");
  });

  test("with nothing to ask with, the person signs in again after a day", async () => {
    const strategy = new LocalStrategy((username, _password, done) => done(null, { id: username }));
    const form = [
      { name: "username", label: "User" },
      { name: "password", label: "Password" },
    ];
    const principal = (user: unknown) => user as { id: string };
    const signIn = { strategy, principal, form };
    const setup = await serveSignIn({ signIn });
    const refresh = await passwordClient(setup);
    later(23 * HOUR);
    expect((await refresh()).status).toBe(200);
    later(HOUR);
    expect((await refresh()).error).toBe("invalid_grant");
  });

  test("revalidate() is asked in the provider's place, and must say yes or no", async () => {
    const strategy = new LocalStrategy((username, _password, done) => done(null, { id: username }));
    const form = [
      { name: "username", label: "User" },
      { name: "password", label: "Password" },
    ];
    const principal = (user: unknown) => user as { id: string };
    const asked: string[] = [];
    let answer: () => boolean = () => true;
    const revalidate = ({ id }: { readonly id: string }): boolean => {
      asked.push(id);
      return answer();
    };
    const setup = await serveSignIn({ signIn: { strategy, principal, form, revalidate } });
    const refresh = await passwordClient(setup);
    later(20 * 24 * HOUR);
    expect((await refresh()).status).toBe(200);
    expect(asked).toEqual(["ada"]);
    later(2 * HOUR);
    answer = () => {
      throw new Error("the directory is away");
    };
    expect((await refresh()).status).toBe(503);
    answer = () => undefined as unknown as boolean;
    expect((await refresh()).status).toBe(503);
    answer = () => false;
    expect((await refresh()).error).toBe("invalid_grant");
  });

  /** A client of somebody who signed in by password. */
  async function passwordClient(setup: SignInSetup): Promise<() => Promise<TokenAnswer>> {
    const person = setup.person();
    const { client_id: clientId } = await register(setup.issuer);
    const request = new AuthorizationRequest(setup.issuer, clientId);
    const page = await person.visit(request.url);
    const consent = await person.submit(page, { username: "ada", password: "x" });
    const done = await person.submit(consent, { decision: "approve" });
    let newest = await request.redeem(new URL(done.url).searchParams.get("code") ?? "");
    return async () => {
      const answer = await tokenRequest(setup.issuer, {
        grant_type: "refresh_token",
        client_id: clientId,
        refresh_token: newest.refresh_token,
      });
      if (answer.status === 200) newest = answer;
      return answer;
    };
  }

  test("a word is judged by what it says and by its age", () => {
    const rules = { revalidateMs: 100, signInAgainAfterMs: 1000 };
    const after = (kind: "good" | "over" | "cannot-be-asked", age: number) =>
      afterRevalidation({ kind }, age, rules);
    const outage = (age: number) =>
      afterRevalidation({ kind: "no-answer", cause: undefined }, age, rules);
    expect([after("good", 1e9), after("over", 100)]).toEqual(["goes-on", "ends"]);
    expect([outage(199), outage(200), outage(1e12)]).toEqual(["goes-on", "later", "later"]);
    expect([after("cannot-be-asked", 999), after("cannot-be-asked", 1000)]).toEqual([
      "goes-on",
      "ends",
    ]);
  });

  test.each([
    ["invalid_grant", true],
    ["access_denied", true],
    ["interaction_required", true],
    ["invalid_client", false],
    ["unauthorized_client", false],
    ["temporarily_unavailable", false],
    [undefined, false],
  ])("the provider's error %s ends a login: %s", (code, ends) => {
    expect(endsLogin(new UpstreamError("refused", "x", { code }))).toBe(ends);
    expect(endsLogin(new Error("invalid_grant"))).toBe(false);
  });
});

describe("SIGNIN-33: signIn.endFor(person)", () => {
  test("ends the tokens, the sessions and the provider's tokens of one person, and nobody else's", async () => {
    const alice = await signed({ accessTokenSeconds: 3600 });
    const { setup } = alice;
    const second = await clientOf(setup, setup.person());
    const bob = await clientOf(setup, setup.person(), "bob");
    const { tokens } = await obtainTokens(setup, setup.person());
    const stream = await openStream(setup.resource, {
      authorization: `Bearer ${tokens.access_token}`,
    });
    const bobs = await converse(setup.resource, await bearerOf(setup, "bob"));
    const ended = await setup.router.signIn?.endFor({ id: "alice" });
    expect(ended).toBe(1);
    await stream.ended;
    for (const { status, refresh } of [alice, second]) {
      expect(await status()).toBe(401);
      expect((await refresh()).error).toBe("invalid_grant");
    }
    expect(await bob.status()).toBe(200);
    expect((await bob.refresh()).status).toBe(200);
    expect(JSON.parse(await bobs.call("whoami"))).toMatchObject({ id: "bob" });
  });

  test("ends the browsers' sessions too, and keeps nobody from signing in again", async () => {
    const { setup, person } = await signed();
    await setup.router.signIn?.endFor({ id: "alice" });
    const { client_id: clientId } = await register(setup.issuer);
    const request = new AuthorizationRequest(setup.issuer, clientId);
    const away = await person.visit(request.url, /\/auth\?/);
    expect(away.url.startsWith(setup.provider.issuer)).toBe(true);
    const again = await clientOf(setup, person);
    expect(await again.status()).toBe(200);
    expect((await again.refresh()).status).toBe(200);
  });

  test("holds in other processes with the same storage, and after a restart", async () => {
    const storage = new MemoryStorage();
    const keys = { secrets: ["s".repeat(32)] };
    const { setup, status, refresh } = await signed({ storage, keys });
    const { router } = setup;
    setup.restart({ signIn: { storage, keys } });
    await router.signIn?.endFor({ id: "alice" });
    expect(await status()).toBe(401);
    setup.restart({ signIn: { storage, keys } });
    expect(await status()).toBe(401);
    expect((await refresh()).error).toBe("invalid_grant");
  });

  test("a code that was given before counts no more", async () => {
    const setup = await serveSignIn();
    const person = setup.person();
    const { client_id: clientId } = await register(setup.issuer);
    const request = new AuthorizationRequest(setup.issuer, clientId);
    const consent = await passProvider(person, await person.visit(request.url), "alice");
    const done = await person.submit(consent, { decision: "approve" });
    await setup.router.signIn?.endFor({ id: "alice" });
    const code = new URL(done.url).searchParams.get("code") ?? "";
    expect(await request.redeem(code)).toMatchObject({ status: 400, error: "invalid_grant" });
  });

  test.each([[""], [undefined], [{}], [{ id: "" }], [{ id: 7 }]])(
    "of %j is a TypeError that says what to write",
    async (person) => {
      const { router } = await serveSignIn();
      await expect(router.signIn?.endFor(person as never)).rejects.toThrow(/endFor\(\{ id/);
    },
  );

  async function bearerOf(setup: SignInSetup, login: string): Promise<Record<string, string>> {
    const { tokens } = await obtainTokens(setup, setup.person(), login);
    return { authorization: `Bearer ${tokens.access_token}` };
  }
});
