/** Where a client may have its answers sent, and when a browser is sent there. */
import { cleanUpAfterEach } from "../../kit/clean-up.js";
import {
  faultOfRedirectUri,
  policySource,
} from "../../../strategies/oauth/sign-in/requests/redirect-uri.js";
import { KNOWN_APP_SCHEMES } from "express-mcp-sse/strategies/oauth/options/sign-in-options";
import { maySendErrorOn } from "../../../strategies/oauth/sign-in/engine-errors.js";
import { expectErrorAnswer, expectProblem } from "../../kit/sign-in-answers.js";
import {
  AuthorizationRequest,
  REDIRECT_URI,
  register,
  serveSignIn,
  signInAndApprove,
  WEB_REDIRECT_URI,
} from "../../kit/sign-in.js";
import { passProvider } from "../../kit/person.js";
import type { SignInSetup } from "../../kit/sign-in.js";

cleanUpAfterEach();

describe("SIGNIN-12: a redirect URI that may be registered", () => {
  test.each([
    "https://client.example/callback",
    "https://xn--bcher-kva.example:8443/cb?x=1",
    "http://127.0.0.1:33418/",
    "http://localhost:8787/callback",
    "http://[::1]:5/cb",
    "com.example.app:/oauth",
    "com.raycast:/oauth?package_name=mcp",
    "cursor://anysphere.cursor-mcp/oauth/callback",
    "vscode://vscode.github-authentication/did-authenticate",
    "vscode-insiders://x/y",
    "windsurf://x/y",
    "claude://x/y",
  ])("%s", (uri) => {
    expect(faultOfRedirectUri(uri, KNOWN_APP_SCHEMES)).toBeUndefined();
  });

  test.each([
    "search-ms:query=x&crumb=location:%5C%5Cevil.example",
    "ms-msdt:/id",
    "smb://evil.example/share",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    "data:text/html,x",
    "mailto:x@evil.example",
    "tel:1",
    "myeditor://callback",
    "http://client.example/cb",
    "https://user@client.example/cb",
    "https://a;script-src.example/cb",
    "https://a,default-src.example/cb",
    "https://a'self'.example/cb",
    "https://*.example/cb",
    "https://client.example/c\u202eb",
    "https://client.example/c\u0000b",
    "https://client.example/c\r\nb",
    "https://b\u00fccher.example/",
    ".:/cb",
    `https://client.example/${"x".repeat(100_000)}`,
  ])("never %j", (uri) => {
    expect(faultOfRedirectUri(uri, KNOWN_APP_SCHEMES)).toMatch(/^must /);
  });

  test("a short scheme is taken where the operator names it, and nowhere else", async () => {
    const own = { redirect_uris: ["myeditor://callback"] };
    const setup = await serveSignIn();
    await expect(register(setup.issuer, own)).rejects.toThrow(/400.*invalid_redirect_uri/);
    setup.restart({ signIn: { appSchemes: ["myeditor"] } });
    expect(await register(setup.issuer, own)).toMatchObject({ application_type: "native" });
    await register(setup.issuer, { redirect_uris: ["cursor://anysphere.cursor-mcp/cb"] });
  });

  test("what Cursor registers in one piece is taken", async () => {
    const { issuer } = await serveSignIn();
    const redirectUris = [
      "cursor://anysphere.cursor-mcp/oauth/callback",
      "https://www.cursor.com/agents/mcp/oauth/callback",
      "http://localhost:8787/callback",
    ];
    const client = await register(issuer, { redirect_uris: redirectUris });
    expect(client["redirect_uris"]).toEqual(redirectUris);
  });
});

test.each([
  ["https://client.example:8443/cb", "https://client.example:8443"],
  ["cursor://a;b/cb", "cursor:"],
  ["https://a;script-src *.example/cb".replace(" ", ""), "https:"],
  ["https://a,b.example/", "https:"],
  ["http://[::1]:5/cb", "http:"],
])("SIGNIN-15: a policy covers %s with %s", (url, source) => {
  expect(policySource(url)).toBe(source);
});

