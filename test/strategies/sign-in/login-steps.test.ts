/** Other ways to sign in: any Passport strategy, and providers that are plain OAuth 2.0. */
import { Strategy as LocalStrategy } from "passport-local";
import OAuth2Strategy from "passport-oauth2";
import { createSseRouter } from "../../../src/index.js";
import type { PassportStrategy, SignInOptions } from "../../../src/index.js";
import { checkIdToken } from "../../../strategies/oauth/sign-in/login/identity.js";
import { UpstreamError } from "../../../strategies/shared/upstream-error.js";
import { cleanUpAfterEach } from "../../kit/clean-up.js";
import { converse } from "../../kit/conversation.js";
import { secret } from "../../kit/leak-watch.js";
import { expectErrorAnswer, expectSafePage } from "../../kit/sign-in-answers.js";
import { OUR_CLIENT } from "../../kit/identity-provider.js";
import {
  AuthorizationRequest,
  createToolServer,
  obtainTokens,
  REDIRECT_URI,
  register,
  serveSignIn,
} from "../../kit/sign-in.js";
import { passProvider } from "../../kit/person.js";
import type { SignInSetup } from "../../kit/sign-in.js";

cleanUpAfterEach();

/** A strategy of a few lines, as an application has it. */
const strategy = (authenticate: (this: Actions, req: AnyRequest) => void): PassportStrategy => ({
  name: "own",
  authenticate,
});

interface Actions {
  success(user: unknown): void;
  fail(info?: unknown): void;
  redirect(url: string): void;
}

interface AnyRequest {
  query: Record<string, string>;
  body: Record<string, string>;
  session: { state?: string };
  method: string;
  headers: Record<string, string>;
}

const principal = (user: unknown) => user as { id: string };

async function whoami({ resource }: SignInSetup, token: string): Promise<unknown> {
  const conversation = await converse(resource, { authorization: `Bearer ${token}` });
  return JSON.parse(await conversation.call("whoami")) as unknown;
}

describe("SIGNIN-22: any Passport strategy can take the login step", () => {
  const form = [
    { name: "username", label: "User name" },
    { name: "password", label: "Password", type: "password" as const },
  ];
  const local = new LocalStrategy((username, password, done) => {
    done(null, password === "secret" ? { id: username } : false);
  });

  test("a password form: a wrong password is told, the right one signs in", async () => {
    const setup = await serveSignIn({ signIn: { strategy: local, principal, form } });
    const person = setup.person();
    const { client_id: clientId } = await register(setup.issuer);
    const request = new AuthorizationRequest(setup.issuer, clientId);
    const page = await person.visit(request.url);
    expectSafePage(page);
    expect(page.text).toContain('autocomplete="current-password"');
    const wrong = await person.submit(page, { username: "ada", password: "wrong" });
    expect(wrong.status).toBe(403);
    expect(wrong.text).toContain("did not work");
    const consent = await person.submit(wrong, { username: "ada", password: "secret" });
    const done = await person.submit(consent, { decision: "approve" });
    const code = new URL(done.url).searchParams.get("code") ?? "";
    const tokens = await request.redeem(code);
    expect(await whoami(setup, tokens.access_token)).toMatchObject({ id: "ada" });
  });

  test("guessing ends after five times", async () => {
    const setup = await serveSignIn({ signIn: { strategy: local, principal, form } });
    const person = setup.person();
    const { client_id: clientId } = await register(setup.issuer);
    let page = await person.visit(new AuthorizationRequest(setup.issuer, clientId).url);
    for (let count = 0; count < 5; count++) {
      page = await person.submit(page, { username: "ada", password: "wrong" });
    }
    expectErrorAnswer(page, REDIRECT_URI, "access_denied");
  });

  test("a form of another site is refused", async () => {
    const setup = await serveSignIn({ signIn: { strategy: local, principal, form } });
    const person = setup.person();
    const { client_id: clientId } = await register(setup.issuer);
    const page = await person.visit(new AuthorizationRequest(setup.issuer, clientId).url);
    const answer = await person.submit(page, { username: "ada", password: "secret", token: "x" });
    expect(answer.status).toBe(403);
  });

  test("passport-oauth2 as an application has it, with a session that we lend it", async () => {
    const setup = await serveSignIn({ provider: { clientAuth: "client_secret_post" } });
    const own = new OAuth2Strategy(
      {
        authorizationURL: `${setup.provider.issuer}/auth`,
        tokenURL: `${setup.provider.issuer}/token`,
        clientID: OUR_CLIENT.id,
        clientSecret: OUR_CLIENT.secret,
        callbackURL: `${setup.issuer}/oauth/callback`,
        scope: "openid",
        state: true,
        pkce: true,
      },
      (_access: string, _refresh: string, _profile: unknown, done: OAuth2Strategy.VerifyCallback) =>
        done(null, { id: "via-oauth2" }),
    );
    setup.restart({ signIn: { strategy: own, principal } });
    const { tokens } = await obtainTokens(setup, setup.person());
    expect(await whoami(setup, tokens.access_token)).toMatchObject({ id: "via-oauth2" });
    // Its state lives in the browser that started, so that no other can finish.
    const { client_id: clientId } = await register(setup.issuer);
    const request = new AuthorizationRequest(setup.issuer, clientId);
    const away = await setup.person().visit(request.url, /\/auth\?/);
    const stranger = setup.person();
    const page = await passProvider(stranger, await stranger.visit(away.url), "alice");
    expect(page.status).toBe(400);
  });

  test("one that knows the person already needs no page", async () => {
    const knows = strategy(function () {
      this.success({ id: "known" });
    });
    const setup = await serveSignIn({ signIn: { strategy: knows, principal } });
    const person = setup.person();
    const { client_id: clientId } = await register(setup.issuer);
    const page = await person.visit(new AuthorizationRequest(setup.issuer, clientId).url);
    expect(page.text).toContain("<bdi>known</bdi>");
  });

  test.each<[string, SignInOptions]>([
    [
      "fails",
      {
        strategy: strategy(function () {
          this.fail();
        }),
        principal,
      },
    ],
    [
      "throws",
      {
        strategy: strategy(() => {
          throw new Error("x");
        }),
        principal,
      },
    ],
    [
      "gives somebody without an id",
      {
        strategy: strategy(function () {
          this.success({});
        }),
        principal,
      },
    ],
    [
      "gives somebody with a number as id",
      {
        strategy: strategy(function () {
          this.success({ id: 7 });
        }),
        principal,
      },
    ],
  ])("one that %s signs nobody in", async (_what, signIn) => {
    const setup = await serveSignIn({ signIn });
    const { client_id: clientId } = await register(setup.issuer);
    const page = await setup.person().visit(new AuthorizationRequest(setup.issuer, clientId).url);
    expect(new URL(page.url).searchParams.get("error")).toMatch(/access_denied|server_error/);
  });

  test("needs no issuer, and gives no token of one", async () => {
    const knows = strategy(function () {
      this.success({ id: "known" });
    });
    const router = createSseRouter({
      publicUrl: "http://127.0.0.1:8080/mcp",
      auth: { type: "oauth", options: { signIn: { strategy: knows, principal } } },
      createServer: createToolServer,
    });
    await router.ready();
    await router.close();
  });
});

