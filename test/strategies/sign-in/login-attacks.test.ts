/** What the way through the identity provider may not be used for. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { cleanUpAfterEach } from "../../kit/clean-up.js";
import { expectErrorAnswer, expectProblem } from "../../kit/sign-in-answers.js";
import type { Person, Visit } from "../../kit/person.js";
import {
  AuthorizationRequest,
  REDIRECT_URI,
  register,
  serveSignIn,
  signInAndApprove,
} from "../../kit/sign-in.js";
import { passProvider } from "../../kit/person.js";
import type { SignInSetup } from "../../kit/sign-in.js";

cleanUpAfterEach();

const AT_CALLBACK = /\/oauth\/callback\?/;

/** A login that has come back from the provider, and was not answered by our server yet. */
async function untilCallback(
  setup: SignInSetup,
  person: Person,
): Promise<{ request: AuthorizationRequest; callback: URL }> {
  const { client_id: clientId } = await register(setup.issuer);
  const request = new AuthorizationRequest(setup.issuer, clientId);
  const back = await passProvider(person, await person.visit(request.url), "alice", AT_CALLBACK);
  expect(back.url).toMatch(AT_CALLBACK);
  return { request, callback: new URL(back.url) };
}

const unavailable = (_req: IncomingMessage, res: ServerResponse): void =>
  void res.writeHead(503).end();

/** The parameters with which our server sends people to the provider. */
async function askedOfProvider(setup: SignInSetup, person: Person): Promise<URLSearchParams> {
  const { client_id: clientId } = await register(setup.issuer);
  const request = new AuthorizationRequest(setup.issuer, clientId);
  const away = await person.visit(request.url, /\/auth\?/);
  return new URL(away.url).searchParams;
}

test("SIGNIN-8: the provider is asked with a state, a nonce and PKCE S256 of ours, new each time", async () => {
  const setup = await serveSignIn();
  const first = await askedOfProvider(setup, setup.person());
  const second = await askedOfProvider(setup, setup.person());
  expect(Object.fromEntries(first)).toMatchObject({
    response_type: "code",
    client_id: "our-server",
    redirect_uri: `${setup.issuer}/oauth/callback`,
    scope: "openid profile email",
    code_challenge_method: "S256",
    code_challenge: expect.stringMatching(/^[\w-]{43}$/),
    state: expect.stringMatching(/^[\w-]{43}$/),
    nonce: expect.stringMatching(/^[\w-]{32}$/),
  });
  for (const name of ["state", "nonce", "code_challenge"]) {
    expect(first.get(name)).not.toBe(second.get(name));
  }
});

