import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { ToolListChangedNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import express from "express";
import { createSseRouter, principalOf } from "../../src/index.js";
import type { Principal, SessionInfo } from "../../src/index.js";
import { asCaller, converse } from "../kit/conversation.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { createToolServer, registerTools } from "../kit/tools.js";
import { describeEveryMount, describeEveryRouter, JWT_AUTH, serveRouter } from "../kit/serve.js";
import type { Conversation } from "../kit/conversation.js";
import { listen } from "../kit/listen.js";
import { send } from "../kit/raw-http.js";
import type { RawAnswer } from "../kit/raw-http.js";
import { openSession, openStream, post, toolCall } from "../kit/raw-sse.js";

cleanUpAfterEach();

const UNKNOWN = "00000000-0000-4000-8000-000000000000";

const narrow = () => asCaller({ scope: "read" });
const wide = () => asCaller({ scope: "read admin" });

/** Everything about an answer but the time. */
function bytesOf({ status, rawHeaders, text }: RawAnswer): unknown[] {
  const date = rawHeaders.indexOf("Date");
  return [status, rawHeaders.filter((_line, index) => index !== date + 1 || date < 0), text];
}

/** A POST to the session is answered byte for byte as one to a session that does not exist. */
async function expectUnknown(postUrl: string, headers: Record<string, string>): Promise<void> {
  const call = (url: string) =>
    send(url, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(toolCall(1, "whoami")),
    });
  const answer = await call(postUrl);
  expect(answer.status).toBe(404);
  const unknown = await call(postUrl.replace(/sessionId=[^&]+/, `sessionId=${UNKNOWN}`));
  expect(bytesOf(answer)).toEqual(bytesOf(unknown));
}

/** The session that a GET gets. */
async function sessionOf(sseUrl: string, headers: Record<string, string>): Promise<string> {
  const { postUrl } = await openSession(sseUrl, headers);
  return new URL(postUrl).searchParams.get("sessionId") ?? "";
}

/** A GET that names a session in each way that there is gets another one. */
async function expectAnotherStream(
  sseUrl: string,
  { sessionId }: Pick<Conversation, "sessionId">,
  headers: Record<string, string>,
): Promise<void> {
  const marks = [
    { "last-event-id": `${sessionId}:1` },
    { cookie: `mcp_resume=${sessionId}`, "mcp-protocol-version": "2025-06-18" },
    { "x-mcp-instance": "one" },
  ];
  for (const mark of marks) {
    const stream = await openStream(sseUrl, { ...headers, ...mark });
    expect(stream.status).toBe(200);
    // A client that cannot be told from one that comes back may be asked before.
    for (;;) {
      const { event, data } = await stream.nextEvent();
      if (event !== "endpoint") continue;
      expect(data).not.toContain(sessionId);
      break;
    }
    stream.close();
  }
}

const instance = { "x-mcp-instance": "one" };
/** What a client sends that knows its session. */
const knows = ({ sessionId }: Pick<Conversation, "sessionId">) => ({
  "last-event-id": `${sessionId}:1`,
});

