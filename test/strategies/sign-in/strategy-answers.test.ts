/** The answers of a strategy that sends people elsewhere: each belongs to one login, in one browser. */
import { signInPassport, AuthorizationRequest, register, serveSignIn } from "../../kit/sign-in.js";
import type { StrategyActions, StrategyRequest, SignInSetup } from "../../kit/sign-in.js";
import { cleanUpAfterEach } from "../../kit/clean-up.js";
import { tieOfAnswer, tieRedirect } from "../../../strategies/oauth/sign-in/login/answer-tie.js";
import { expectProblem } from "../../kit/sign-in-answers.js";
import type { Person, Visit } from "../../kit/person.js";

cleanUpAfterEach();

const IDP = "https://saml.example/";

/** Does with `RelayState` what SAML strategies do, and takes any answer that names somebody. */
const saml = signInPassport(function (req) {
  const answer = req.method === "POST" ? req.body : req.query;
  const { SAMLResponse: person } = answer;
  const { RelayState: relayState = "" } = req.query;
  if (person === undefined) this.redirect(`${IDP}?SAMLRequest=x&RelayState=${relayState}`);
  else this.success({ id: person });
});

/** Goes to sign in; the URL at which the provider is. */
async function begin(setup: SignInSetup, person: Person): Promise<URL> {
  const { client_id: clientId } = await register(setup.issuer);
  const away = await person.visit(new AuthorizationRequest(setup.issuer, clientId).url);
  return new URL(away.url);
}

/** Posts an answer from the provider's site, with none of our cookies, and goes where that leads. */
async function post(
  setup: SignInSetup,
  person: Person,
  fields: Readonly<Record<string, string>>,
): Promise<Visit> {
  const response = await fetch(`${setup.issuer}/oauth/callback`, {
    method: "POST",
    body: new URLSearchParams(fields),
    headers: { origin: new URL(IDP).origin },
    redirect: "manual",
  });
  const text = await response.text();
  const location = response.headers.get("location");
  if (location !== null) return await person.visit(location);
  return { url: response.url, status: response.status, headers: response.headers, text };
}

