/** What a sign-in counts before it works, and the longest body that it reads. */
import { Agent, request } from "node:http";
import { Strategy as LocalStrategy } from "passport-local";
import type { PassportStrategy } from "../../../src/index.js";
import { cleanUpAfterEach, onDispose } from "../../kit/clean-up.js";

import { expectErrorAnswer, expectSafePage } from "../../kit/sign-in-answers.js";
import { AuthorizationRequest, REDIRECT_URI, register, serveSignIn } from "../../kit/sign-in.js";

cleanUpAfterEach();

const principal = (user: unknown) => user as { id: string };

const form = [
  { name: "username", label: "User name" },
  { name: "password", label: "Password", type: "password" as const },
];

describe("SIGNIN-28: a password form counts a try before the strategy hears of it", () => {
  test("of sixty guesses sent together five reach the strategy", async () => {
    let guesses = 0;
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const strategy = new LocalStrategy((_name, _password, done) => {
      guesses++;
      void released.then(() => done(null, false));
    });
    const setup = await serveSignIn({ signIn: { strategy, principal, form } });
    const person = setup.person();
    const { client_id: clientId } = await register(setup.issuer);
    const page = await person.visit(new AuthorizationRequest(setup.issuer, clientId).url);
    const sent = Array.from({ length: 60 }, (_, guess) =>
      person.submit(page, { username: "ada", password: `guess-${guess}` }),
    );
    // The others are answered although the five are still being looked at.
    await Promise.race(sent);
    release();
    await Promise.all(sent);
    expect(guesses).toBe(5);
  });

  test("a right password at the fifth try signs in, at the sixth it is not looked at", async () => {
    const strategy = new LocalStrategy((username, password, done) =>
      done(null, password === "right" ? { id: username } : false),
    );
    const setup = await serveSignIn({ signIn: { strategy, principal, form } });
    const { client_id: clientId } = await register(setup.issuer);
    const after = async (wrong: number) => {
      const person = setup.person();
      const page = await person.visit(new AuthorizationRequest(setup.issuer, clientId).url);
      for (let count = 0; count < wrong; count++) {
        await person.submit(page, { username: "ada", password: "wrong" }, { stopAt: /./ });
      }
      return await person.submit(page, { username: "ada", password: "right" });
    };
    expect((await after(4)).text).toContain("<bdi>ada</bdi>");
    const refused = await after(5);
    expect(refused.text).not.toContain("<bdi>ada</bdi>");
  });
});

describe("SIGNIN-29: a body of more than 64 KiB", () => {
  const waits: PassportStrategy = {
    name: "waits",
    authenticate(this: { redirect(url: string): void }) {
      this.redirect("https://saml.example/?SAMLRequest=x");
    },
  };

  /** Posts, and gets something over the same connection after that. */
  async function postThenGet(
    url: string,
    type: string,
    body: string,
    chunked: boolean,
  ): Promise<{ status: number; headers: Headers; text: string; next: number }> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onDispose(() => agent.destroy());
    const exchange = (method: string, target: string, sent?: string) =>
      new Promise<{ status: number; headers: Headers; text: string }>((resolve, reject) => {
        const headers = {
          "content-type": type,
          ...(sent !== undefined && !chunked && { "content-length": sent.length }),
        };
        const outgoing = request(target, { method, agent, headers }, (response) => {
          let text = "";
          response.setEncoding("utf8").on("data", (part: string) => (text += part));
          response.on("end", () => {
            const received = new Headers(response.headers as Record<string, string>);
            resolve({ status: response.statusCode ?? 0, headers: received, text });
          });
        });
        outgoing.on("error", reject);
        // A body that is not ended with its last bytes is sent in chunks.
        if (sent !== undefined && chunked) outgoing.write(sent);
        outgoing.end(chunked ? undefined : sent);
      });
    const answer = await exchange("POST", url, body);
    const next = await exchange("GET", new URL("/mcp/oauth/jwks", url).href);
    return { ...answer, next: next.status };
  }

  const FORM = "application/x-www-form-urlencoded";

  test.each([
    ["of a known length", false],
    ["in chunks", true],
  ])(
    "%s gets 413 with a page where people are, and the connection goes on",
    async (_how, chunked) => {
      const setup = await serveSignIn({ signIn: { strategy: waits, principal } });
      const url = `${setup.issuer}/oauth/callback`;
      const answer = await postThenGet(url, FORM, `SAMLResponse=${"x".repeat(300_000)}`, chunked);
      expect(answer).toMatchObject({ status: 413, next: 200 });
      expect(answer.text).toContain("too long");
      expectSafePage({ url, ...answer });
      expect(setup.lines.filter((line) => line.startsWith("error"))).toEqual([]);
    },
  );

  test.each([
    ["/oauth/token", FORM],
    ["/oauth/revoke", FORM],
    ["/oauth/register", "application/json"],
  ])("gets 413 in JSON at %s", async (path, type) => {
    const setup = await serveSignIn();
    for (const chunked of [false, true]) {
      const answer = await postThenGet(`${setup.issuer}${path}`, type, "x".repeat(70_000), chunked);
      expect(answer).toMatchObject({ status: 413, next: 200 });
      expect(JSON.parse(answer.text)).toMatchObject({ error: "invalid_request" });
    }
  });

  test("is refused at the forms of the pages, too", async () => {
    const strategy = new LocalStrategy((_name, _password, done) => done(null, false));
    const setup = await serveSignIn({ signIn: { strategy, principal, form } });
    const person = setup.person();
    const { client_id: clientId } = await register(setup.issuer);
    const page = await person.visit(new AuthorizationRequest(setup.issuer, clientId).url);
    const answer = await person.submit(page, { username: "x".repeat(70_000), password: "y" });
    expect(answer.status).toBe(413);
    // Nothing was used up: the same page still works.
    const again = await person.submit(page, { username: "ada", password: "wrong" });
    expect(again.status).toBe(403);
    let last = again;
    for (let count = 0; count < 4; count++) {
      last = await person.submit(page, { username: "ada", password: "wrong" });
    }
    expectErrorAnswer(last, REDIRECT_URI, "access_denied");
  });
});
