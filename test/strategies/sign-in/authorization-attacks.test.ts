/** What an authorization request, a code and a refresh token may not be used for. */
import type { SignInOptions } from "../../../src/index.js";
import { REUSE_SECONDS } from "../../../strategies/oauth/sign-in/storage/provider-adapter.js";
import { cleanUpAfterEach } from "../../kit/clean-up.js";
import { later } from "../../kit/clock.js";
import { converse } from "../../kit/conversation.js";
import { OpenStorage } from "../../kit/open-storage.js";
import { send } from "../../kit/raw-http.js";
import { expectErrorAnswer, expectProblem } from "../../kit/sign-in-answers.js";
import {
  AuthorizationRequest,
  obtainTokens,
  REDIRECT_URI,
  register,
  serveSignIn,
  signInAndApprove,
  tokenRequest,
} from "../../kit/sign-in.js";
import type { SignInSetup, TokenAnswer } from "../../kit/sign-in.js";

cleanUpAfterEach();

/** What the event stream answers to a token. */
async function streamStatus({ resource }: SignInSetup, token: string): Promise<number> {
  return (await send(resource, { headers: { authorization: `Bearer ${token}` } })).status;
}

describe("SIGNIN-3: a redirect URI that was not registered gets a page, and no redirect", () => {
  test.each([
    ["another path", "http://127.0.0.1:1/callbackx"],
    ["a slash at the end", "http://127.0.0.1:1/callback/"],
    ["a query", "http://127.0.0.1:1/callback?x=1"],
    ["another scheme", "https://127.0.0.1:1/callback"],
    ["another case", "http://127.0.0.1:1/Callback"],
    ["another loopback name", "http://localhost:1/callback"],
    ["an encoded character", "http://127.0.0.1:1/%63allback"],
    ["a host that begins alike", "http://127.0.0.1.evil.example/callback"],
    ["a user name that looks like the host", "http://127.0.0.1:1@evil.example/callback"],
  ])("%s", async (_what, redirectUri) => {
    const setup = await serveSignIn();
    const { client_id: clientId } = await register(setup.issuer);
    const request = new AuthorizationRequest(setup.issuer, clientId, { redirect_uri: redirectUri });
    const page = await setup.person().visit(request.url);
    expectProblem(page, 400, /did not work/);
    expect(page.text).toContain("did not register");
  });

  test("but a client on this computer may listen on any port", async () => {
    const setup = await serveSignIn();
    const { client_id: clientId } = await register(setup.issuer);
    const other = "http://127.0.0.1:50123/callback";
    const request = new AuthorizationRequest(setup.issuer, clientId, { redirect_uri: other });
    const answer = await signInAndApprove(setup.person(), request);
    const tokens = await request.redeem(answer.get("code") ?? "");
    expect(tokens.status).toBe(200);
  });
});

test.each([
  ["no code challenge", { code_challenge: undefined, code_challenge_method: undefined }],
  ["the method plain", { code_challenge_method: "plain" }],
  ["no method, which means plain", { code_challenge_method: undefined }],
])("SIGNIN-4: %s is answered invalid_request", async (_what, overrides) => {
  const setup = await serveSignIn();
  const { client_id: clientId } = await register(setup.issuer);
  const request = new AuthorizationRequest(setup.issuer, clientId, overrides);
  const answer = expectErrorAnswer(
    await setup.person().visit(request.url),
    REDIRECT_URI,
    "invalid_request",
  );
  expect(answer.get("state")).toBe(request.state);
  expect(answer.get("iss")).toBe(setup.issuer);
});

test.each([
  ["an unknown client", { client_id: "nobody" }],
  ["no redirect URI", { redirect_uri: undefined }],
])("SIGNIN-3: %s gets a page, and no redirect", async (_what, overrides) => {
  const setup = await serveSignIn();
  const { client_id: clientId } = await register(setup.issuer);
  const request = new AuthorizationRequest(setup.issuer, clientId, overrides);
  expectProblem(await setup.person().visit(request.url), 400, /did not work/);
});