describe("SIGNIN-31: an answer belongs to the login that this browser began", () => {
  test("posted with what it was asked with, it signs in, once", async () => {
    const setup = await serveSignIn({ signIn: saml });
    const person = setup.person();
    const relayState = (await begin(setup, person)).searchParams.get("RelayState") ?? "";
    expect(relayState.length).toBeGreaterThanOrEqual(32);
    expect(relayState.length).toBeLessThanOrEqual(80);
    const fields = { SAMLResponse: "sam", RelayState: relayState };
    expect((await post(setup, person, fields)).text).toContain("<bdi>sam</bdi>");
    expectProblem(await post(setup, person, fields), 400, /is over/);
  });

  test("the attacker's answer signs nobody in, in whatever browser, and ends nobody's login", async () => {
    const setup = await serveSignIn({ signIn: saml });
    const [victim, attacker] = [setup.person(), setup.person()];
    const own = (await begin(setup, victim)).searchParams.get("RelayState") ?? "";
    const theirs = (await begin(setup, attacker)).searchParams.get("RelayState") ?? "";
    expect(theirs).not.toBe(own);
    for (const fields of [
      { SAMLResponse: "mallory" },
      { SAMLResponse: "mallory", RelayState: "made-up" },
      { SAMLResponse: "mallory", state: "made-up" },
    ]) {
      expectProblem(await post(setup, victim, fields), 400, /is over/);
    }
    const stolen = await post(setup, victim, { SAMLResponse: "mallory", RelayState: theirs });
    expectProblem(stolen, 400, /another browser/);
    // Neither as a link.
    for (const query of ["SAMLResponse=mallory", "SAMLResponse=mallory&RelayState=made-up"]) {
      const page = await victim.visit(`${setup.issuer}/oauth/callback?${query}`);
      expectProblem(page, 400, /is over/);
    }
    const answered = await post(setup, victim, { SAMLResponse: "sam", RelayState: own });
    expect(answered.text).toContain("<bdi>sam</bdi>");
  });

  test("unsolicited, it gets a page, and nothing of it is kept", async () => {
    const setup = await serveSignIn({ signIn: saml });
    const person = setup.person();
    const page = await post(setup, person, { SAMLResponse: "sam", RelayState: "/home" });
    expectProblem(page, 400, /is over/);
    expect(page.url).toBe(`${setup.issuer}/oauth/callback`);
  });

  test("posted twice in one form, the tie counts as none", async () => {
    const setup = await serveSignIn({ signIn: saml });
    const person = setup.person();
    const relayState = (await begin(setup, person)).searchParams.get("RelayState") ?? "";
    const response = await fetch(`${setup.issuer}/oauth/callback`, {
      method: "POST",
      redirect: "manual",
      body: new URLSearchParams([
        ["SAMLResponse", "sam"],
        ["RelayState", relayState],
        ["RelayState", "other"],
      ]),
    });
    await response.text();
    expect(response.status).toBe(400);
  });

  test("two windows of one browser are two logins", async () => {
    const setup = await serveSignIn({ signIn: saml });
    const person = setup.person();
    const first = (await begin(setup, person)).searchParams.get("RelayState") ?? "";
    const second = (await begin(setup, person)).searchParams.get("RelayState") ?? "";
    const answer = (relayState: string) =>
      post(setup, person, { SAMLResponse: "sam", RelayState: relayState });
    expect((await answer(second)).text).toContain("<bdi>sam</bdi>");
    expect((await answer(first)).status).toBe(200);
  });

  test("a RelayState of the strategy's own comes back to it", async () => {
    const seen: unknown[] = [];
    const own = signInPassport(function (this: StrategyActions, req: StrategyRequest) {
      if (req.method !== "POST") this.redirect(`${IDP}?SAMLRequest=x&RelayState=own`);
      else {
        seen.push(req.body["RelayState"]);
        this.success({ id: "sam" });
      }
    });
    const setup = await serveSignIn({ signIn: own });
    const person = setup.person();
    const relayState = (await begin(setup, person)).searchParams.get("RelayState") ?? "";
    expect(relayState).not.toBe("own");
    await post(setup, person, { SAMLResponse: "sam", RelayState: relayState });
    expect(seen).toEqual(["own"]);
  });

  test("a redirect with a line break and letters of another script leads where it says", async () => {
    const wild = signInPassport(function () {
      this.redirect("https://idp.example/?q=\r\nSet-Cookie: x=y; \u4f60\u597d&state=s");
    });
    const setup = await serveSignIn({ signIn: wild });
    const away = await begin(setup, setup.person());
    expect(away.host).toBe("idp.example");
    expect(away.searchParams.get("q")).toBe("\r\nSet-Cookie: x=y; \u4f60\u597d");
  });

  test("a redirect to nowhere gets a page", () => {
    expect(() => tieRedirect("http://[", "offered")).toThrow(/leads to no URL/);
  });

  test("a state that is the same for everybody is refused", async () => {
    const fixed = signInPassport(function (req) {
      if (req.query["code"] === undefined) this.redirect(`${IDP}?response_type=code&state=fixed`);
      else this.success({ id: "sam" });
    });
    const setup = await serveSignIn({ signIn: fixed });
    await begin(setup, setup.person());
    const { client_id: clientId } = await register(setup.issuer);
    const page = await setup.person().visit(new AuthorizationRequest(setup.issuer, clientId).url);
    expectProblem(page, 500, /cannot sign you in/);
  });

  test("of a protocol that has nothing to bring back, it counts as a navigation of this browser only", async () => {
    const cas = signInPassport(function (req) {
      const ticket = req.query["ticket"] ?? req.body["ticket"];
      if (ticket === undefined) this.redirect("https://cas.example/login?service=x");
      else this.success({ id: ticket });
    });
    const setup = await serveSignIn({ signIn: cas });
    const person = setup.person();
    await begin(setup, person);
    expectProblem(await post(setup, person, { ticket: "mallory" }), 400, /is over/);
    const url = `${setup.issuer}/oauth/callback?ticket=sam`;
    expectProblem(await setup.person().visit(url), 400, /is over/);
    expect((await person.visit(url)).text).toContain("<bdi>sam</bdi>");
  });

  test.each([
    ["an OAuth request without state", "https://idp.example/?response_type=code&client_id=x"],
    ["one with an empty state", "https://idp.example/?response_type=code&state="],
    ["a signed SAML request with another RelayState", `${IDP}?SAMLRequest=x&Signature=y`],
  ])("a strategy that sends %s is refused", (_what, url) => {
    expect(() => tieRedirect(url, "offered")).toThrow(/^Its sign-in/);
  });

  test("a redirect is tied by state, by RelayState, or not at all", () => {
    const tie = (url: string) => tieRedirect(url, "offered");
    expect(tie("https://idp.example/?response_type=code&state=s")).toMatchObject({ tie: "s" });
    expect(tie(`${IDP}?SAMLRequest=x&RelayState=offered&Signature=y`)).toMatchObject({
      tie: "offered",
    });
    expect(tie(`${IDP}?SAMLRequest=x`).url).toBe(`${IDP}?SAMLRequest=x&RelayState=offered`);
    expect(tie("/login?SAMLRequest=x").url).toBe("/login?SAMLRequest=x&RelayState=offered");
    expect(tie("/login")).toEqual({ url: "/login", tie: undefined });
    expect(tieOfAnswer(new URLSearchParams("RelayState=a&state=b"))).toBeUndefined();
  });
});