describe("SIGNIN-23: a provider that is plain OAuth 2.0", () => {
  test("is used with its endpoints, and its own API says who signed in", async () => {
    const setup = await serveSignIn({ provider: { clientAuth: "client_secret_post" } });
    const signIn: SignInOptions = {
      endpoints: {
        authorizationUrl: `${setup.provider.issuer}/auth`,
        tokenUrl: `${setup.provider.issuer}/token`,
      },
      scopes: ["openid"],
      profile: async (accessToken) => {
        const me = await fetch(`${setup.provider.issuer}/me`, {
          headers: { authorization: `Bearer ${accessToken}` },
        });
        const { sub } = (await me.json()) as { sub: string };
        return { id: `github-${sub}`, name: sub };
      },
    };
    setup.provider.faults.set("/.well-known", (_req, res) => void res.writeHead(404).end());
    setup.restart({ signIn });
    const { tokens } = await obtainTokens(setup, setup.person());
    expect(await whoami(setup, tokens.access_token)).toMatchObject({ id: "github-alice" });
  });

  test("a profile that cannot be had signs nobody in", async () => {
    const setup = await serveSignIn({
      signIn: {
        profile: (accessToken) => Promise.reject(new Error(`no answer for ${secret(accessToken)}`)),
      },
    });
    const person = setup.person();
    const { client_id: clientId } = await register(setup.issuer);
    const request = new AuthorizationRequest(setup.issuer, clientId);
    const page = await passProvider(person, await person.visit(request.url), "alice");
    expectErrorAnswer(page, REDIRECT_URI, "server_error");
    // The message is not in the log: it could hold the token, and here it does.
    expect(setup.lines.at(-1)).toContain("profile() or principal() failed: Error");
  });
});

describe("SIGNIN-24: the provider's ID token", () => {
  const good = { iss: "i", aud: "us", nonce: "n", sub: "s", exp: 2_000_000_000 };
  test.each([
    ["another nonce", { ...good, nonce: "x" }],
    ["no nonce", { ...good, nonce: undefined }],
    ["several audiences and no azp", { ...good, aud: ["us", "them"] }],
    ["another azp", { ...good, azp: "them" }],
    ["no audience", { ...good, aud: undefined }],
    ["an expiry that never comes", { ...good, exp: JSON.parse("1e400") as number }],
  ])("with %s is refused", (_what, claims) => {
    expect(() => checkIdToken(claims, { clientId: "us", nonce: "n" })).toThrow(UpstreamError);
    expect(() => checkIdToken(good, { clientId: "us", nonce: "n" })).not.toThrow();
  });
});
