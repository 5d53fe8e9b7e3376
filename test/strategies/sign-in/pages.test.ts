/** The cookies, and the pages that people see. */
import express from "express";
import { createSseRouter } from "../../../src/index.js";
import { cleanUpAfterEach, onDispose } from "../../kit/clean-up.js";
import { listen } from "../../kit/listen.js";
import { send } from "../../kit/raw-http.js";
import type { RawAnswer } from "../../kit/raw-http.js";
import { cookieNames, readCookie } from "../../../strategies/oauth/sign-in/requests/browser.js";
import { consentPage } from "../../../strategies/oauth/sign-in/pages/consent-page.js";
import { redirectTarget } from "../../../strategies/oauth/sign-in/requests/redirect-uri.js";
import type { ConsentRequest } from "../../../strategies/oauth/sign-in/pages/consent-page.js";
import { displayText, escapeHtml } from "../../../src/shared/html.js";
import { contentSecurityPolicy, renderPage } from "../../../strategies/oauth/sign-in/pages/page.js";
import { expectProblem, expectSafePage } from "../../kit/sign-in-answers.js";
import type { Person, Visit } from "../../kit/person.js";
import {
  AuthorizationRequest,
  createToolServer,
  obtainTokens,
  REDIRECT_URI,
  register,
  serveSignIn,
  signInAndApprove,
  WEB_REDIRECT_URI,
} from "../../kit/sign-in.js";
import { passProvider } from "../../kit/person.js";
import type { SignInSetup } from "../../kit/sign-in.js";

cleanUpAfterEach();

async function consentOf(
  setup: SignInSetup,
  person: Person,
  metadata: Readonly<Record<string, unknown>> = {},
  overrides: Readonly<Record<string, string>> = {},
): Promise<Visit> {
  const { client_id: clientId } = await register(setup.issuer, metadata);
  const request = new AuthorizationRequest(setup.issuer, clientId, overrides);
  return await passProvider(person, await person.visit(request.url), "alice");
}