describeEveryMount((serve) => {
  const options = { advanced: { probeMs: 50 } };

  it("AUTH-9, RIGHTS-1: a token with a scope less finds no session, by POST or by GET", async () => {
    const { sseUrl } = await serve(options);
    const session = await converse(sseUrl, { ...wide(), ...instance });
    await expectUnknown(session.postUrl, narrow());
    await expectUnknown(session.postUrl, asCaller({}));
    expect(await session.call("echo", { text: "alive" })).toBe("alive");
    session.stream.close();
    await session.stream.ended;
    await expectAnotherStream(sseUrl, session, narrow());
    expect(await sessionOf(sseUrl, { ...wide(), ...knows(session) })).toBe(session.sessionId);
  });

  it.each([
    ["org_id", "acme", "hobby"],
    ["tid", "acme", undefined],
    ["roles", ["user", "admin"], ["user"]],
    ["https://example.com/tenant", { id: 1 }, { id: 2 }],
  ])("AUTH-9, RIGHTS-1: another %s finds no session", async (name, here, there) => {
    const sessions = { boundClaims: ["org_id", "tid", "roles", "https://example.com/tenant"] };
    const isDefault = !name.startsWith("https:");
    const { sseUrl } = await serve({ ...options, ...(!isDefault && { sessions }) });
    const session = await converse(sseUrl, { ...asCaller({ [name]: here }), ...instance });
    await expectUnknown(session.postUrl, asCaller({ [name]: there }));
    session.stream.close();
    await session.stream.ended;
    await expectAnotherStream(sseUrl, session, asCaller({ [name]: there }));
    const again = await sessionOf(sseUrl, { ...asCaller({ [name]: here }), ...knows(session) });
    expect(again).toBe(session.sessionId);
  });

  it("RIGHTS-1: claims that are not bound may differ, and with [] all of them", async () => {
    const { sseUrl } = await serve({ sessions: { boundClaims: [] } });
    const { postUrl } = await converse(sseUrl, asCaller({ org_id: "a", plan: "b" }));
    expect((await post(postUrl, toolCall(2, "whoami"), asCaller({ org_id: "c" }))).status).toBe(
      202,
    );
  });

  it("RIGHTS-1: after a token with more scopes, one with those of before finds no session", async () => {
    const { sseUrl, sessions } = await serve();
    const session = await converse(sseUrl, narrow());
    const widened = await post(session.postUrl, toolCall(2, "whoami"), wide());
    expect(widened.status).toBe(202);
    expect(sessions.get(session.sessionId)?.principal?.scopes).toEqual(["read", "admin"]);
    await expectUnknown(session.postUrl, narrow());
    expect((await post(session.postUrl, toolCall(3, "whoami"), wide())).status).toBe(202);
  });

  it("RIGHTS-1: a stream goes on only with the query that createServer saw", async () => {
    const { sseUrl } = await serve(options);
    const session = await converse(`${sseUrl}?workspace=A`, { ...asCaller(), ...instance });
    session.stream.close();
    await session.stream.ended;
    await expectAnotherStream(`${sseUrl}?workspace=B`, session, asCaller());
    await expectAnotherStream(sseUrl, session, asCaller());
    const again = await sessionOf(`${sseUrl}?workspace=A&mcp_instance=one`, {
      ...asCaller(),
      ...knows(session),
    });
    expect(again).toBe(session.sessionId);
  });

  it("RIGHTS-1: with boundHeaders, a request with another value finds no session", async () => {
    const { sseUrl } = await serve({ ...options, sessions: { boundHeaders: ["X-Tenant"] } });
    const acme = { ...asCaller(), "x-tenant": "acme" };
    const session = await converse(sseUrl, { ...acme, ...instance });
    await expectUnknown(session.postUrl, { ...asCaller(), "x-tenant": "hobby" });
    await expectUnknown(session.postUrl, asCaller());
    // By what is remembered of the caller, too.
    await expectUnknown(session.postUrl, { ...session.headers, "x-tenant": "hobby" });
    session.stream.close();
    await session.stream.ended;
    await expectAnotherStream(sseUrl, session, asCaller());
    expect(await sessionOf(sseUrl, { ...acme, ...knows(session) })).toBe(session.sessionId);
  });
});

describe("a session's server", () => {
  /** Offers a tool to those who may use it, now and once they may. */
  function createServer(session: SessionInfo<Principal>): McpServer {
    const server = new McpServer({ name: "tools", version: "1.0.0" });
    registerTools(server);
    const wipe = server.registerTool("wipe", {}, (extra) => ({
      content: [{ type: "text", text: String(principalOf(extra)?.scopes) }],
    }));
    const offer = ({ scopes }: Principal): void =>
      scopes.includes("admin") ? wipe.enable() : wipe.disable();
    offer(session.principal);
    session.onPrincipalChanged(offer);
    return server;
  }

  it("RIGHTS-2: hears of more rights before the message that brought them, and its client does too", async () => {
    const { sseUrl } = await serveRouter({ createServer });
    let token = narrow();
    const client = new Client({ name: "test", version: "1.0.0" });
    const changed = new Promise<void>((resolve) =>
      client.setNotificationHandler(ToolListChangedNotificationSchema, () => resolve()),
    );
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- the transport this package is for
    const transport = new SSEClientTransport(new URL(sseUrl), {
      requestInit: {},
      fetch: (url, init) => fetch(url, { ...init, headers: { ...plain(init?.headers), ...token } }),
      eventSourceInit: {
        fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, ...token } }),
      },
    });
    await client.connect(transport);
    onDispose(() => client.close());
    expect((await client.listTools()).tools.map(({ name }) => name)).not.toContain("wipe");
    token = wide();
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain("wipe");
    await changed;
    expect(await client.callTool({ name: "wipe" })).toMatchObject({
      content: [{ text: "read,admin" }],
    });
  });

  it("RIGHTS-2: hears of other claims, and not of a token that merely is a newer one", async () => {
    const heard: (readonly [Principal, Principal])[] = [];
    const { sseUrl } = await serveRouter({
      createServer: (session) => {
        session.onPrincipalChanged((now, before) => heard.push([now, before]));
        return createToolServer();
      },
    });
    const { postUrl } = await converse(sseUrl, asCaller({ plan: "free", jti: "1" }));
    await post(postUrl, toolCall(2, "whoami"), asCaller({ plan: "free", jti: "2", exp: 2e9 }));
    expect(heard).toEqual([]);
    await post(postUrl, toolCall(3, "whoami"), asCaller({ plan: "paid", jti: "3" }));
    await post(postUrl, toolCall(4, "whoami"), asCaller({ plan: "paid", jti: "4" }));
    expect(heard.map(([now, before]) => [now.claims["plan"], before.claims["plan"]])).toEqual([
      ["paid", "free"],
    ]);
  });

  it("RIGHTS-2: a listener that throws or rejects is logged, and the message is taken", async () => {
    const { sseUrl, lines } = await serveRouter({
      createServer: (session) => {
        session.onPrincipalChanged(() => {
          throw new Error("first");
        });
        session.onPrincipalChanged(async () => Promise.reject(new Error("second")));
        return createToolServer();
      },
    });
    const { postUrl } = await converse(sseUrl, narrow());
    expect((await post(postUrl, toolCall(2, "whoami"), wide())).status).toBe(202);
    expect(lines.filter((line) => line.includes("onPrincipalChanged"))).toHaveLength(2);
  });

  it("RIGHTS-2: what several tokens may do is not added up", async () => {
    const { sseUrl } = await serveRouter({ createServer });
    const { postUrl } = await converse(sseUrl, asCaller({ scope: "read" }));
    await post(postUrl, toolCall(2, "whoami"), asCaller({ scope: "read write" }));
    await expectUnknown(postUrl, asCaller({ scope: "read admin" }));
  });
});

