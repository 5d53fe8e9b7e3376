import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import express from "express";
import type { Express, RequestHandler } from "express";
import type { AuthConfig } from "../../src/index.js";
import { createMcpRouter } from "../../src/express/mcp-router.js";
import { asCaller } from "../kit/conversation.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { secret } from "../kit/leak-watch.js";
import { listen } from "../kit/listen.js";
import { createModernServer, headersOf, modernCall, postModern } from "../kit/modern.js";
import { send } from "../kit/raw-http.js";
import { initialize, toolCall } from "../kit/raw-sse.js";
import { JWT_AUTH } from "../kit/serve.js";
import { begin, postMessage, serveMcp, textOf } from "../kit/streamable.js";
import { SECRET } from "../kit/tokens.js";
import { createToolServer } from "../kit/tools.js";

cleanUpAfterEach();

const call = toolCall(2, "echo", { text: "hello" });
const whoami = toolCall(3, "whoami");

/** What an app's middleware sees, and a mark on each answer that has passed it. */
function watch(): { seen: string[]; middleware: RequestHandler } {
  const seen: string[] = [];
  const middleware: RequestHandler = (req, res, next) => {
    seen.push(`${req.method} ${req.originalUrl}`);
    res.setHeader("X-App", "seen");
    next();
  };
  return { seen, middleware };
}

describe("a router ahead of its app, over Streamable HTTP", () => {
  it("KNOWN-8: leaves everything to the app but the POSTs of its sessions", async () => {
    const { seen, middleware } = watch();
    const served = await serveMcp({ configure: (app) => app.use(middleware), ahead: true });
    const client = await begin(served.mcpUrl);
    expect(seen).toEqual(["POST /mcp"]);
    const answer = await client.post(call);
    expect([answer.status, textOf(answer.json)]).toEqual([200, "hello"]);
    expect(answer.headers["x-app"]).toBeUndefined();
    expect(answer.headers["content-length"]).toBe(String(answer.text.length));

    const listening = await client.listen();
    expect(listening.headers["x-app"]).toBe("seen");
    expect((await postMessage(served.mcpUrl, call)).headers["x-app"]).toBe("seen");
    expect((await client.delete()).headers["x-app"]).toBe("seen");
    expect((await client.post(call)).status).toBe(404);
    expect(seen).toEqual(["POST /mcp", "GET /mcp", "POST /mcp", "DELETE /mcp", "POST /mcp"]);
  });

  it.each<[string, Record<string, string>, number]>([
    ["has no credential", {}, 401],
    ["is not the owner", asCaller({ sub: "bob" }), 404],
    ["has less rights", asCaller({ scope: "" }), 404],
  ])("KNOWN-8, STREAMABLE-3: lets the app say no to who %s", async (_who, headers, status) => {
    const { seen, middleware } = watch();
    const served = await serveMcp({ configure: (app) => app.use(middleware), ahead: true });
    const { sessionId } = await begin(served.mcpUrl, asCaller({ scope: "read" }));
    const answer = await postMessage(served.mcpUrl, call, {
      ...headers,
      "mcp-session-id": sessionId,
    });
    expect([answer.status, answer.headers["x-app"]]).toEqual([status, "seen"]);
    expect(seen).toEqual(["POST /mcp", "POST /mcp"]);
  });

  it.each<[string, (app: Express) => void]>([
    ["nothing", () => undefined],
    ["express.json()", (app) => app.use(express.json())],
    ["express.raw()", (app) => app.use(express.raw({ type: () => true }))],
  ])(
    "KNOWN-8, STREAMABLE-1: what begins a session passes the app, with %s in it, whatever session it names",
    async (_what, configure) => {
      const { seen, middleware } = watch();
      const paths: unknown[] = [];
      const served = await serveMcp({
        createServer: ({ request }) => {
          paths.push((request as express.Request).originalUrl);
          return createToolServer();
        },
        configure: (app) => {
          configure(app);
          app.use(middleware);
        },
        ahead: true,
      });
      const client = await begin(served.mcpUrl);
      const again = await client.post(initialize);
      expect([again.status, again.headers["x-app"]]).toEqual([200, "seen"]);
      expect(again.headers["mcp-session-id"]).not.toBe(client.sessionId);
      expect(seen).toEqual(["POST /mcp", "POST /mcp"]);
      // An app's own request, and not what Node has made of it.
      expect(paths).toEqual(["/mcp", "/mcp"]);
      expect(await client.call("echo", { text: "still here" })).toBe("still here");
      expect(served.router.sessions.size).toBe(2);
    },
  );

  it("KNOWN-8: an app may refuse to begin one more session, though messages do not pass it", async () => {
    let isOpen = true;
    const served = await serveMcp({
      configure: (app) =>
        app.use((_req, res, next) => (isOpen ? next() : void res.status(418).end())),
      ahead: true,
    });
    const client = await begin(served.mcpUrl);
    isOpen = false;
    expect((await client.post(call)).status).toBe(200);
    expect((await client.post(initialize)).status).toBe(418);
    expect(served.router.sessions.size).toBe(1);
  });

  it("KNOWN-6, MODERN-1: a request without a session is none of a session's, whatever it names", async () => {
    const { seen, middleware } = watch();
    const served = await serveMcp({
      createServer: () => createModernServer(),
      configure: (app) => app.use(middleware),
      ahead: true,
    });
    const { sessionId, headers } = await begin(served.mcpUrl);
    const message = modernCall(7, "echo", { text: "one request" });
    const named = { ...headers, ...headersOf(message), "mcp-session-id": sessionId };
    expect(textOf((await postModern(served.mcpUrl, message, named)).json)).toBe("one request");
    expect(seen).toEqual(["POST /mcp", "POST /mcp"]);
  });
});

