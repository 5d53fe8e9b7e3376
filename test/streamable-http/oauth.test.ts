import express from "express";
import { createMcpRouter } from "../../src/index.js";
import type { McpRouter } from "../../src/index.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { recordingLogger } from "../kit/leak-watch.js";
import { listen } from "../kit/listen.js";
import { send } from "../kit/raw-http.js";
import { initialize } from "../kit/raw-sse.js";
import {
  ClientMemory,
  connectAs,
  oauthClientKits,
  streamableOAuthClientKits,
} from "../kit/oauth-clients.js";
import { OidcIssuer } from "../kit/oidc-issuer.js";
import { passProvider } from "../kit/person.js";
import { fakeIssuer, oauthFor } from "../kit/resource-server.js";
import { createModernServer, listenTo } from "../kit/modern.js";
import {
  AuthorizationRequest,
  obtainTokens,
  register,
  serveSignIn,
  signInAndApprove,
} from "../kit/sign-in.js";
import { begin, postMessage } from "../kit/streamable.js";
import { bearer } from "../kit/tokens.js";
import { createToolServer } from "../kit/tools.js";

cleanUpAfterEach();

const WELL_KNOWN = "/.well-known/oauth-protected-resource";
const PUBLIC = "https://api.example.com/mcp";

/** A router with OAuth below `/mcp`, and its documents at the root. */
async function serve(publicUrl?: string) {
  const issuer = await fakeIssuer();
  const audience =
    publicUrl === undefined ? { audience: `${PUBLIC}/sse` } : { audience: undefined };
  const router = createMcpRouter({
    auth: oauthFor(issuer, audience),
    createServer: () => createToolServer(),
    logger: recordingLogger(),
    ...(publicUrl !== undefined && { publicUrl }),
  });
  onDispose(() => router.close({ timeoutMs: 0 }));
  const app = express();
  app.use("/mcp", router);
  app.use(router.wellKnown);
  const { url } = await listen(app);
  await router.ready();
  return { url, issuer };
}

describe("two URLs of one endpoint", () => {
  it.each([
    ["as requests show them", undefined],
    ["as configured", PUBLIC],
  ])("STREAMABLE-21, OAUTH-3, OAUTH-4: are two resources, %s", async (_how, publicUrl) => {
    const { url } = await serve(publicUrl);
    const base = publicUrl ?? `${url}/mcp`;
    const resourceAt = async (path: string): Promise<unknown> =>
      (await send(url + path)).json?.resource;
    expect(await resourceAt(`${WELL_KNOWN}/mcp`)).toBe(base);
    expect(await resourceAt(`${WELL_KNOWN}/mcp/sse`)).toBe(`${base}/sse`);
    expect(await resourceAt(`/mcp${WELL_KNOWN}`)).toBe(base);
    expect(await resourceAt(`/mcp${WELL_KNOWN}/sse`)).toBe(`${base}/sse`);
    expect(await resourceAt(`${WELL_KNOWN}/mcp/messages`)).toBeUndefined();
    expect(await resourceAt(`${WELL_KNOWN}/mcp/`)).toBeUndefined();
    expect(await resourceAt(`${WELL_KNOWN}/other`)).toBeUndefined();
  });

  it("STREAMABLE-21, OAUTH-6: a refusal names the document of the URL that was asked", async () => {
    const { url } = await serve();
    const documentFor = async (path: string, method = "POST") => {
      const { status, headers } = await send(url + path, { method });
      expect(status).toBe(401);
      return /resource_metadata="([^"]+)"/.exec(headers["www-authenticate"] ?? "")?.[1];
    };
    const at = `${url}/mcp${WELL_KNOWN}`;
    expect(await documentFor("/mcp")).toBe(at);
    expect(await documentFor("/mcp/")).toBe(at);
    expect(await documentFor("/mcp/sse")).toBe(`${at}/sse`);
    expect(await documentFor("/mcp/sse", "GET")).toBe(`${at}/sse`);
    expect(await documentFor("/mcp/messages?sessionId=x")).toBe(`${at}/sse`);
    for (const document of [at, `${at}/sse`]) expect((await send(document)).status).toBe(200);
  });

  it("STREAMABLE-21, OAUTH-8: a token for one of them is good for both, and no other is", async () => {
    const { url, issuer } = await serve(PUBLIC);
    const begin = async (path: string, aud: string) =>
      (await postMessage(url + path, initialize, bearer(await issuer.signAccessToken({ aud }))))
        .status;
    for (const path of ["/mcp", "/mcp/sse"]) {
      expect(await begin(path, PUBLIC)).toBe(200);
      expect(await begin(path, `${PUBLIC}/sse`)).toBe(200);
      expect(await begin(path, `${PUBLIC}/other`)).toBe(401);
      expect(await begin(path, "https://api.example.com")).toBe(401);
    }
  });
});