test.each([
  ["another resource", { resource: "https://other.example/" }, "invalid_target"],
  ["tokens without a code", { response_type: "token" }, "unsupported_response_type"],
  ["an answer that needs a script", { response_mode: "form_post" }, "unsupported_response_mode"],
])("SIGNIN-4: %s is refused with the error that is specified", async (_what, overrides, error) => {
  const setup = await serveSignIn();
  const { client_id: clientId } = await register(setup.issuer);
  const request = new AuthorizationRequest(setup.issuer, clientId, overrides);
  const page = await setup.person().visit(request.url);
  expect(new URL(page.url.replace("#", "?")).searchParams.get("error")).toBe(error);
});

describe("SIGNIN-5: a code is redeemed once, by whom it was made for", () => {
  test("used twice: refused, and what it had issued is revoked", async () => {
    const setup = await serveSignIn();
    const { client_id: clientId } = await register(setup.issuer);
    const request = new AuthorizationRequest(setup.issuer, clientId);
    const code = (await signInAndApprove(setup.person(), request)).get("code") ?? "";
    const tokens = await request.redeem(code);
    expect(await streamStatus(setup, tokens.access_token)).toBe(200);
    expect(await request.redeem(code)).toMatchObject({ status: 400, error: "invalid_grant" });
    expect(await streamStatus(setup, tokens.access_token)).toBe(401);
    const refreshed = await tokenRequest(setup.issuer, {
      grant_type: "refresh_token",
      client_id: clientId,
      refresh_token: tokens.refresh_token,
    });
    expect(refreshed).toMatchObject({ status: 400, error: "invalid_grant" });
  });

  test("used at the same time: at most one gets tokens, and they do not count", async () => {
    const setup = await serveSignIn();
    const { client_id: clientId } = await register(setup.issuer);
    const request = new AuthorizationRequest(setup.issuer, clientId);
    const code = (await signInAndApprove(setup.person(), request)).get("code") ?? "";
    const answers = await Promise.all(Array.from({ length: 8 }, () => request.redeem(code)));
    const won = answers.filter(({ status }) => status === 200);
    expect(won.length).toBeLessThanOrEqual(1);
    for (const { access_token: token } of won) expect(await streamStatus(setup, token)).toBe(401);
  });

  test.each([
    ["another client", (other: string) => ({ client_id: other })],
    ["another verifier", () => ({ code_verifier: "x".repeat(43) })],
    ["no verifier", () => ({ code_verifier: "" })],
    ["another redirect URI", () => ({ redirect_uri: "http://127.0.0.1:2/callback" })],
  ])("%s: refused, and its own client still can", async (_what, change) => {
    const setup = await serveSignIn();
    const [own, other] = [await register(setup.issuer), await register(setup.issuer)];
    const request = new AuthorizationRequest(setup.issuer, own.client_id);
    const code = (await signInAndApprove(setup.person(), request)).get("code") ?? "";
    const refused = await request.redeem(code, change(other.client_id));
    expect(refused).toMatchObject({ status: 400, error: "invalid_grant" });
    expect((await request.redeem(code)).status).toBe(200);
  });
});