describeEveryRouter((serve) => {
  it("RIGHTS-2: GETs bring more rights too", async () => {
    const heard: string[] = [];
    const { sseUrl } = await serve({
      createServer: (session) => {
        session.onPrincipalChanged(({ scopes }) => heard.push(scopes.join(" ")));
        return createToolServer();
      },
    });
    const session = await converse(sseUrl, { ...narrow(), ...instance });
    session.stream.close();
    await session.stream.ended;
    expect(await sessionOf(sseUrl, { ...wide(), ...knows(session) })).toBe(session.sessionId);
    expect(heard).toEqual(["read admin"]);
    await expectUnknown(session.postUrl, narrow());
  });
});

describe("a router at several mounts", () => {
  const options = {
    auth: JWT_AUTH,
    createServer: () => createToolServer(),
    advanced: { probeMs: 50 },
  };

  async function serveTenants(
    more: object,
    mount: (app: express.Express, router: express.Router) => void,
    isAhead = false,
  ): Promise<string> {
    const router = createSseRouter({ ...options, ...more });
    const app = express();
    mount(app, router);
    onDispose(() => router.close({ timeoutMs: 0 }));
    const { url } = await listen(isAhead ? router.ahead(app) : app);
    return url;
  }

  const byParameter = (app: express.Express, router: express.Router): void =>
    void app.use(
      "/:tenant",
      (req, res, next) => {
        if (req.params["tenant"] === "secret" && req.get("x-member") === undefined) {
          res.status(403).end();
        } else next();
      },
      router,
    );

  it.each([
    ["", {}, false],
    [" behind one publicUrl", { publicUrl: "http://127.0.0.1/mcp" }, false],
    [" ahead of the app", {}, true],
  ])("RIGHTS-1: a session is not reached through another mount%s", async (_how, more, isAhead) => {
    const url = await serveTenants(more, byParameter, isAhead);
    const headers = { ...asCaller(), "x-member": "yes", ...instance };
    const { stream, postUrl } = await openSession(`${url}/secret/sse`, headers);
    const { search } = new URL(postUrl);
    const at = (mount: string): string => `${url}${mount}/messages${search}`;
    const call = toolCall(1, "whoami");
    expect((await post(at("/secret"), call, headers)).status).toBe(202);
    for (const mount of ["/hobby", "/SECRET", "/%73ecret"]) {
      await expectUnknown(at(mount), headers);
      await expectUnknown(`${at(mount)}&r=1`, headers);
    }
    const sessionId = new URLSearchParams(search).get("sessionId") ?? "";
    stream.close();
    await stream.ended;
    await expectAnotherStream(`${url}/hobby/sse`, { sessionId }, asCaller());
    expect(await sessionOf(`${url}/secret/sse`, { ...headers, ...knows({ sessionId }) })).toBe(
      sessionId,
    );
  });

  it("RIGHTS-1: a URL that the app rewrites counts as what it is routed to", async () => {
    const url = await serveTenants({}, (app, router) => {
      app.use((req, _res, next) => {
        const tenant = req.get("x-tenant");
        if (tenant !== undefined) req.url = `/${tenant}${req.url}`;
        next();
      });
      byParameter(app, router);
    });
    const headers = { ...asCaller(), "x-member": "yes" };
    const { postUrl } = await openSession(`${url}/secret/sse`, headers);
    expect((await post(postUrl, toolCall(1, "whoami"), headers)).status).toBe(202);
    // Is routed to /hobby/secret/messages, where there is nothing.
    const rewritten = { ...asCaller(), "x-tenant": "hobby" };
    expect((await post(postUrl, toolCall(2, "whoami"), rewritten)).status).toBe(404);
    const { pathname, search } = new URL(postUrl);
    const direct = `${url}${pathname.replace("/secret", "")}${search}`;
    expect((await post(direct, toolCall(3, "whoami"), rewritten)).status).toBe(404);
    const own = { ...headers, "x-tenant": "secret" };
    expect((await post(direct, toolCall(4, "whoami"), own)).status).toBe(202);
  });
});

function plain(headers: RequestInit["headers"]): Record<string, string> {
  return Object.fromEntries(new Headers(headers));
}