describe("SIGNIN-9: an answer of the provider that is not of this browser's login signs nobody in", () => {
  test("brought by another browser: the attacker starts, the victim finishes", async () => {
    const setup = await serveSignIn();
    const attacker = setup.person();
    const victim = setup.person();
    const { client_id: clientId } = await register(setup.issuer);
    const request = new AuthorizationRequest(setup.issuer, clientId);
    const login = await attacker.visit(request.url, /\/auth\?/);
    const page = await passProvider(victim, await victim.visit(login.url), "victim");
    expectProblem(page, 400, /another browser/);
    // The attacker's own browser gets nothing of it either.
    expectProblem(await attacker.visit(victim.trail.at(-1) ?? ""), 400, /is over/);
  });

  test("brought by a browser that has a login of its own under way", async () => {
    const setup = await serveSignIn();
    const { callback } = await untilCallback(setup, setup.person());
    const victim = setup.person();
    await untilCallback(setup, victim);
    expectProblem(await victim.visit(callback.href), 400, /another browser/);
  });

  test("with a cookie that was made up", async () => {
    const setup = await serveSignIn();
    const { callback } = await untilCallback(setup, setup.person());
    const victim = setup.person();
    await untilCallback(setup, victim);
    const cookie = victim.cookies.find(/^mcp-browser/);
    victim.cookies.set({
      ...cookie,
      value: cookie.value.replace(/^./, (c) => (c === "A" ? "B" : "A")),
    });
    expectProblem(await victim.visit(callback.href), 400, /another browser/);
  });

  test("brought twice", async () => {
    const setup = await serveSignIn();
    const person = setup.person();
    const { callback } = await untilCallback(setup, person);
    await person.visit(callback.href);
    expectProblem(await person.visit(callback.href), 400, /is over/);
  });

  test.each<[string, (callback: URL) => void]>([
    ["no state", (url) => url.searchParams.delete("state")],
    ["a foreign state", (url) => url.searchParams.set("state", "A".repeat(43))],
    ["two states", (url) => url.searchParams.append("state", "A".repeat(43))],
    ["an empty state", (url) => url.searchParams.set("state", "")],
    ["a state named like a prototype", (url) => url.searchParams.set("state", "__proto__")],
  ])("%s", async (_what, change) => {
    const setup = await serveSignIn();
    const person = setup.person();
    const { callback } = await untilCallback(setup, person);
    change(callback);
    expectProblem(await person.visit(callback.href), 400, /is over/);
    expect(setup.provider.tokenRequests).toEqual([]);
  });

  test.each<[string, (callback: URL) => void]>([
    ["a foreign iss", (url) => url.searchParams.set("iss", "https://evil.example")],
    [
      "no iss, although the provider says that it sends one",
      (url) => url.searchParams.delete("iss"),
    ],
    ["two iss", (url) => url.searchParams.append("iss", url.searchParams.get("iss") ?? "")],
  ])("%s: the code is sent nowhere", async (_what, change) => {
    const setup = await serveSignIn();
    const person = setup.person();
    const { callback } = await untilCallback(setup, person);
    change(callback);
    expectProblem(await person.visit(callback.href), 400, /wrong place/);
    expect(setup.provider.tokenRequests).toEqual([]);
  });
});

describe("SIGNIN-10: what goes wrong at the provider is told to the client", () => {
  test("access_denied is passed on, with the client's state and our iss", async () => {
    const setup = await serveSignIn();
    const person = setup.person();
    const { request, callback } = await untilCallback(setup, person);
    callback.searchParams.delete("code");
    callback.searchParams.set("error", "access_denied");
    callback.searchParams.set("error_description", "<b>no</b>");
    const answer = expectErrorAnswer(
      await person.visit(callback.href),
      REDIRECT_URI,
      "access_denied",
    );
    expect(answer.get("state")).toBe(request.state);
    expect(answer.get("iss")).toBe(setup.issuer);
    expect(answer.get("error_description")).not.toContain("<b>");
  });

  test("a provider that is down between the two legs: temporarily_unavailable, and the log says why", async () => {
    const setup = await serveSignIn();
    const person = setup.person();
    const { callback } = await untilCallback(setup, person);
    setup.provider.faults.set("/token", unavailable);
    expectErrorAnswer(await person.visit(callback.href), REDIRECT_URI, "temporarily_unavailable");
    expect(setup.lines.filter((line) => line.startsWith("error:"))).toEqual([
      expect.stringMatching(/identity provider cannot be reached.*answered 503/),
    ]);
  });

  test("a provider that is down from the start: temporarily_unavailable", async () => {
    const setup = await serveSignIn();
    const { client_id: clientId } = await register(setup.issuer);
    const request = new AuthorizationRequest(setup.issuer, clientId);
    setup.provider.faults.set("/.well-known", unavailable);
    const person = setup.person();
    expectErrorAnswer(await person.visit(request.url), REDIRECT_URI, "temporarily_unavailable");
  });

  test.each([
    ["temporarily_unavailable", "temporarily_unavailable"],
    ["server_error", "server_error"],
    ["login_required", "access_denied"],
    ["invalid_scope", "server_error"],
    ["<script>alert(1)</script>", "server_error"],
  ])("the provider's error %s becomes %s", async (theirs, ours) => {
    const setup = await serveSignIn();
    const person = setup.person();
    const { callback } = await untilCallback(setup, person);
    callback.searchParams.delete("code");
    callback.searchParams.set("error", theirs);
    expectErrorAnswer(await person.visit(callback.href), REDIRECT_URI, ours);
  });

  test.each<[string, (callback: URL) => void]>([
    ["no code", (callback) => callback.searchParams.delete("code")],
    ["two codes", (callback) => callback.searchParams.append("code", "another")],
  ])("%s: server_error, and the provider is asked for nothing", async (_what, change) => {
    const setup = await serveSignIn();
    const person = setup.person();
    const { callback } = await untilCallback(setup, person);
    change(callback);
    expectErrorAnswer(await person.visit(callback.href), REDIRECT_URI, "server_error");
    expect(setup.provider.tokenRequests).toHaveLength(0);
  });

  test("a code that the provider does not know: server_error", async () => {
    const setup = await serveSignIn();
    const person = setup.person();
    const { callback } = await untilCallback(setup, person);
    callback.searchParams.set("code", "made-up");
    expectErrorAnswer(await person.visit(callback.href), REDIRECT_URI, "server_error");
  });
});

