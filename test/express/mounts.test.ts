import express from "express";
import type { RequestHandler } from "express";
import { createSseRouter } from "../../src/index.js";
import type { SseOptions, SseRouter } from "../../src/index.js";
import { asCaller, SESSION_ID } from "../kit/conversation.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { createToolServer } from "../kit/tools.js";
import { JWT_AUTH } from "../kit/serve.js";
import { listen } from "../kit/listen.js";
import { openStream } from "../kit/raw-sse.js";
import type { RawStream } from "../kit/raw-sse.js";

cleanUpAfterEach();

interface MountOptions extends SseOptions {
  readonly mount?: (app: express.Express, router: SseRouter) => void;
  readonly trustProxy?: unknown;
  readonly onParams?: (params: unknown) => void;
}

/** An app whose mount a test chooses. */
async function serveAt({
  mount = (app, router) => void app.use(router),
  trustProxy = false,
  onParams,
  ...rest
}: MountOptions): Promise<{ url: string }> {
  const router = createSseRouter({
    ...rest,
    auth: JWT_AUTH,
    createServer: ({ request }) => {
      onParams?.((request as express.Request).params);
      return createToolServer();
    },
  });
  const app = express();
  app.set("trust proxy", trustProxy);
  mount(app, router);
  onDispose(() => router.close({ timeoutMs: 0 }));
  return await listen(app);
}

/** The endpoint event's path without the session, and the stream it came on. */
async function endpointOf(
  url: string,
  { path, headers = {} }: { path?: string; headers?: Record<string, string> } = {},
): Promise<{ endpoint: string | undefined; stream: RawStream }> {
  const stream = await openStream(url, { ...asCaller(), ...headers }, path);
  if (stream.status !== 200) return { endpoint: undefined, stream };
  const { data } = await stream.nextEvent();
  const match = new RegExp(`^(.*)\\?sessionId=${SESSION_ID}$`).exec(data);
  return { endpoint: match?.[1], stream };
}

const at =
  (path: string) =>
  (app: express.Express, router: SseRouter): void =>
    void app.use(path, router);

describe("STREAM-2: the endpoint's path is right", () => {
  const MOUNTS: [string, string, string][] = [
    // mounted at, asked for, told to post to
    ["/", "/sse", "/messages"],
    ["/mcp", "/mcp/sse", "/mcp/messages"],
    ["/mcp/", "/mcp/sse", "/mcp/messages"],
    ["/a/b/c", "/a/b/c/sse/", "/a/b/c/messages"],
    ["/tenants/:tenant", "/tenants/a%20b/sse", "/tenants/a%20b/messages"],
    ["/tenants/:tenant/", "/tenants/%E2%82%AC/sse", "/tenants/%E2%82%AC/messages"],
    ["/:a/:b", "/x/y/sse", "/x/y/messages"],
    ["/:a", "/a%2Fb%3Fc%23d/sse", "/a%2Fb%3Fc%23d/messages"],
  ];

  it.each(MOUNTS)("at the mount %s for %s", async (mount, path, expected) => {
    const { url } = await serveAt({ mount: at(mount) });
    expect((await endpointOf(url, { path })).endpoint).toBe(expected);
  });

  it("in a sub-application", async () => {
    const mount: MountOptions["mount"] = (app, router) => {
      const sub = express();
      sub.use("/inner", router);
      app.use("/outer", sub);
    };
    const { url } = await serveAt({ mount });
    expect((await endpointOf(url, { path: "/outer/inner/sse" })).endpoint).toBe(
      "/outer/inner/messages",
    );
  });

  it("when middleware has rewritten the URL in front of the mount", async () => {
    const rewrite: RequestHandler = (req, _res, next) => {
      req.url = req.url.replace(/^\/v1/, "");
      next();
    };
    const mount: MountOptions["mount"] = (app, router) => {
      app.use(rewrite);
      app.use("/mcp", router);
    };
    const { url } = await serveAt({ mount, publicUrl: "http://localhost/v1/mcp" });
    expect((await endpointOf(url, { path: "/v1/mcp/sse" })).endpoint).toBe("/v1/mcp/messages");
  });

  it("for a request that names the whole URL, as to a proxy", async () => {
    const { url } = await serveAt({ mount: at("/mcp") });
    const { endpoint } = await endpointOf(url, { path: "http://evil.example/mcp/sse?a=b" });
    expect(endpoint).toBe("/mcp/messages");
  });
});

it("STREAM-2: parameters of the mount path reach createServer at session.request.params", async () => {
  const seen: unknown[] = [];
  const mount: MountOptions["mount"] = (app, router) => {
    const outer = express.Router({ mergeParams: true });
    outer.use("/:project", router);
    app.use("/tenants/:tenant/", outer);
  };
  const { url } = await serveAt({ mount, onParams: (params) => seen.push({ ...Object(params) }) });
  await endpointOf(url, { path: "/tenants/acme/blue/sse" });
  expect(seen).toEqual([{ tenant: "acme", project: "blue" }]);
});

