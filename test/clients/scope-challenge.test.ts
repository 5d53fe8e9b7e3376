import { Client, SSEClientTransport } from "@modelcontextprotocol/client";
import { McpServer, requireScopes } from "@modelcontextprotocol/server";
import type { ScopeChallengeHandler } from "@modelcontextprotocol/server";
import { z } from "zod";
import { SSEServerTransport } from "../../src/index.js";
import { findScopeChallenge } from "../../src/policy/scope-challenge.js";
import type { AuthConfig, AuthInfo } from "../../src/index.js";
import { asCaller, converse } from "../kit/conversation.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { describeEveryRouter, JWT_AUTH, serveRouter } from "../kit/serve.js";
import type { Conversation } from "../kit/conversation.js";
import type { Serve, ServeRouterOptions } from "../kit/serve.js";
import { listen } from "../kit/listen.js";
import { AUDIENCE, fakeIssuer, oauthFor, tokenOf } from "../kit/resource-server.js";
import { bearer } from "../kit/tokens.js";
import { openSession, post, toolCall } from "../kit/raw-sse.js";

cleanUpAfterEach();

const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });

/** A server of SDK v2 of which a part is for callers with `admin`; `ran` hears what was run. */
function guardedServer(
  ran: string[] = [],
  scopeChallenge: ScopeChallengeHandler = requireScopes("admin"),
): McpServer {
  const server = new McpServer({ name: "guarded", version: "1.0.0" });
  server.registerTool("delete", { scopeChallenge }, () => {
    ran.push("delete");
    return text("deleted");
  });
  server.registerTool("look", { inputSchema: z.object({}) }, () => text("looked"));
  server.registerResource("secrets", "app://secrets", { scopeChallenge }, (uri) => {
    ran.push("secrets");
    return { contents: [{ uri: uri.href, text: "secret" }] };
  });
  server.registerPrompt("plan", { scopeChallenge }, () => {
    ran.push("plan");
    return { messages: [] };
  });
  return server;
}

const CALLS = [
  ["a tool", toolCall(7, "delete")],
  [
    "a resource",
    { jsonrpc: "2.0", id: 7, method: "resources/read", params: { uri: "app://secrets" } },
  ],
  ["a prompt", { jsonrpc: "2.0", id: 7, method: "prompts/get", params: { name: "plan" } }],
] as const;

const READER = asCaller({ scope: "read" });
const ADMIN = asCaller({ scope: "read admin" });

function postTo({ postUrl, headers }: Conversation, message: object) {
  return post(postUrl, message, headers);
}

/** What a caller hears who lacks `admin`. */
function expectChallenge(answer: Awaited<ReturnType<typeof post>>, challenge: string): void {
  expect(answer.status).toBe(403);
  expect(answer.headers.get("www-authenticate")).toBe(challenge);
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect(answer.json).toEqual({
    jsonrpc: "2.0",
    error: {
      code: expect.any(Number),
      message: expect.stringContaining("admin"),
      data: { code: "insufficient_scope" },
    },
    id: null,
  });
}

const CHALLENGE = 'Bearer realm="mcp", error="insufficient_scope", scope="read admin"';

function itAsksForScopes(serve: Serve<ServeRouterOptions>): void {
  it.each(CALLS)(
    "SCOPE-1, MESSAGE-8: %s that asks for a scope is not run for a caller without it, and the session goes on",
    async (_what, message) => {
      const ran: string[] = [];
      const served = await serve({ createServer: () => guardedServer(ran) });
      const conversation = await converse(served.sseUrl, READER);
      expectChallenge(await postTo(conversation, message), CHALLENGE);
      // The way that knows the session's POSTs gives the same answer.
      expectChallenge(await postTo(conversation, message), CHALLENGE);
      expect(served.sessions.list().map(({ inFlight }) => inFlight)).toEqual([0]);
      expect(await conversation.call("look")).toBe("looked");
      expect(ran).toEqual([]);
    },
  );

  it.each(CALLS)(
    "SCOPE-1: %s that asks for a scope is run for who has it",
    async (what, message) => {
      const ran: string[] = [];
      const served = await serve({ createServer: () => guardedServer(ran) });
      const conversation = await converse(served.sseUrl, ADMIN);
      expect((await postTo(conversation, message)).status).toBe(202);
      expect(await conversation.stream.nextMessage()).toMatchObject({ id: 7, result: {} });
      expect(ran).toHaveLength(1);
      expect(what).toBeDefined();
    },
  );
}

