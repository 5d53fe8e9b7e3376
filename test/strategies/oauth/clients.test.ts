import type { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import express from "express";
import { createSseRouter } from "../../../src/index.js";
import type { McpServerLike, SseOptions, SseRouter } from "../../../src/index.js";
import type { OAuthOptions } from "../../../strategies/oauth.js";
import { cleanUpAfterEach, onDispose } from "../../kit/clean-up.js";
import { startMcpServer } from "../../kit/serve.js";
import { createToolServer, createToolServerV2, registerTools } from "../../kit/tools.js";
import { listen } from "../../kit/listen.js";

import { recordingLogger, secret } from "../../kit/leak-watch.js";
import { ClientMemory, connectAs, oauthClientKits } from "../../kit/oauth-clients.js";
import type { OAuthClient, OAuthClientKit } from "../../kit/oauth-clients.js";
import { OidcIssuer } from "../../kit/oidc-issuer.js";
import type { OidcIssuerOptions } from "../../kit/oidc-issuer.js";
import { bearer } from "../../kit/tokens.js";
import { verdict } from "../../kit/resource-server.js";
import { send } from "../../kit/raw-http.js";

cleanUpAfterEach();

/** How far the time of day, and the time that passes, are ahead of the real ones, in milliseconds. */
let ahead = { date: 0, monotonic: 0 };

beforeEach(() => {
  ahead = { date: 0, monotonic: 0 };
  const [date, monotonic] = [Date.now.bind(Date), performance.now.bind(performance)];
  jest.spyOn(Date, "now").mockImplementation(() => date() + ahead.date);
  jest.spyOn(performance, "now").mockImplementation(() => monotonic() + ahead.monotonic);
});
afterEach(() => jest.restoreAllMocks());

/** A server of these tests, as a client knows it: by its URL. */
interface Place {
  readonly url: string;
  readonly sessions: SseRouter["sessions"];
}

async function startIssuer(options?: OidcIssuerOptions): Promise<OidcIssuer> {
  const issuer = await OidcIssuer.start(options);
  onDispose(() => issuer.stop());
  secret(issuer.clientSecret);
  return issuer;
}

function auth({ url, clientId, clientSecret }: OidcIssuer, options: Partial<OAuthOptions>) {
  const required = { issuerUrl: url, clientId, clientSecret, audience: AUDIENCE };
  return { type: "oauth", options: { ...required, scopes: ["mcp:read"], ...options } } as const;
}

/** What the issuer is told to put into `aud`, in these tests. */
const AUDIENCE = "my-mcp-server";

async function serveAlone(
  issuer: OidcIssuer,
  options: Partial<OAuthOptions> = {},
  resume: SseOptions["resume"] = {},
): Promise<Place & { pong(): Promise<unknown> }> {
  let newest: McpServer | undefined;
  const server = await startMcpServer({
    setup: (mcp) => {
      newest = mcp;
      registerTools(mcp);
    },
    transport: {
      type: "sse",
      options: { port: 0, logger: recordingLogger(), auth: auth(issuer, options), resume },
    },
  });
  return {
    url: server.url!,
    sessions: server.sessions!,
    // Once a client has answered on the newest session, it knows that it is there.
    pong: async () => await newest!.server.ping(),
  };
}

const embedWith =
  (createServer: () => McpServerLike, onTokenExpiry: "end-stream" | "keep" = "end-stream") =>
  async (issuer: OidcIssuer): Promise<Place> => {
    const router = createSseRouter({
      ...{ createServer, logger: recordingLogger(), sessions: { onTokenExpiry } },
      auth: auth(issuer, {}),
    });
    const [app, outer] = [express(), express.Router()];
    outer.use("/mcp", router);
    app.use("/api/:version", outer);
    app.get("/", (_req, res) => void res.send("<html>the rest of the app</html>"));
    const { url } = await listen(app);
    onDispose(() => router.close({ timeoutMs: 0 }));
    return { url: `${url}/api/v1/mcp/sse`, sessions: router.sessions };
  };

const places = {
  MCPServer: (issuer: OidcIssuer) => serveAlone(issuer),
  "a router below a prefix, SDK v1": embedWith(createToolServer),
  "a router below a prefix, SDK v2": embedWith(createToolServerV2),
};

interface Connected {
  readonly client: OAuthClient;
  readonly memory: ClientMemory;
}

async function signIn(
  kit: OAuthClientKit,
  issuer: OidcIssuer,
  { url }: Place,
  user = "alice",
): Promise<Connected> {
  const memory = new ClientMemory();
  const client = await connectAs(kit, url, memory, (page) => issuer.login(page, user));
  onDispose(() => client.close());
  for (const token of [...memory.accessTokens, ...memory.refreshTokens]) secret(token);
  return { client, memory };
}

async function callerOf(client: OAuthClient): Promise<Record<string, unknown>> {
  return JSON.parse(await client.call("whoami")) as Record<string, unknown>;
}

/** What happens to the sessions of a place, from now on. */
function watch({ sessions }: Place): { closed: Promise<string>; reopened: Promise<void> } {
  let opened = 0;
  return {
    closed: new Promise((resolve) => sessions.on("closed", (_session, reason) => resolve(reason))),
    reopened: new Promise((resolve) => sessions.on("opened", () => ++opened === 2 && resolve())),
  };
}

const cases = oauthClientKits.flatMap((kit) =>
  Object.entries(places).flatMap(([place, serve]) =>
    (["jwt", "opaque"] as const).map((format) => ({ kit, place, serve, format })),
  ),
);

describe("an SDK client that knows only the URL", () => {
  it.each(cases)(
    "OAUTH-6: ends up calling a tool as who signed in: $kit.name, $place, $format tokens",
    async ({ kit, serve, format }) => {
      const issuer = await startIssuer({ format, audience: AUDIENCE });
      const place = await serve(issuer);

      const { client, memory } = await signIn(kit, issuer, place);

      expect(await callerOf(client)).toMatchObject({
        ...{ id: "alice", method: "oauth", issuer: issuer.url, scopes: ["mcp:read"] },
        claims: { aud: AUDIENCE },
      });
      expect(await client.call("echo", { text: "hello" })).toBe("hello");
      expect(issuer.count("POST /reg")).toBe(1);
      expect(memory.accessTokens).toHaveLength(1);
      expect(memory.accessTokens[0]!.split(".")).toHaveLength(format === "jwt" ? 3 : 1);
      // It asked for what the challenge names: the scope, and the resource from the metadata.
      const { searchParams } = memory.authorizationUrl!;
      expect(searchParams.get("scope")).toMatch(/^mcp:read\b/);
      expect(searchParams.get("resource")).toBe(place.url);
    },
  );

  it.each(oauthClientKits)("OAUTH-14: two people are two callers: $name", async (kit) => {
    const issuer = await startIssuer({ audience: AUDIENCE });
    const place = await serveAlone(issuer);
    const alice = await signIn(kit, issuer, place, "alice");
    const bob = await signIn(kit, issuer, place, "bob");

    expect(await callerOf(alice.client)).toMatchObject({ id: "alice" });
    expect(await callerOf(bob.client)).toMatchObject({ id: "bob" });
  });
});

describe("a token that expires in mid-session", () => {
  const lives = oauthClientKits.flatMap((kit) =>
    (["jwt", "opaque"] as const).map((format) => ({ kit, format })),
  );

  it.each(lives)(
    "OAUTH-17: the client refreshes it when its stream ends, and goes on: $kit.name, $format tokens",
    async ({ kit, format }) => {
      const issuer = await startIssuer({ format, audience: AUDIENCE, accessTokenSeconds: 2 });
      const place = await serveAlone(issuer, { clockTolerance: 0 }, false);
      const { closed, reopened } = watch(place);
      const { client, memory } = await signIn(kit, issuer, place);
      const before = await callerOf(client);

      expect(await closed).toBe("credential-expired");
      await reopened;
      await place.pong();

      const after = await callerOf(client);
      expect(after).toMatchObject({ id: "alice", clientId: before["clientId"] });
      expect(after["expiresAt"]).toBeGreaterThan(before["expiresAt"] as number);
      expect(memory.accessTokens.length).toBeGreaterThanOrEqual(2);
      // Nobody had to sign in again.
      expect(issuer.count("GET /auth")).toBe(1);
      expect(issuer.count("POST /reg")).toBe(1);
    },
  );

  it.each(oauthClientKits)(
    'OAUTH-17: with "keep" the client refreshes it when a message is refused, in the same session: $name',
    async (kit) => {
      const issuer = await startIssuer({ audience: AUDIENCE });
      const place = await embedWith(createToolServer, "keep")(issuer);
      const { client, memory } = await signIn(kit, issuer, place);
      const [session] = place.sessions.list();
      // The issuer lives in the same process, so its next token is good for as long again.
      ahead.date = 400_000;

      expect(await callerOf(client)).toMatchObject({ id: "alice" });

      expect(memory.accessTokens).toHaveLength(2);
      expect(issuer.count("POST /token")).toBe(2);
      expect(place.sessions.list()).toEqual([session]);
    },
  );
});

describe("keys that are rotated while the server runs", () => {
  it.each(oauthClientKits)("OAUTH-7: do not disturb anybody: $name", async (kit) => {
    const issuer = await startIssuer({ audience: AUDIENCE });
    const place = await serveAlone(issuer);
    const first = await signIn(kit, issuer, place, "alice");
    expect(issuer.count("GET /jwks")).toBe(1);

    await issuer.rotateKeys();
    ahead.monotonic = 30_000;
    const second = await signIn(kit, issuer, place, "bob");

    expect(await callerOf(second.client)).toMatchObject({ id: "bob" });
    expect(issuer.count("GET /jwks")).toBe(2);
    // The old key is not published any more: its tokens are refreshed.
    expect(await callerOf(first.client)).toMatchObject({ id: "alice" });
    expect(first.memory.accessTokens).toHaveLength(2);
  });
});

describe("an issuer whose clock is ahead", () => {
  it.each([
    [9, "200"],
    [60, "401 invalid_token the token is not valid yet"],
  ])("OAUTH-9: by %d seconds", async (clockAheadSeconds, expected) => {
    const issuer = await startIssuer({ audience: AUDIENCE, clockAheadSeconds });
    const place = await serveAlone(issuer);
    const memory = new ClientMemory();
    const kit = oauthClientKits[0]!;
    await expect(kit.connect(place.url, memory)).rejects.toThrow();
    await kit.finishAuth(place.url, memory, await issuer.login(memory.authorizationUrl!, "alice"));

    const answer = await send(place.url, { headers: bearer(memory.accessTokens[0]!) });

    expect(verdict(answer)).toBe(expected);
  });
});

describe("what else an issuer hands out", () => {
  it.each(["jwt", "opaque"] as const)(
    "OAUTH-11: a refresh token is no access token, although the issuer calls it active: %s",
    async (format) => {
      const issuer = await startIssuer({ format, audience: AUDIENCE });
      const place = await serveAlone(issuer);
      const { memory } = await signIn(oauthClientKits[1]!, issuer, place);

      const answer = await send(place.url, { headers: bearer(memory.refreshTokens[0]!) });

      expect(verdict(answer)).toMatch(/^401 invalid_token /);
    },
  );
});