describe("SIGNIN-6: a refresh token is used once", () => {
  /** A client that has signed in, and how it refreshes. */
  async function signedIn(signIn: SignInOptions = {}): Promise<{
    setup: SignInSetup;
    clientId: string;
    tokens: TokenAnswer;
    refresh: (token: string) => Promise<TokenAnswer>;
  }> {
    const setup = await serveSignIn({ signIn });
    const { client, tokens } = await obtainTokens(setup, setup.person());
    const refresh = (token: string): Promise<TokenAnswer> =>
      tokenRequest(setup.issuer, {
        grant_type: "refresh_token",
        client_id: client.client_id,
        refresh_token: token,
      });
    return { setup, clientId: client.client_id, tokens, refresh };
  }

  /** The time is over in which clients may be sending what they sent at the same time. */
  const afterReuse = (): void => later((REUSE_SECONDS + 2) * 1000);

  test("a new one comes with each use, and an old one ends the whole family", async () => {
    const { setup, tokens, refresh } = await signedIn();
    const second = await refresh(tokens.refresh_token);
    expect(second.status).toBe(200);
    expect(second.refresh_token).not.toBe(tokens.refresh_token);
    const conversation = await converse(setup.resource, {
      authorization: `Bearer ${second.access_token}`,
    });
    expect(JSON.parse(await conversation.call("whoami"))).toMatchObject({ id: "alice" });
    afterReuse();
    expect(await refresh(tokens.refresh_token)).toMatchObject({ error: "invalid_grant" });
    expect(await refresh(second.refresh_token)).toMatchObject({ error: "invalid_grant" });
    expect(await streamStatus(setup, second.access_token)).toBe(401);
  });

  test("used at the same time by several, and right after: all get the same new one", async () => {
    const { setup, tokens, refresh } = await signedIn();
    const atOnce = await Promise.all(
      Array.from({ length: 8 }, () => refresh(tokens.refresh_token)),
    );
    const answers = [...atOnce, await refresh(tokens.refresh_token)];
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect(new Set(answers.map(({ refresh_token }) => refresh_token)).size).toBe(1);
    expect(new Set(answers.map(({ access_token }) => access_token)).size).toBe(answers.length);
    expect(await streamStatus(setup, answers[0]!.access_token)).toBe(200);
    // Of the new one, too, only the first use counts.
    const third = await refresh(answers[0]!.refresh_token);
    expect(third.status).toBe(200);
    afterReuse();
    expect(await refresh(answers[8]!.refresh_token)).toMatchObject({ error: "invalid_grant" });
    expect(await streamStatus(setup, third.access_token)).toBe(401);
  });

  test("a thief as fast as the client ends the family together with it, and has no line of their own", async () => {
    const { setup, tokens, refresh } = await signedIn();
    const [client, thief] = [
      await refresh(tokens.refresh_token),
      await refresh(tokens.refresh_token),
    ];
    later(600_000);
    const stolen = await refresh(thief.refresh_token);
    expect(stolen.status).toBe(200);
    later(600_000);
    expect(await refresh(client.refresh_token)).toMatchObject({ error: "invalid_grant" });
    expect(await refresh(stolen.refresh_token)).toMatchObject({ error: "invalid_grant" });
    expect(await streamStatus(setup, stolen.access_token)).toBe(401);
  });

  test("a successor that was used before the old one was sent again stays used, also without its mark", async () => {
    const storage = new OpenStorage();
    const { tokens, refresh } = await signedIn({ storage });
    const second = await refresh(tokens.refresh_token);
    expect((await refresh(second.refresh_token)).status).toBe(200);
    expect((await refresh(tokens.refresh_token)).refresh_token).toBe(second.refresh_token);
    for (const key of storage.entries.keys()) {
      if (key.includes("/RefreshTokenUsed:")) storage.entries.delete(key);
    }
    expect(await refresh(second.refresh_token)).toMatchObject({ error: "invalid_grant" });
  });

  test("after a revocation it counts no more", async () => {
    const { setup, clientId, tokens, refresh } = await signedIn();
    const { refresh_token: token } = await refresh(tokens.refresh_token);
    const body = new URLSearchParams({ client_id: clientId, token });
    expect((await fetch(`${setup.issuer}/oauth/revoke`, { method: "POST", body })).status).toBe(
      200,
    );
    expect(await refresh(tokens.refresh_token)).toMatchObject({ error: "invalid_grant" });
  });

  test.each([
    ["that nobody has used", false],
    ["that still counts", true],
  ])("one %s, by another client: refused, and nothing else happens", async (_what, isUsed) => {
    const { setup, tokens, refresh } = await signedIn();
    const newest = isUsed ? await refresh(tokens.refresh_token) : tokens;
    const other = await register(setup.issuer);
    const refused = await tokenRequest(setup.issuer, {
      grant_type: "refresh_token",
      client_id: other.client_id,
      refresh_token: tokens.refresh_token,
    });
    expect(refused).toMatchObject({ status: 400, error: "invalid_grant" });
    expect(await streamStatus(setup, newest.access_token)).toBe(200);
    expect((await refresh(newest.refresh_token)).status).toBe(200);
  });
});

test("SIGNIN-7: a client revokes its tokens, and nobody else's", async () => {
  const setup = await serveSignIn();
  const { client, tokens } = await obtainTokens(setup, setup.person());
  const other = await register(setup.issuer);
  const revoke = async (clientId: string): Promise<number> => {
    const body = new URLSearchParams({ client_id: clientId, token: tokens.refresh_token });
    return (await fetch(`${setup.issuer}/oauth/revoke`, { method: "POST", body })).status;
  };
  expect(await revoke(other.client_id)).toBe(200);
  expect(await streamStatus(setup, tokens.access_token)).toBe(200);
  expect(await revoke(client.client_id)).toBe(200);
  expect(await streamStatus(setup, tokens.access_token)).toBe(401);
});