describeEveryRouter(itAsksForScopes);
describe("with a router ahead of its app", () =>
  itAsksForScopes((options) => serveRouter({ ...options, ahead: true })));

describe("what is asked for", () => {
  it("SCOPE-2: all scopes are named that the endpoint and the tool need, and why", async () => {
    const auth: AuthConfig = {
      type: "jwt",
      options: { ...JWT_AUTH.options, scopes: ["read"] },
    };
    const createServer = () =>
      guardedServer([], ({ authInfo }) =>
        authInfo?.scopes.includes("admin") === true
          ? undefined
          : { scopes: ["admin", "audit"], errorDescription: "Deleting is for admins" },
      );
    const { sseUrl } = await serveRouter({ auth, createServer });
    const answer = await postTo(await converse(sseUrl, READER), toolCall(7, "delete"));
    expectChallenge(
      answer,
      'Bearer realm="mcp", error="insufficient_scope", ' +
        'error_description="Deleting is for admins", scope="read admin audit"',
    );
    expect(answer.json.error.message).toContain("Deleting is for admins");
  });

  it("SCOPE-2, OAUTH-6: with OAuth the challenge says where to get a token", async () => {
    const issuer = await fakeIssuer();
    const { sseUrl } = await serveRouter({
      auth: oauthFor(issuer),
      createServer: () => guardedServer(),
    });
    const token = await tokenOf(issuer, { aud: AUDIENCE, scope: "read" });
    const conversation = await converse(sseUrl, bearer(token));
    // The second one goes the way that knows the session's POSTs.
    for (let count = 0; count < 2; count++) {
      const answer = await postTo(conversation, toolCall(7, "delete"));
      const challenge = answer.headers.get("www-authenticate") ?? "";
      expect(challenge).toContain('error="insufficient_scope", scope="read admin"');
      const [, url = ""] = /resource_metadata="([^"]+)"/.exec(challenge) ?? [];
      expect((await (await fetch(url)).json()).resource).toBe(sseUrl);
    }
  });

  it("SCOPE-3: the scopes that count are those of the POST's own credential", async () => {
    const seen: (AuthInfo | undefined)[] = [];
    const createServer = () =>
      guardedServer([], ({ authInfo }) => {
        seen.push(authInfo);
        return undefined;
      });
    const { sseUrl } = await serveRouter({ createServer });
    const conversation = await converse(sseUrl, READER);
    await conversation.call("delete");
    const second = asCaller({ scope: "read", jti: "second" });
    await post(conversation.postUrl, toolCall(9, "delete"), second);
    await conversation.stream.nextMessage();
    expect(seen.map((info) => `Bearer ${info?.token ?? ""}`)).toEqual([
      READER.authorization,
      second.authorization,
    ]);
  });

  it("SCOPE-1: on an open endpoint nobody has scopes, and the SDK's rule asks for none", async () => {
    const { sseUrl } = await serveRouter({ auth: false, createServer: () => guardedServer() });
    expect(await (await converse(sseUrl, {})).call("delete")).toBe("deleted");
  });

  it("SCOPE-1: on an open endpoint a rule of the server's own is asked all the same", async () => {
    const createServer = () => guardedServer([], () => ({ scopes: ["admin"] }));
    const { sseUrl } = await serveRouter({ auth: false, createServer });
    const answer = await postTo(await converse(sseUrl, {}), toolCall(7, "delete"));
    expectChallenge(answer, CHALLENGE.replace("read admin", "admin"));
  });
});