describe("SIGNIN-30: an error leads to no stranger without a page", () => {
  const APP_URI = "com.example.app:/callback";

  async function failing(
    setup: SignInSetup,
    redirectUri: string,
    overrides: Readonly<Record<string, string | undefined>>,
  ): Promise<AuthorizationRequest> {
    const { client_id: clientId } = await register(setup.issuer, { redirect_uris: [redirectUri] });
    return new AuthorizationRequest(setup.issuer, clientId, {
      redirect_uri: redirectUri,
      ...overrides,
    });
  }

  test.each([
    ["prompt=none", { prompt: "none" }, "login_required"],
    ["no code challenge", { code_challenge: undefined }, "invalid_request"],
    ["another resource", { resource: "https://other.example/" }, "invalid_target"],
    ["another response type", { response_type: "token" }, "unsupported_response_type"],
    ["another response mode", { response_mode: "form_post" }, "unsupported_response_mode"],
    ["a redirect URI with a code in it", { prompt: "none" }, "login_required"],
  ])("%s: a page that says where the answer would go", async (what, overrides, error) => {
    const setup = await serveSignIn();
    for (const uri of [WEB_REDIRECT_URI, APP_URI]) {
      const redirectUri = what.includes("code in it") ? `${uri}?code=x` : uri;
      const request = await failing(setup, redirectUri, overrides);
      const page = await setup.person().visit(request.url);
      expectProblem(page, 400, /did not work/);
      expect(page.text).toContain(`<code>${error}</code>`);
      const link = /<a href="([^"]+)"/.exec(page.text)?.[1]?.replaceAll("&amp;", "&") ?? "";
      expect(link.startsWith(redirectUri)).toBe(true);
      expect(link).toContain(`error=${error}`);
      expect(link).toContain(`state=${request.state}`);
      expect(page.text).toContain(uri === APP_URI ? "com.example.app:" : "client.example");
    }
  });

  test("a provider that is down, too", async () => {
    const setup = await serveSignIn();
    setup.provider.faults.set("/.well-known", (_req, res) => void res.writeHead(503).end());
    const page = await setup.person().visit((await failing(setup, WEB_REDIRECT_URI, {})).url);
    expect(page.status).toBe(400);
    expect(page.text).toContain("<code>temporarily_unavailable</code>");
  });

  test("whoever denied or approved the client on our page is sent on", async () => {
    const setup = await serveSignIn();
    const person = setup.person();
    const request = await failing(setup, WEB_REDIRECT_URI, {});
    const consent = await passProvider(person, await person.visit(request.url), "alice");
    const denied = await person.submit(consent, { decision: "deny" });
    expectErrorAnswer(denied, WEB_REDIRECT_URI, "access_denied");
    await signInAndApprove(person, request);
    const wrong = new AuthorizationRequest(setup.issuer, request.clientId, {
      redirect_uri: WEB_REDIRECT_URI,
      resource: "https://other.example/",
    });
    expectErrorAnswer(await person.visit(wrong.url), WEB_REDIRECT_URI, "invalid_target");
    // Another person's approval is none.
    expectProblem(await setup.person().visit(wrong.url), 400, /did not work/);
  });

  test("a program on this computer hears of it at once", async () => {
    const setup = await serveSignIn();
    const request = await failing(setup, REDIRECT_URI, { prompt: "none" });
    expectErrorAnswer(await setup.person().visit(request.url), REDIRECT_URI, "login_required");
  });

  test("an approval for one address is none for another", () => {
    const approval = { scopes: [], redirectUri: "https://client.example/a" };
    const request = { redirectUri: "https://client.example/b", wasAnswered: false };
    expect(maySendErrorOn({ ...request, approval })).toBe(false);
    expect(maySendErrorOn({ ...request, approval: undefined, wasAnswered: true })).toBe(true);
    expect(maySendErrorOn({ redirectUri: "", wasAnswered: true, approval: undefined })).toBe(false);
  });
});