describe("SIGNIN-11: the consent of a person is their own", () => {
  async function untilConsent(setup: SignInSetup, person: Person): Promise<Visit> {
    const { client_id: clientId } = await register(setup.issuer);
    const request = new AuthorizationRequest(setup.issuer, clientId);
    return await passProvider(person, await person.visit(request.url), "alice");
  }

  test("a form without our token changes nothing", async () => {
    const setup = await serveSignIn();
    const person = setup.person();
    const page = await untilConsent(setup, person);
    const answer = await person.submit(page, { decision: "approve", token: "A".repeat(43) });
    expectProblem(answer, 403, /not sent from our page/);
  });

  test("a token of another request does not fit", async () => {
    const setup = await serveSignIn();
    const person = setup.person();
    const other = /name="token" value="([^"]+)"/.exec(
      (await untilConsent(setup, person)).text,
    )?.[1];
    const page = await untilConsent(setup, person);
    expectProblem(
      await person.submit(page, { decision: "approve", token: other ?? "" }),
      403,
      /not sent from our page/,
    );
  });

  test("a form that another site sends is refused by its Origin", async () => {
    const setup = await serveSignIn();
    const person = setup.person();
    const page = await untilConsent(setup, person);
    const answer = await person.submit(
      page,
      { decision: "approve" },
      { headers: { origin: "https://evil.example" } },
    );
    expect(answer.status).toBe(403);
    expect(answer.text).toContain("origin_not_allowed");
  });

  test("another browser cannot answer for the person", async () => {
    const setup = await serveSignIn();
    const page = await untilConsent(setup, setup.person());
    expectProblem(await setup.person().submit(page, { decision: "approve" }), 400, /is over/);
  });

  test("a browser that is signed in as somebody else by now cannot answer", async () => {
    const setup = await serveSignIn();
    const person = setup.person();
    const page = await untilConsent(setup, person);
    person.cookies.delete(/session/);
    const answer = await person.submit(page, { decision: "approve" });
    expect(new URL(answer.url).searchParams.has("code")).toBe(false);
  });

  test("what is neither approve nor deny is deny", async () => {
    const setup = await serveSignIn();
    const person = setup.person();
    const page = await untilConsent(setup, person);
    expectErrorAnswer(
      await person.submit(page, { decision: "yes" }),
      REDIRECT_URI,
      "access_denied",
    );
  });

  test("denying is told to the client, and the next request asks again", async () => {
    const setup = await serveSignIn();
    const person = setup.person();
    const { client_id: clientId } = await register(setup.issuer);
    const request = new AuthorizationRequest(setup.issuer, clientId);
    const page = await passProvider(person, await person.visit(request.url), "alice");
    expectErrorAnswer(
      await person.submit(page, { decision: "deny" }),
      REDIRECT_URI,
      "access_denied",
    );
    const again = await signInAndApprove(person, new AuthorizationRequest(setup.issuer, clientId));
    expect(again.has("code")).toBe(true);
  });
});