describe("a rule that takes its time, or fails", () => {
  it("SCOPE-1: a rule that looks something up is waited for", async () => {
    const ran: string[] = [];
    const rule: ScopeChallengeHandler = async () => {
      await new Promise(setImmediate);
      return { scopes: ["admin"] };
    };
    const { sseUrl } = await serveRouter({ createServer: () => guardedServer(ran, rule) });
    expectChallenge(await postTo(await converse(sseUrl, READER), toolCall(7, "delete")), CHALLENGE);
    expect(ran).toEqual([]);
  });

  it("SCOPE-4: a call that was being looked at when the endpoint closed is not taken", async () => {
    const ran: string[] = [];
    let decide: () => void = () => undefined;
    let tellAsked: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => (tellAsked = resolve));
    const rule: ScopeChallengeHandler = () => {
      tellAsked();
      return new Promise((resolve) => (decide = () => resolve(undefined)));
    };
    const { sseUrl, close } = await serveRouter({ createServer: () => guardedServer(ran, rule) });
    const conversation = await converse(sseUrl, READER);
    const answer = postTo(conversation, toolCall(7, "delete"));
    await asked;
    await close({ timeoutMs: 0 });
    decide();
    expect((await answer).json.error.data.code).toBe("shutting_down");
    expect(ran).toEqual([]);
  });

  it.each<[string, ScopeChallengeHandler]>([
    [
      "throws",
      () => {
        throw new Error("no database");
      },
    ],
    ["rejects", () => Promise.reject(new Error("no database"))],
    ["names no scope", () => ({ scopes: [] }) as never],
    ["names what is no scope", () => ({ scopes: ['admin" x="'] })],
    ["answers something else", () => true as never],
    ["answers null", () => null as never],
  ])("SCOPE-4: where a rule %s, nothing is run: 500", async (_how, rule) => {
    const ran: string[] = [];
    const server = guardedServer(ran, rule);
    const errors: Error[] = [];
    server.server.onerror = (error) => void errors.push(error);
    const { sseUrl, lines } = await serveRouter({ createServer: () => server });
    const answer = await postTo(await converse(sseUrl, READER), toolCall(7, "delete"));
    expect([answer.status, answer.json.error]).toEqual([500, "server_error"]);
    expect(errors).toHaveLength(1);
    expect(lines.join("\n")).toContain("500 server_error");
    expect(ran).toEqual([]);
  });
});

it("SCOPE-4: a rule that does not answer lets nothing pass: 503", async () => {
  jest.useFakeTimers();
  try {
    const request = { jsonrpc: "2.0", id: 1, method: "tools/call" } as const;
    const asked = findScopeChallenge(() => new Promise(() => undefined), request, undefined);
    const refused = expect(asked).rejects.toMatchObject({
      status: 503,
      code: "temporarily_unavailable",
      headers: { "Retry-After": "5" },
    });
    await jest.advanceTimersByTimeAsync(10_000);
    await refused;
  } finally {
    jest.useRealTimers();
  }
});

it("SCOPE-1: a client of SDK v2 hears of the refusal at once, and goes on", async () => {
  const { sseUrl } = await serveRouter({ createServer: () => guardedServer() });
  const client = new Client({ name: "client", version: "1" });
  onDispose(() => client.close());
  await client.connect(
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- the transport under test
    new SSEClientTransport(new URL(sseUrl), { requestInit: { headers: READER } }),
  );
  await expect(client.callTool({ name: "delete" })).rejects.toThrow(/403|insufficient_scope/);
  expect(await client.callTool({ name: "look", arguments: {} })).toMatchObject(text("looked"));
});

describe("the drop-in", () => {
  async function host(
    authInfo: object,
  ): Promise<{ sseUrl: string; transport: () => SSEServerTransport; ran: string[] }> {
    const ran: string[] = [];
    let transport: SSEServerTransport | undefined;
    const { url } = await listen((req, res) => {
      if (req.method === "GET") {
        transport = new SSEServerTransport("/messages", res);
        void guardedServer(ran).connect(transport);
      } else {
        Object.assign(req, { auth: { token: "", clientId: "c", scopes: ["read"], ...authInfo } });
        void transport?.handlePostMessage(req, res);
      }
    });
    return { sseUrl: `${url}/sse`, transport: () => transport!, ran };
  }

  it.each([
    ["without a document", {}, ""],
    [
      "with the document that its guard names",
      { resourceMetadataUrl: "https://api.example/doc" },
      ', resource_metadata="https://api.example/doc"',
    ],
    [
      "with the document of its resource",
      { resource: new URL("https://api.example/mcp") },
      ', resource_metadata="https://api.example/.well-known/oauth-protected-resource/mcp"',
    ],
  ])("SCOPE-5: it refuses as a router does, %s", async (_name, authInfo, metadata) => {
    const { sseUrl, ran } = await host(authInfo);
    const { postUrl } = await openSession(sseUrl);
    expectChallenge(await post(postUrl, toolCall(7, "delete")), CHALLENGE + metadata);
    expect(ran).toEqual([]);
  });

  it("SCOPE-5: no message gets around the rule by another way in", async () => {
    const { sseUrl, transport, ran } = await host({});
    await openSession(sseUrl);
    const authInfo: AuthInfo = { token: "", clientId: "c", scopes: ["read"] };
    await expect(
      transport().handleMessage(toolCall(7, "delete"), { authInfo }),
    ).rejects.toMatchObject({ code: "insufficient_scope", status: 403 });
    expect(ran).toEqual([]);
  });
});
