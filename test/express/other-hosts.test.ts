import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import express from "express";
import { createSseRouter } from "../../src/index.js";
import type { AuthConfig, SseOptions, SseRouter } from "../../src/index.js";
import { asCaller, converse } from "../kit/conversation.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { createToolServer } from "../kit/tools.js";
import { JWT_AUTH } from "../kit/serve.js";
import { listen } from "../kit/listen.js";
import { recordingLogger } from "../kit/leak-watch.js";
import { oauthFor } from "../kit/resource-server.js";
import { send } from "../kit/raw-http.js";
import { initialize, openSession, openStream } from "../kit/raw-sse.js";

cleanUpAfterEach();

type Next = (error?: unknown) => void;
type Middleware = (req: IncomingMessage, res: ServerResponse, next: Next) => void;
type Use = (path: string, middleware: Middleware) => unknown;

// By name, because their types are for their users.
const connect = jest.requireActual<() => RequestListener & { use: Use }>("connect");
interface Fastify {
  register(plugin: unknown): PromiseLike<unknown>;
  use: Use;
  listen(options: { port: number; host: string }): Promise<string>;
  close(): Promise<void>;
}

interface Host {
  readonly origin: string;
  readonly base: string;
}

/** Ways of running a router where there is no Express app. */
const HOSTS: Record<string, (...routers: Middleware[]) => Promise<Host>> = {
  "node:http": async (...routers) => {
    const { url } = await listen((req, res) => {
      const run = (index: number): void => {
        const router = routers[index];
        if (router === undefined) res.writeHead(404).end("theirs");
        else router(req, res, () => run(index + 1));
      };
      run(0);
    });
    return { origin: url, base: "" };
  },
  "node:http, with an Express router around it": async (...routers) => {
    const outer = express.Router();
    for (const router of routers) outer.use("/outer/mcp", router);
    const { url } = await listen((req, res) =>
      (outer as unknown as Middleware)(req, res, () => res.writeHead(404).end("theirs")),
    );
    return { origin: url, base: "/outer/mcp" };
  },
  connect: async (...routers) => {
    const inner = connect();
    for (const router of routers) inner.use("/mcp", router);
    const app = connect();
    app.use("/inner", inner);
    return { origin: (await listen(app)).url, base: "/inner/mcp" };
  },
  "Fastify with middie": async (...routers) => {
    const fastify = jest.requireActual<() => Fastify>("fastify")();
    onDispose(() => fastify.close());
    await fastify.register(jest.requireActual("@fastify/middie"));
    for (const router of routers) fastify.use("/mcp", router);
    return { origin: await fastify.listen({ port: 0, host: "127.0.0.1" }), base: "/mcp" };
  },
};

const OAUTH = oauthFor({ url: "https://auth.example.com" }, { scopes: ["mcp:read"] });
const WELL_KNOWN = "/.well-known/oauth-protected-resource";

function routerFor(options: SseOptions & { auth?: AuthConfig } = {}): {
  router: SseRouter;
  middleware: Middleware;
  lines: readonly string[];
} {
  const logger = recordingLogger();
  const { auth = JWT_AUTH, ...rest } = options;
  const router = createSseRouter({
    logger,
    createServer: () => createToolServer(),
    ...rest,
    auth: auth,
  });
  onDispose(() => router.close({ timeoutMs: 0 }));
  return { router, middleware: router as unknown as Middleware, lines: logger.lines };
}

describe.each(Object.keys(HOSTS))("in %s", (name) => {
  const serve = HOSTS[name]!;

  it("HOST-2: sessions work, on the ordinary way and the one that knows their POSTs", async () => {
    const { router, middleware } = routerFor();
    const { origin, base } = await serve(middleware);
    const conversation = await converse(`${origin}${base}/sse`);
    expect(conversation.endpoint).toMatch(new RegExp(`^${base}/messages\\?sessionId=`));
    expect(await conversation.call("echo", { text: "one" })).toBe("one");
    expect(await conversation.call("echo", { text: "two" })).toBe("two");
    expect(router.sessions.size).toBe(1);
  });

  it("HOST-2: refusals are ours, and every other path is the host's", async () => {
    const { middleware } = routerFor();
    const { origin, base } = await serve(middleware);
    expect((await send(`${origin}${base}/sse`)).json).toMatchObject({
      error: "missing_credential",
    });
    expect((await send(`${origin}${base}/other`)).status).toBe(404);
    expect((await send(`${origin}${base}/sse`, { method: "POST" })).status).toBe(405);
  });

  it("HOST-2: no proxy is trusted, whatever it says", async () => {
    const { middleware } = routerFor({ auth: OAUTH });
    const { origin, base } = await serve(middleware);
    const headers = {
      "x-forwarded-host": "evil.example",
      "x-forwarded-proto": "https",
      "x-forwarded-prefix": "/evil",
    };
    const { headers: answer } = await send(`${origin}${base}/sse`, { headers });
    expect(answer["www-authenticate"]).toContain(
      `resource_metadata="${origin}${base}${WELL_KNOWN}/sse"`,
    );
  });

  it("HOST-2, OAUTH-3: the document of a challenge answers", async () => {
    const { middleware } = routerFor({ auth: OAUTH });
    const { origin, base } = await serve(middleware);
    const { json } = await send(`${origin}${base}${WELL_KNOWN}/sse`);
    expect(json).toMatchObject({ resource: `${origin}${base}/sse` });
  });

  it("HOST-2: guard lets callers through", async () => {
    const { router } = routerFor();
    const guard = router.guard as unknown as Middleware;
    const { origin, base } = await serve(guard, (req, res) =>
      res.end((req as { user?: { id: string } }).user?.id),
    );
    expect((await send(`${origin}${base}/`, { headers: asCaller({ sub: "ada" }) })).text).toBe(
      "ada",
    );
    expect((await send(`${origin}${base}/`)).status).toBe(401);
  });
});