describe("STREAM-2: behind a proxy, publicUrl decides", () => {
  const PUBLIC_URLS: [string, string][] = [
    ["https://api.example.com", "/messages"],
    ["https://api.example.com/", "/messages"],
    ["https://api.example.com/mcp", "/mcp/messages"],
    ["https://api.example.com/mcp/", "/mcp/messages"],
    ["https://api.example.com//evil.example/mcp", "/evil.example/mcp/messages"],
    ["https://api.example.com/.//evil.example", "/evil.example/messages"],
  ];

  it.each(PUBLIC_URLS)("%s", async (publicUrl, expected) => {
    const { url } = await serveAt({ publicUrl, mount: at("/internal") });
    expect((await endpointOf(url, { path: "/internal/sse" })).endpoint).toBe(expected);
  });
});

describe("STREAM-2: X-Forwarded-Prefix", () => {
  const FORWARDED = { "x-forwarded-for": "203.0.113.7", host: "api.example.com" };
  const PREFIXES: [string, string][] = [
    ["/api", "/api/mcp/messages"],
    ["/api/", "/api/mcp/messages"],
    ["/api/v1.0/~me", "/api/v1.0/~me/mcp/messages"],
    ["/", "/mcp/messages"],
    ["", "/mcp/messages"],
    ["api", "/mcp/messages"],
    ["//evil.example", "/mcp/messages"],
    ["///evil.example", "/mcp/messages"],
    ["/\\evil.example", "/mcp/messages"],
    ["/api//evil", "/mcp/messages"],
    ["https://evil.example", "/mcp/messages"],
    ["/api?x=1", "/mcp/messages"],
    ["/api#x", "/mcp/messages"],
    ["/api%0d%0adata: x", "/mcp/messages"],
    ["/a, /b", "/mcp/messages"],
    ["/..", "/mcp/messages"],
    ["/api/../..", "/mcp/messages"],
    ["/.", "/mcp/messages"],
  ];

  it.each(PREFIXES)("%j from a trusted proxy", async (prefix, expected) => {
    const { url } = await serveAt({ trustProxy: "loopback", mount: at("/mcp") });
    const headers = { ...FORWARDED, "x-forwarded-prefix": prefix };
    expect((await endpointOf(url, { path: "/mcp/sse", headers })).endpoint).toBe(expected);
  });

  it("counts as forwarding, if the proxy sends nothing else", async () => {
    const { url } = await serveAt({ trustProxy: "loopback", mount: at("/mcp") });
    const headers = { "x-forwarded-prefix": "/api" };
    expect((await endpointOf(url, { path: "/mcp/sse", headers })).endpoint).toBe(
      "/api/mcp/messages",
    );
  });

  it.each([false, 0, "10.0.0.0/8"])("is ignored with trust proxy %j", async (trustProxy) => {
    const { url } = await serveAt({ trustProxy, mount: at("/mcp") });
    const headers = { "x-forwarded-for": "203.0.113.7", "x-forwarded-prefix": "/api" };
    expect((await endpointOf(url, { path: "/mcp/sse", headers })).endpoint).toBe("/mcp/messages");
  });

  it("is ignored beside publicUrl", async () => {
    const options = { trustProxy: true, publicUrl: "https://api.example.com/mcp" };
    const { url } = await serveAt(options);
    const headers = { ...FORWARDED, "x-forwarded-prefix": "/api" };
    expect((await endpointOf(url, { path: "/sse", headers })).endpoint).toBe("/mcp/messages");
  });
});

describe("STREAM-1: the endpoint never names a host", () => {
  const MOUNTS: [string, string | RegExp][] = [
    ["the root", "/"],
    ["/:x", "/:x"],
    ["/:x/:y", "/:x/:y"],
    ["/:x/:y/:z", "/:x/:y/:z"],
    ["everything before /sse", /^(?:\/[^/]*)*?(?=\/sse)/],
  ];
  const PATHS = [
    "//evil.example/sse",
    "///evil.example/sse",
    "/\\evil.example/sse",
    "/\\/evil.example/sse",
    "/\\\\evil.example/sse",
    "/.//evil.example/sse",
    "/./\\evil.example/sse",
    "/../\\evil.example/sse",
    "/..//evil.example/sse",
    "/a/..//evil.example/sse",
    "/%2e/\\evil.example/sse",
    "/%2e%2e/%5cevil.example/sse",
    "/%2F%2Fevil.example/sse",
    "/x:@evil.example/sse",
    "/x%0d%0adata:%20y/sse",
    "/\t/sse",
    "//user:pass@evil.example:80/sse?x=//y",
    "http://evil.example//evil.example/sse",
  ].filter((path) => !path.includes("\t"));

  it.each(MOUNTS)("on a router at %s, for whatever path is asked for", async (_name, mount) => {
    const { url } = await serveAt({ mount: (app, router) => void app.use(mount, router) });
    for (const path of PATHS) {
      const { endpoint, stream } = await endpointOf(url, { path });
      stream.close();
      if (stream.status !== 200) continue;
      expect(endpoint).toMatch(/^\/(?![/\\])[^\\\r\n]*\/messages$|^\/messages$/);
      expect(new URL(endpoint!, "http://good.example").host).toBe("good.example");
    }
  });
});
