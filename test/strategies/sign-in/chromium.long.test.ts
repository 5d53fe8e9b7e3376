/**
 * Everything in a real browser: a client that knows only our URL registers, a person signs in at
 * a provider that lets nobody register, approves, and the client acts for them.
 */
import { Strategy as LocalStrategy } from "passport-local";
import type { Page } from "playwright-core";
import { cleanUpAfterEach, onDispose } from "../../kit/clean-up.js";

import { describeInChromium, openPage, picture } from "../../kit/chromium.js";
import { later } from "../../kit/clock.js";
import { listen } from "../../kit/listen.js";
import {
  ClientMemory,
  connectAs,
  oauthClientKits,
  waitForCallback,
} from "../../kit/oauth-clients.js";
import { AuthorizationRequest, register, REDIRECT_URI, serveSignIn } from "../../kit/sign-in.js";

cleanUpAfterEach();
/** Signs in at the provider, as far as our consent page. */
async function signInAtProvider(page: Page, login = "alice"): Promise<void> {
  await page.fill("input[name=login]", login);
  await page.fill("input[name=password]", "any");
  await page.click("button[type=submit]");
  await page.click("button[type=submit]");
  await page.waitForSelector("text=wants to use");
}

describeInChromium("SIGNIN-18: in Chromium", () => {
  test.each(oauthClientKits)(
    "a person signs in and approves, $name calls a tool as that person, refreshes, and is revoked",
    async (kit) => {
      const tag = kit.name.replace(/\W+/g, "-");
      const setup = await serveSignIn({
        signIn: { consent: { name: "Example Tools" } },
        base: "/mcp",
      });
      const { redirectUrl, answer } = await waitForCallback();
      const memory = new ClientMemory(redirectUrl);
      const page = await openPage();
      const client = await connectAs(kit, setup.resource, memory, async (authorizationUrl) => {
        await page.goto(authorizationUrl.href);
        expect(page.url()).toContain(setup.provider.issuer);
        await signInAtProvider(page);
        expect(await page.title()).toBe("Allow access to Example Tools? – Example Tools");
        await picture(page, `consent-${tag}`);
        await page.click("button[value=approve]");
        await page.waitForURL(`${redirectUrl}*`);
        const query = await answer;
        expect(query.get("iss")).toBe(setup.issuer);
        return query;
      });
      onDispose(() => client.close());
      expect(JSON.parse(await client.call("whoami"))).toMatchObject({
        id: "alice",
        method: "oauth",
      });
      expect(JSON.parse(await client.call("upstream"))).toMatchObject({
        accessToken: expect.stringMatching(/./),
      });

      // The access token has expired: the client gets a new one by itself.
      const before = memory.tokens()!;
      later(3_600_000);
      expect(JSON.parse(await client.call("whoami"))).toMatchObject({ id: "alice" });
      expect(memory.tokens()?.refresh_token).not.toBe(before.refresh_token);

      // The person signs out: the client's tokens count no more.
      await page.goto(`${setup.issuer}/oauth/sign-out`);
      await picture(page, `sign-out-${tag}`);
      await page.click("text=Sign out >> nth=-1");
      await page.waitForSelector("text=You are signed out");
      await picture(page, `signed-out-${tag}`);
      memory.authorizationUrl = undefined;
      await expect(client.call("whoami")).rejects.toThrow();
      expect(memory.authorizationUrl).toBeDefined();
    },
  );
});