describe("a router at several mounts of a host without an app", () => {
  const hostWith = async () => {
    const { middleware } = routerFor();
    const app = connect();
    for (const mount of ["/secret", "/hobby", "/"]) app.use(mount, middleware);
    const { url } = await listen(app);
    const headers = { ...asCaller(), "content-type": "application/json" };
    const body = JSON.stringify(initialize);
    const callAt = async (mount: string, search: string): Promise<number> => {
      const { status } = await send(`${url}${mount}/messages${search}`, {
        method: "POST",
        headers,
        body,
      });
      return status;
    };
    return { url, callAt };
  };

  it.each([
    ["/secret", ["/hobby", "", "/SECRET"]],
    ["", ["/hobby", "/secret"]],
  ])(
    "HOST-2, RIGHTS-1: a session at %p is not reached through another mount",
    async (mount, others) => {
      const { url, callAt } = await hostWith();
      const { postUrl } = await openSession(`${url}${mount}/sse`, asCaller());
      const { search } = new URL(postUrl);
      for (const other of others) expect(await callAt(other, search)).toBe(404);
      expect(await callAt(mount, search)).toBe(202);
      for (const other of others) expect(await callAt(other, search)).toBe(404);
    },
  );

  it("HOST-2, RIGHTS-1: nor one that was opened with a URL in absolute form", async () => {
    const { url, callAt } = await hostWith();
    const stream = await openStream(`${url}/`, asCaller(), `${url}/secret/sse`);
    const { data: endpoint } = await stream.nextEvent();
    expect(endpoint).toMatch(/^\/secret\/messages\?/);
    const { search } = new URL(endpoint, url);
    for (const other of ["/hobby", ""]) expect(await callAt(other, search)).toBe(404);
    expect(await callAt("/secret", search)).toBe(202);
  });
});

describe("documents at the root of a host without an app", () => {
  const hostWith = async (options: SseOptions) => {
    const { router, middleware, lines } = routerFor({ ...options, auth: OAUTH });
    const app = connect();
    app.use("/mcp", middleware);
    app.use("/", router.wellKnown as unknown as Middleware);
    return { url: (await listen(app)).url, lines };
  };

  it("HOST-2, OAUTH-3: publicUrl says where the router is", async () => {
    const { url } = await hostWith({ publicUrl: "http://127.0.0.1/mcp" });
    expect((await send(`${url}${WELL_KNOWN}/mcp/sse`)).json).toMatchObject({
      resource: "http://127.0.0.1/mcp/sse",
    });
  });

  it("HOST-2, OAUTH-3: without it the first request does, and until then the log says what to write", async () => {
    const { url, lines } = await hostWith({});
    expect((await send(`${url}${WELL_KNOWN}/mcp/sse`)).status).toBe(404);
    expect(lines.filter((line) => line.includes("set publicUrl"))).toHaveLength(1);
    await send(`${url}/mcp/sse`);
    expect((await send(`${url}${WELL_KNOWN}/mcp/sse`)).json).toMatchObject({
      resource: `${url}/mcp/sse`,
    });
    expect((await send(`${url}${WELL_KNOWN}/other/sse`)).status).toBe(404);
  });

  it("HOST-2, OAUTH-4: another spelling of the path does not make the router's own unknown", async () => {
    const { middleware, router } = routerFor({ auth: OAUTH });
    const fastify = jest.requireActual<() => Fastify>("fastify")();
    onDispose(() => fastify.close());
    await fastify.register(jest.requireActual("@fastify/middie"));
    fastify.use("/mcp", middleware);
    fastify.use("/", router.wellKnown as unknown as Middleware);
    const url = await fastify.listen({ port: 0, host: "127.0.0.1" });
    expect((await send(`${url}/%6dcp/sse`)).status).toBe(401);
    await send(`${url}/mcp/sse`);
    expect((await send(`${url}${WELL_KNOWN}/mcp/sse`)).json).toMatchObject({
      resource: `${url}/mcp/sse`,
    });
  });
});

describe("a router that is a server's only listener", () => {
  it("HOST-2: answers for every path, also in absolute form", async () => {
    const { router } = routerFor();
    const { url } = await listen(router as unknown as RequestListener);
    expect((await send(`${url}/other`)).json).toMatchObject({ error: "not_found" });
    const conversation = await converse(`${url}/sse`);
    expect(await conversation.call("echo", { text: "one" })).toBe("one");
    expect((await send(`${url}/sse`, { path: `${url}/sse` })).status).toBe(401);
  });

  it("HOST-2: can be put ahead of another", async () => {
    const { router } = routerFor();
    const { url } = await listen(router.ahead(router as unknown as RequestListener));
    const conversation = await converse(`${url}/sse`);
    expect(await conversation.call("echo", { text: "one" })).toBe("one");
  });
});