describe.each([
  ["in its app", false],
  ["ahead of its app", true],
])("a router %s, over Streamable HTTP", (_where, ahead) => {
  it("SOURCE-1: looks at the source of a known POST, too", async () => {
    const { mcpUrl } = await serveMcp({ ahead });
    const client = await begin(mcpUrl);
    expect((await client.post(call, { host: "evil.example" })).status).toBe(403);
    expect((await client.post(call, { origin: "https://evil.example" })).status).toBe(403);
    expect((await client.post(call)).status).toBe(200);
  });

  it("KNOWN-6, STREAMABLE-3: another URL is judged as ever", async () => {
    const { url, mcpUrl, sseUrl } = await serveMcp({ ahead });
    const client = await begin(`${mcpUrl}?tenant=acme`);
    expect((await client.post(call)).status).toBe(200);
    const others: [string, number][] = [
      [`${mcpUrl}/?tenant=acme`, 200],
      [`${mcpUrl}?tenant=hobby`, 404],
      [mcpUrl, 404],
      [`${mcpUrl}?tenant=acme&more`, 404],
      [`${sseUrl}?tenant=acme`, 404],
      [`${url}/elsewhere?tenant=acme`, 404],
    ];
    for (const [other, status] of others) {
      const answer = await postMessage(other, call, client.headers);
      expect([other, answer.status]).toEqual([other, status]);
    }
  });

  it("KNOWN-6, RIGHTS-1: another mount of the same router is another URL", async () => {
    const { url, mcpUrl, router } = await serveMcp({
      configure: (app) => app.use("/second", (req, res, next) => router(req, res, next)),
      ahead,
    });
    const client = await begin(mcpUrl);
    expect((await client.post(call)).status).toBe(200);
    expect((await postMessage(`${url}/second`, call, client.headers)).status).toBe(404);
  });

  it("RIGHTS-1: a URL that the app rewrites counts as what it is routed to", async () => {
    const { url, mcpUrl } = await serveMcp({
      configure: (app) =>
        app.use((req, res, next) => {
          const { "x-tenant": tenant } = req.headers;
          if (tenant === "blocked") res.status(418).end();
          else {
            req.url = req.url.replace(/^\/v1\//, "/mcp?tenant=");
            next();
          }
        }),
      ahead,
    });
    const client = await begin(`${url}/v1/acme`);
    expect((await client.post(call)).status).toBe(200);
    // The app says no to this one before it is anybody's.
    expect((await client.post(call, { "x-tenant": "blocked" })).status).toBe(418);
    expect((await postMessage(`${url}/v1/hobby`, call, client.headers)).status).toBe(404);
    expect((await postMessage(`${mcpUrl}?tenant=hobby`, call, client.headers)).status).toBe(404);
  });

  it("RIGHTS-1: headers that sessions are bound to are compared on each POST", async () => {
    const { mcpUrl } = await serveMcp({ sessions: { boundHeaders: ["x-tenant"] }, ahead });
    const client = await begin(mcpUrl, { ...asCaller(), "x-tenant": "acme" });
    expect((await client.post(call)).status).toBe(200);
    expect((await client.post(call, { "x-tenant": "hobby" })).status).toBe(404);
    expect((await client.post(call)).status).toBe(200);
  });

  it("KNOWN-6: a credential in the URL is verified each time, and kept nowhere", async () => {
    const key = "a-key-0123456789";
    let keys = [key];
    const auth: AuthConfig = {
      type: "apikey",
      options: { keys: () => keys, queryParam: "api_key" },
    };
    const { mcpUrl } = await serveMcp({ auth, ahead });
    secret(key);
    const client = await begin(`${mcpUrl}?api_key=${key}`, {});
    expect((await client.post(call)).status).toBe(200);
    const redacted = `${mcpUrl}?api_key=REDACTED`;
    expect((await postMessage(redacted, call, client.headers)).status).toBe(401);
    keys = ["another-key-0123456789"];
    expect((await client.post(call)).status).toBe(401);
  });

  it("AUTH-10: a renewed credential is what tools see", async () => {
    const { mcpUrl } = await serveMcp({ ahead });
    const client = await begin(mcpUrl, asCaller({ scope: "read" }));
    await client.post(call);
    const more = await client.post(whoami, asCaller({ scope: "read write" }));
    expect(JSON.parse(textOf(more.json))).toMatchObject({ scopes: ["read", "write"] });
    // The session has those rights by now, and the first credential has them not.
    expect((await client.post(call)).status).toBe(404);
  });
});

type Next = (error?: unknown) => void;
type Use = (
  path: string,
  middleware: (req: IncomingMessage, res: ServerResponse, next: Next) => void,
) => unknown;
const connect = jest.requireActual<() => RequestListener & { use: Use }>("connect");

describe("in a host without an app", () => {
  const routerFor = () => {
    secret(SECRET);
    const router = createMcpRouter({
      auth: JWT_AUTH,
      logger: false,
      createServer: () => createToolServer(),
    });
    onDispose(() => router.close({ timeoutMs: 0 }));
    return router as unknown as RequestListener;
  };

  it("HOST-2: a router that is the only listener knows its sessions", async () => {
    const { url } = await listen(routerFor());
    const client = await begin(`${url}/`);
    expect(await client.call("echo", { text: "one" })).toBe("one");
    expect((await client.post(initialize)).status).toBe(200);
    expect((await send(`${url}/other`)).status).toBe(404);
  });

  it("HOST-2, RIGHTS-1: a session at one mount is not reached through another", async () => {
    const app = connect();
    const router = routerFor();
    for (const mount of ["/secret", "/hobby", "/"]) app.use(mount, router);
    const { url } = await listen(app);
    for (const mount of ["/secret", "/hobby", "/"]) {
      const client = await begin(`${url}${mount}`);
      for (let times = 0; times < 2; times++) {
        expect((await client.post(call)).status).toBe(200);
        for (const other of ["/secret", "/hobby", "/"].filter((one) => one !== mount)) {
          const answer = await postMessage(`${url}${other}`, call, client.headers);
          expect([mount, other, answer.status]).toEqual([mount, other, 404]);
        }
      }
    }
  });
});