describe("SIGNIN-14: cookies", () => {
  test("the browser's and the session's are signed, HttpOnly, SameSite=Lax, for this host and all paths", async () => {
    const setup = await serveSignIn();
    const person = setup.person();
    await obtainTokens(setup, person);
    for (const name of [/^mcp-browser-[\w-]+$/, /^mcp-session-[\w-]+$/]) {
      const cookie = person.cookies.find(name);
      expect(cookie).toMatchObject({ path: "/", httpOnly: true, secure: false });
      expect(cookie.sameSite?.toLowerCase()).toBe("lax");
      expect(cookie.text).not.toMatch(/domain/i);
    }
    expect(person.cookies.find(/^mcp-browser/).text).toMatch(/; Max-Age=600;/);
    expect(person.cookies.find(/^mcp-browser/).value).toMatch(/^[\w-]{32}\.[\w-]{43}$/);
    expect(person.cookies.find(/^mcp-session-[\w-]+\.sig$/).httpOnly).toBe(true);
  });

  test("on https they are __Host- and Secure, those with a path __Secure-", () => {
    const names = cookieNames("https://api.example.com/mcp");
    expect(names).toMatchObject({
      secure: true,
      browser: expect.stringMatching(/^__Host-mcp-browser-/),
      session: expect.stringMatching(/^__Host-mcp-session-/),
      interaction: expect.stringMatching(/^__Secure-/),
      resume: expect.stringMatching(/^__Secure-/),
    });
    expect(cookieNames("https://api.example.com/other").session).not.toBe(names.session);
  });

  test("behind a proxy that ends TLS all of them are sent Secure, with their prefixes", async () => {
    const router = createSseRouter({
      publicUrl: "https://api.example/mcp",
      auth: {
        type: "oauth",
        options: {
          signIn: {
            strategy: {
              authenticate(this: { success(user: object): void }) {
                this.success({});
              },
            },
            principal: () => ({ id: "ada" }),
          },
        },
      },
      createServer: createToolServer,
    });
    onDispose(() => router.close());
    const { url } = await listen(express().use("/mcp", router));
    const cookies = new Map<string, string>();
    const sent: string[] = [];
    const get = async (target: string, body?: string): Promise<RawAnswer> => {
      const { pathname, search } = new URL(target);
      const answer = await send(`${url}${pathname}${search}`, {
        method: body === undefined ? "GET" : "POST",
        headers: {
          host: "api.example",
          cookie: [...cookies].map((pair) => pair.join("=")).join("; "),
          ...(body !== undefined && { "content-type": "application/json" }),
        },
        ...(body !== undefined && { body }),
      });
      for (const field of answer.headers["set-cookie"] ?? []) {
        sent.push(field);
        const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(field) ?? [];
        cookies.set(name, value);
      }
      return answer;
    };
    const metadata = JSON.stringify({ redirect_uris: [REDIRECT_URI] });
    const client = await get("https://api.example/mcp/oauth/register", metadata);
    const { client_id: clientId } = client.json as { client_id: string };
    const request = new AuthorizationRequest("https://api.example/mcp", clientId);
    let answer = await get(request.url);
    while (answer.headers.location !== undefined) {
      expect(answer.headers.location).toMatch(/^https:\/\/api\.example\/mcp\/oauth\//);
      answer = await get(answer.headers.location);
    }
    expect(answer.text).toContain("<bdi>ada</bdi>");
    expect(sent.some((field) => field.startsWith("__Host-mcp-browser-"))).toBe(true);
    expect(sent.some((field) => /^__Host-mcp-session-[\w-]+=/.test(field))).toBe(true);
    for (const field of sent.filter((text) => !/expires=Thu, 01 Jan 1970/i.test(text))) {
      expect(field).toMatch(/^__(?:Host|Secure)-/);
      expect(field).toMatch(/; secure/i);
      expect(field).toMatch(/; httponly/i);
      expect(field).toMatch(/; samesite=lax/i);
      expect(field).not.toMatch(/domain=/i);
      if (field.startsWith("__Host-")) expect(field).toMatch(/; path=\/(?:;|$)/i);
    }
  });

  test("two cookies with one name count as none", () => {
    const req = (cookie: string) => ({ headers: { cookie } }) as never;
    expect(readCookie(req("a=1; b=2"), "b")).toBe("2");
    expect(readCookie(req("b=1; b=2"), "b")).toBeUndefined();
    expect(readCookie(req("bb=1"), "b")).toBeUndefined();
  });
});

describe("SIGNIN-15: the consent page", () => {
  test("says who asks, who is asked, for what, and where the answer goes", async () => {
    const setup = await serveSignIn({ signIn: { consent: { name: "Example Tools" } } });
    const page = await consentOf(setup, setup.person());
    expectSafePage(page);
    for (const text of [
      "Allow access to Example Tools?",
      "<bdi>Test Client</bdi>",
      "<bdi>alice of Example</bdi>",
      "<bdi>127.0.0.1:1</bdi>",
      "<bdi>mcp:read</bdi>",
      "A program on this computer gets access",
      "nobody has checked its name",
    ]) {
      expect(page.text).toContain(text);
    }
    expect(page.headers.get("content-security-policy")).toContain(
      "form-action 'self' https: http://127.0.0.1:* http://localhost:* claude: cursor:",
    );
  });

  test("is a document that a screen reader can follow, with buttons for the keyboard", async () => {
    const setup = await serveSignIn();
    const { text } = await consentOf(setup, setup.person());
    expect(text).toMatch(/^<!doctype html>\s*<html lang="en">/);
    expect(text).toMatch(/<meta name="viewport" content="width=device-width, initial-scale=1">/);
    expect(text.match(/<h1>/g)).toHaveLength(1);
    expect(text).toMatch(/<main>/);
    expect(text.match(/<button type="submit"/g)).toHaveLength(2);
    expect(text).not.toMatch(/tabindex|autofocus|style="/);
  });

  test.each([
    ["markup", "<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)&gt;"],
    [
      "the end of an element",
      "</bdi></strong><script>",
      "&lt;/bdi&gt;&lt;/strong&gt;&lt;script&gt;",
    ],
    ["an order of writing", "\u202eevil\u202c", "\ufffdevil\ufffd"],
    ["invisible characters", "Bank\u200b\u2066\u00ad", "Bank\ufffd\ufffd\ufffd"],
    ["line breaks", "Bank\n\nYou are safe", "Bank You are safe"],
    ["nothing that is visible", "\u3164\u2800 ", "\ufffd\u2800"],
    ["piled marks", "a\u0301\u0301\u0301\u0301\u0301", "\u00e1\u0301\u0301"],
  ])("shows a name made of %s as text", async (_what, name, shown) => {
    const setup = await serveSignIn();
    const page = await consentOf(setup, setup.person(), { client_name: name });
    expectSafePage(page);
    expect(page.text).toContain(`<strong><bdi>${shown}</bdi></strong>`);
  });

  test("cuts a long name, and says when there is none", () => {
    expect(displayText("x".repeat(500))).toHaveLength(81);
    const request: ConsentRequest = {
      clientName: undefined,
      vouchedBy: undefined,
      redirectUri: "cursor://anysphere.cursor-mcp/callback",
      appSchemes: ["myeditor"],
      scopes: ["a"],
      person: "<b>p</b>",
      serverName: "s",
      formToken: "t",
      signOutUrl: "https://s.example/out",
    };
    const page = consentPage(request);
    const text = renderPage(page, { name: "s" });
    expect(text).toContain("An application without a name");
    expect(text).toContain("the app that opens <bdi>cursor:</bdi> links");
    expect(text).toContain("&lt;b&gt;p&lt;/b&gt;");
    expect(page.formTargets).toEqual([
      "https:",
      "http://127.0.0.1:*",
      "http://localhost:*",
      "myeditor:",
      "cursor:",
    ]);
    expect(escapeHtml(`&<>"'`)).toBe("&amp;&lt;&gt;&quot;&#39;");
  });

  test("names the picture's origin in its policy, and no other", () => {
    const policy = contentSecurityPolicy({ name: "s", logoUrl: "https://cdn.example/l.png" });
    expect(policy).toContain("img-src https://cdn.example;");
    expect(contentSecurityPolicy({ name: "s" })).toContain("img-src 'none'");
  });

  test.each([
    ["https://client.example/cb", { kind: "website", host: "client.example" }],
    ["https://localhost/cb", { kind: "this-computer", host: "localhost" }],
    ["http://[::1]:5/cb", { kind: "this-computer", host: "[::1]:5" }],
    ["http://127.0.0.1.evil.example/", { kind: "website", host: "127.0.0.1.evil.example" }],
    ["vscode://x/y", { kind: "app", scheme: "vscode" }],
  ])("knows where %s leads", (uri, target) => {
    expect(redirectTarget(uri)).toEqual(target);
  });
});

describe("SIGNIN-16: an approval is remembered", () => {
  test("for a client on the web, by person and client: the next request asks nothing", async () => {
    const setup = await serveSignIn();
    const person = setup.person();
    const { client_id: clientId } = await register(setup.issuer, {
      redirect_uris: [WEB_REDIRECT_URI],
    });
    const ask = () =>
      new AuthorizationRequest(setup.issuer, clientId, { redirect_uri: WEB_REDIRECT_URI });
    await signInAndApprove(person, ask());
    const again = ask();
    const answer = await person.visit(again.url);
    const code = new URL(answer.url).searchParams.get("code") ?? "";
    expect((await again.redeem(code)).status).toBe(200);
    // In another browser the person signs in, and is not asked either.
    const elsewhere = setup.person();
    const back = await passProvider(elsewhere, await elsewhere.visit(ask().url), "alice");
    expect(new URL(back.url).searchParams.has("code")).toBe(true);
    // Somebody else is asked.
    const bob = setup.person();
    const page = await passProvider(bob, await bob.visit(ask().url), "bob");
    expect(page.text).toContain("bob of Example");
  });

  test("not for more than was approved", async () => {
    const setup = await serveSignIn({ oauth: { scopes: ["mcp:read", "mcp:write"] } });
    const person = setup.person();
    const { client_id: clientId } = await register(setup.issuer, {
      redirect_uris: [WEB_REDIRECT_URI],
    });
    const ask = (scope: string) =>
      new AuthorizationRequest(setup.issuer, clientId, { redirect_uri: WEB_REDIRECT_URI, scope });
    await signInAndApprove(person, ask("mcp:read"));
    expect((await person.visit(ask("mcp:read").url)).url).toContain("code=");
    const page = await person.visit(ask("mcp:read mcp:write").url);
    expect(page.text).toContain("<bdi>mcp:write</bdi>");
  });

  test("not for a client on a computer, whose port anybody can listen on", async () => {
    const setup = await serveSignIn();
    const person = setup.person();
    const { client } = await obtainTokens(setup, person);
    const page = await person.visit(new AuthorizationRequest(setup.issuer, client.client_id).url);
    expect(page.text).toContain("Allow access to");
    expect(page.url.startsWith(REDIRECT_URI)).toBe(false);
  });
});

describe("SIGNIN-17: signing out", () => {
  test("ends the session of the browser and every token that clients got with it", async () => {
    const setup = await serveSignIn();
    const person = setup.person();
    const { tokens } = await obtainTokens(setup, person);
    const elsewhere = await obtainTokens(setup, setup.person());
    const page = await person.visit(`${setup.issuer}/oauth/sign-out`);
    expectSafePage(page);
    expect(page.text).toContain("<bdi>alice of Example</bdi>");
    const done = await person.submit(page, {});
    expectSafePage(done);
    expect(done.text).toContain("You are signed out");
    const status = async (token: string): Promise<number> => {
      const answer = await fetch(`${setup.issuer}/messages`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}` },
      });
      return answer.status;
    };
    expect(await status(tokens.access_token)).toBe(401);
    expect(await status(elsewhere.tokens.access_token)).toBe(400);
    expect((await person.visit(`${setup.issuer}/oauth/sign-out`)).text).toContain(
      "Nobody is signed in",
    );
    expect(
      person.cookies.list().some(({ name }) => name.includes("session") && name.startsWith("mcp")),
    ).toBe(false);
  });

  test("needs our own form", async () => {
    const setup = await serveSignIn();
    const person = setup.person();
    await obtainTokens(setup, person);
    const page = await person.visit(`${setup.issuer}/oauth/sign-out`);
    expectProblem(await person.submit(page, { token: "x" }), 403, /not sent from our page/);
  });
});