describeInChromium("SIGNIN-15: the pages, in Chromium", () => {
  test("the consent page is answered with the keyboard alone, and denies first", async () => {
    const setup = await serveSignIn();
    const { redirectUrl, answer } = await waitForCallback();
    const { client_id: clientId } = await register(setup.issuer, { redirect_uris: [redirectUrl] });
    const request = new AuthorizationRequest(setup.issuer, clientId, { redirect_uri: redirectUrl });
    const page = await openPage();
    await page.goto(request.url);
    await signInAtProvider(page);
    const focused = (): Promise<string | undefined> =>
      page.evaluate(() => document.activeElement?.textContent.trim());
    await page.keyboard.press("Tab");
    expect(await focused()).toBe("Deny");
    await picture(page, "consent-focus");
    await page.keyboard.press("Tab");
    expect(await focused()).toBe("Approve");
    await page.keyboard.press("Enter");
    expect((await answer).has("code")).toBe(true);
  });

  test("a name made of markup and bidirectional characters runs nothing", async () => {
    const setup = await serveSignIn();
    const { client_id: clientId } = await register(setup.issuer, {
      client_name: '\u202e<img src=x onerror="document.title=1"><script>document.title=2</script>',
    });
    const page = await openPage();
    await page.goto(new AuthorizationRequest(setup.issuer, clientId).url);
    await signInAtProvider(page);
    const problems: string[] = [];
    page.on("console", (message) => problems.push(message.text()));
    await page.reload();
    expect(await page.title()).toMatch(/^Allow access/);
    expect(await page.locator("img").count()).toBe(0);
    await picture(page, "consent-hostile-name");
    expect(problems).toEqual([]);
  });

  test("works with scripts switched off, in dark, and denying reaches the client", async () => {
    const setup = await serveSignIn();
    const { redirectUrl, answer } = await waitForCallback();
    const { client_id: clientId } = await register(setup.issuer, { redirect_uris: [redirectUrl] });
    const request = new AuthorizationRequest(setup.issuer, clientId, { redirect_uri: redirectUrl });
    const page = await openPage({ scripts: false });
    await page.emulateMedia({ colorScheme: "dark" });
    await page.goto(request.url);
    await signInAtProvider(page);
    await picture(page, "consent-dark");
    await page.click("button[value=deny]");
    expect((await answer).get("error")).toBe("access_denied");
  });

  test("no other page can frame the consent page", async () => {
    const setup = await serveSignIn();
    const { client_id: clientId } = await register(setup.issuer);
    const page = await openPage();
    await page.goto(new AuthorizationRequest(setup.issuer, clientId).url);
    await signInAtProvider(page);
    const target = page.url();
    await page.setContent(`<iframe src="${target}"></iframe>`);
    await page.waitForLoadState("networkidle");
    const [, frame] = page.frames();
    expect(await frame?.content()).not.toContain("wants to use");
  });

  test("the answer in another browser is a page that says so", async () => {
    const setup = await serveSignIn();
    const { client_id: clientId } = await register(setup.issuer);
    const attacker = setup.person();
    const away = await attacker.visit(
      new AuthorizationRequest(setup.issuer, clientId).url,
      /\/auth\?/,
    );
    const page = await openPage();
    await page.goto(away.url);
    await page.fill("input[name=login]", "victim");
    await page.fill("input[name=password]", "any");
    await page.click("button[type=submit]");
    await page.click("button[type=submit]");
    await page.waitForSelector("text=started in another browser");
    await picture(page, "other-browser");
    expect(page.url().startsWith(REDIRECT_URI)).toBe(false);
  });

  test("a redirect URI that was not registered is a page that says so", async () => {
    const setup = await serveSignIn();
    const { client_id: clientId } = await register(setup.issuer);
    const page = await openPage();
    await page.goto(
      new AuthorizationRequest(setup.issuer, clientId, {
        redirect_uri: "https://evil.example/callback",
      }).url,
    );
    await page.waitForSelector("text=did not register");
    await picture(page, "wrong-redirect-uri");
  });

  test.each([
    ["an approval", "ada"],
    // An error goes to this computer straight from the login form.
    ["a login that fails", "nobody"],
  ])("%s reaches a client whose page sends the browser on", async (_what, username) => {
    const setup = await serveSignIn({
      signIn: {
        strategy: new LocalStrategy((name, _password, done) => done(null, name)),
        principal: (user) => {
          if (user === "nobody") throw new Error("nobody");
          return { id: String(user) };
        },
        form: ["username", "password"].map((name) => ({ name, label: name })),
      },
    });
    const { url: done } = await listen((_req, res) => void res.end("You may close this window."));
    const { url: callback } = await listen(
      (_req, res) => void res.writeHead(302, { location: done }).end(),
    );
    const { client_id: clientId } = await register(setup.issuer, { redirect_uris: [callback] });
    const page = await openPage({ scripts: false });
    await page.goto(
      new AuthorizationRequest(setup.issuer, clientId, { redirect_uri: callback }).url,
    );
    await page.fill("input[name=username]", username);
    await page.fill("input[name=password]", "any");
    await page.click("button[type=submit]");
    if (username === "ada") await page.click("button[value=approve]");
    await page.waitForURL(`${done}/`);
  });
});