it("STREAMABLE-21, SIGNIN-4, SIGNIN-27: the sign-in gives tokens for either URL, and for no other", async () => {
  const setup = await serveSignIn({ createRouter: createMcpRouter });
  const { issuer, resource } = setup;
  const client = await register(issuer);
  for (const asked of [issuer, resource]) {
    const request = new AuthorizationRequest(issuer, client.client_id, { resource: asked });
    const answer = await signInAndApprove(setup.person(), request);
    const tokens = await request.redeem(answer.get("code") ?? "", { resource: asked });
    for (const url of [issuer, resource]) {
      const begun = await begin(url, bearer(tokens.access_token));
      expect(JSON.parse(await begun.call("whoami"))).toMatchObject({ method: "oauth" });
    }
  }
  const other = new AuthorizationRequest(issuer, client.client_id, { resource: `${issuer}/other` });
  const refused = await setup.person().visit(other.url);
  expect(refused.url + refused.text).toContain("invalid_target");
});

/** A router for both URLs behind an issuer, and what a person does there. */
interface TwoUrls {
  readonly mcpUrl: string;
  readonly signIn: (authorizationUrl: URL) => Promise<URLSearchParams>;
}

async function behindSignIn(): Promise<TwoUrls> {
  const setup = await serveSignIn({ createRouter: createMcpRouter });
  const signIn = async ({ href }: URL): Promise<URLSearchParams> => {
    const person = setup.person();
    const consent = await passProvider(person, await person.visit(href), "alice");
    const { url } = await person.submit(consent, { decision: "approve" });
    return new URL(url).searchParams;
  };
  return { mcpUrl: setup.issuer, signIn };
}

async function behindIssuer(): Promise<TwoUrls> {
  const issuer = await OidcIssuer.start();
  onDispose(() => issuer.stop());
  const { clientId, clientSecret } = issuer;
  const options = { issuerUrl: issuer.url, clientId, clientSecret, scopes: ["mcp:read"] };
  // Its URL must be known before: the tokens are for that.
  const app = express();
  const mcpUrl = `${(await listen(app)).url}/mcp`;
  const router = createMcpRouter({
    publicUrl: mcpUrl,
    auth: { type: "oauth", options },
    createServer: () => createToolServer(),
    logger: recordingLogger(),
  });
  onDispose(() => router.close({ timeoutMs: 0 }));
  app.use(router.wellKnown);
  app.use("/mcp", router);
  return { mcpUrl, signIn: (url) => issuer.login(url, "alice") };
}

it.each([
  ["the sign-in", behindSignIn],
  ["an issuer of others", behindIssuer],
])(
  "STREAMABLE-21, OAUTH-8: what official clients get from %s for one URL is good at the other",
  async (_issuer, start) => {
    const { mcpUrl, signIn } = await start();
    const urls = [mcpUrl, `${mcpUrl}/sse`] as const;
    for (const [index, kit] of streamableOAuthClientKits.entries()) {
      for (const url of urls) {
        const memory = new ClientMemory();
        const client = await connectAs(kit, url, memory, signIn);
        // The challenge has led the client to the document about the URL that it knows.
        expect(memory.authorizationUrl?.searchParams.get("resource")).toBe(url);
        const others = [kit, oauthClientKits[index]!].map((each, at) =>
          each.connect(at === 0 && url === urls[1] ? urls[0] : urls[1], memory),
        );
        for (const each of [client, ...(await Promise.all(others))]) {
          expect(JSON.parse(await each.call("whoami"))).toMatchObject({ method: "oauth" });
          await each.close();
        }
        // Nobody had to sign in again.
        expect(memory.accessTokens).toHaveLength(1);
      }
    }
  },
);

it("STREAMABLE-21, OAUTH-8: an audience of the configuration is the only one, at both URLs", async () => {
  const { url, issuer } = await serve();
  for (const path of ["/mcp", "/mcp/sse"]) {
    const begun = [`${PUBLIC}/sse`, PUBLIC, `${url}/mcp`, `${url}/mcp/sse`].map(async (aud) => {
      const headers = bearer(await issuer.signAccessToken({ aud }));
      return (await postMessage(url + path, initialize, headers)).status;
    });
    expect(await Promise.all(begun)).toEqual([200, 401, 401, 401]);
  }
});

it("SIGNIN-33, MODERN-13: endFor() ends the subscriptions of a person who has no session", async () => {
  const createRouter = ((options: object) =>
    createMcpRouter({
      ...options,
      createServer: () => createModernServer(),
    } as never)) as typeof createMcpRouter;
  const setup = await serveSignIn({ createRouter });
  const listenAs = async (login: string) => {
    const { tokens } = await obtainTokens(setup, setup.person(), login);
    return listenTo(setup.issuer, { toolsListChanged: true }, bearer(tokens.access_token));
  };
  const alices = await listenAs("alice");
  const bobs = await listenAs("bob");
  expect(await setup.router.signIn?.endFor({ id: "alice" })).toBe(1);
  await alices.ended;
  (setup.router as McpRouter).notify.toolsChanged();
  expect((await bobs.nextMessage())["method"]).toBe("notifications/tools/list_changed");
});
