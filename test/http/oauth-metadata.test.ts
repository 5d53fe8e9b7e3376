import express from "express";
import type { Express } from "express";
import { createSseRouter } from "../../src/index.js";
import type { AuthConfig, SseOptions, SseRouter } from "../../src/index.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { startMcpServer } from "../kit/serve.js";
import { createToolServer, registerTools } from "../kit/tools.js";
import { listen } from "../kit/listen.js";
import { recordingLogger } from "../kit/leak-watch.js";
import { AUDIENCE, oauthFor } from "../kit/resource-server.js";
import { send } from "../kit/raw-http.js";
import type { RawAnswer, RawRequest } from "../kit/raw-http.js";

cleanUpAfterEach();

const WELL_KNOWN = "/.well-known/oauth-protected-resource";
const ISSUER = "https://auth.example.com";
const OAUTH = oauthFor({ url: ISSUER }, { scopes: ["mcp:read"] });
const KEYS = { type: "apikey", options: { keys: ["key-1-0123456789"] } } as const;

function routerFor(options: SseOptions & { auth?: AuthConfig } = {}): SseRouter {
  const { auth = OAUTH, ...rest } = options;
  const router = createSseRouter({
    ...{ logger: recordingLogger(), createServer: () => createToolServer() },
    ...rest,
    auth,
  });
  onDispose(() => router.close({ timeoutMs: 0 }));
  return router;
}

/** An app with one router, which `mount` puts in its place. */
async function serve(
  mount: (app: Express, router: SseRouter) => void,
  options?: Parameters<typeof routerFor>[0],
): Promise<string> {
  const app = express();
  const router = routerFor(options);
  mount(app, router);
  app.use(router.wellKnown);
  return (await listen(app)).url;
}

/** The document's `resource`, or the status of the refusal. */
async function resourceAt(url: string, request?: RawRequest): Promise<unknown> {
  const { status, json } = await send(url, request);
  return status === 200 ? (json as { resource: string }).resource : status;
}

/** Where the challenge of a 401 leads. */
function metadataUrlIn({ status, headers }: RawAnswer): string {
  expect(status).toBe(401);
  const [, url] = /resource_metadata="([^"]+)"/.exec(headers["www-authenticate"] ?? "") ?? [];
  if (url === undefined) throw new Error(`no resource_metadata in ${JSON.stringify(headers)}`);
  return url;
}

describe("the document", () => {
  it("OAUTH-3: says what RFC 9728 asks for, and no more than is true", async () => {
    const url = await serve((app, router) => app.use("/mcp", router));

    expect((await send(`${url}${WELL_KNOWN}/mcp/sse`)).json).toEqual({
      resource: `${url}/mcp/sse`,
      authorization_servers: [ISSUER],
      scopes_supported: ["mcp:read"],
      bearer_methods_supported: ["header"],
    });
  });

  it("OAUTH-5: is JSON that pages of every origin may read, and private to each client's cache", async () => {
    const url = await serve((app, router) => app.use("/mcp", router));
    for (const place of [`${WELL_KNOWN}/mcp/sse`, `/mcp${WELL_KNOWN}/sse`]) {
      const answer = await send(url + place, { headers: { origin: "https://any.example" } });

      expect(answer.headers).toMatchObject({
        "content-type": "application/json",
        "access-control-allow-origin": "*",
        "cache-control": "private, max-age=300",
        "content-length": String(answer.text.length),
      });
    }
  });

  it("OAUTH-5: answers the preflight of every page", async () => {
    const url = await serve((app, router) => app.use("/mcp", router));
    for (const place of [`${WELL_KNOWN}/mcp/sse`, `/mcp${WELL_KNOWN}/sse`]) {
      const answer = await send(url + place, {
        method: "OPTIONS",
        headers: {
          origin: "https://any.example",
          "access-control-request-method": "GET",
          "access-control-request-headers": "mcp-protocol-version",
        },
      });

      expect(answer.status).toBe(204);
      expect(answer.headers["access-control-allow-origin"]).toBe("*");
      expect(answer.headers["access-control-allow-methods"]).toBe("GET, OPTIONS");
      expect(answer.headers["access-control-allow-headers"]).toBe("Mcp-Protocol-Version");
    }
  });

  it.each(["POST", "DELETE", "PUT"])("OAUTH-5: takes no %s", async (method) => {
    const url = await serve((app, router) => app.use("/mcp", router));
    for (const place of [`${WELL_KNOWN}/mcp/sse`, `/mcp${WELL_KNOWN}/sse`]) {
      const { status, headers, json } = await send(url + place, { method });
      expect([status, headers.allow]).toEqual([405, "GET, OPTIONS"]);
      expect(json).toMatchObject({ error: "method_not_allowed" });
    }
  });
});

describe("where the document of a mounted router is", () => {
  /** Ways to mount a router, and the paths at which clients then find its stream. */
  const mounts: Record<
    string,
    { mount: (app: Express, router: SseRouter) => void; paths: string[] }
  > = {
    "at the root": { mount: (app, router) => app.use(router), paths: ["/sse"] },
    "below a prefix": { mount: (app, router) => app.use("/mcp", router), paths: ["/mcp/sse"] },
    "below a prefix that ends with a slash": {
      mount: (app, router) => app.use("/mcp/", router),
      paths: ["/mcp/sse"],
    },
    "below a prefix in another case": {
      mount: (app, router) => app.use("/MCP", router),
      paths: ["/MCP/sse", "/mcp/sse"],
    },
    "below several prefixes": {
      mount: (app, router) => app.use(["/a", "/b/c"], router),
      paths: ["/a/sse", "/b/c/sse"],
    },
    "below a pattern": {
      mount: (app, router) => app.use(/^\/v[12]/, router),
      paths: ["/v1/sse", "/v2/sse"],
    },
    "below a parameter, in nested routers": {
      mount: (app, router) => {
        const [outer, inner] = [express.Router(), express.Router()];
        inner.use("/mcp", router);
        outer.use("/tenants/:tenant", inner);
        app.use("/api", outer);
      },
      paths: ["/api/tenants/acme/mcp/sse", "/api/tenants/a%20b/mcp/sse"],
    },
    "behind middleware in the same call": {
      mount: (app, router) => app.use("/mcp", (_req, _res, next) => next(), router),
      paths: ["/mcp/sse"],
    },
    "below a prefix that others have too": {
      mount: (app, router) => {
        const other: express.RequestHandler = (_req, _res, next) => next();
        app.use("/mcp", express.Router(), Object.assign(other, { stack: { length: 1 } }));
        app.use("/mcp", router);
      },
      paths: ["/mcp/sse"],
    },
  };

  it.each(Object.entries(mounts))(
    "OAUTH-3: %s: at the root for its path, before any other request, and below itself",
    async (_where, { mount, paths }) => {
      const url = await serve(mount);
      for (const path of paths) {
        const inserted = url + WELL_KNOWN + path;
        const below = url + path.replace(/\/sse$/, `${WELL_KNOWN}/sse`);
        expect(await resourceAt(inserted)).toBe(url + path);
        expect(await resourceAt(below)).toBe(url + path);
        expect(await resourceAt(below.replace(/\/sse$/, ""))).toBe(url + path);
        expect(metadataUrlIn(await send(url + path))).toBe(below);
      }
    },
  );

  it.each(Object.entries(mounts))(
    "OAUTH-4: %s: no document speaks of a path that does not lead to the router",
    async (_where, { mount }) => {
      const url = await serve(mount);
      const paths = ["/x/sse", "/mcp", "/mcp/x/sse", "/mcp/messages", "/ssex", "//evil/sse"];
      for (const path of [...paths, "/mcp/sse/x", "/%ff/sse", "/mcp/../sse"]) {
        expect(await resourceAt(url, { path: WELL_KNOWN + path })).toBe(404);
      }
    },
  );

  it.each<[string, (app: Express, router: SseRouter) => void]>([
    [
      "in a sub-app",
      (app, router) => {
        const sub = express();
        sub.use("/mcp", router);
        app.use("/sub", sub);
      },
    ],
    [
      "wrapped in a function",
      (app, router) => app.use("/sub/mcp", (req, res, next) => void router(req, res, next)),
    ],
  ])(
    "OAUTH-3: %s, where it cannot be seen: as soon as a request has come there",
    async (_w, mount) => {
      const url = await serve(mount);
      expect(await resourceAt(`${url}${WELL_KNOWN}/sub/mcp/sse`)).toBe(404);

      const document = metadataUrlIn(await send(`${url}/sub/mcp/sse`));

      expect(await resourceAt(document)).toBe(`${url}/sub/mcp/sse`);
      expect(await resourceAt(`${url}${WELL_KNOWN}/sub/mcp/sse`)).toBe(`${url}/sub/mcp/sse`);
    },
  );

  it.each<[string, SseOptions]>([
    ["", {}],
    ["publicUrl", { publicUrl: "https://mcp.example.com/sub/mcp" }],
  ])("OAUTH-3: the root document is there once there is only one mount %s", async (_w, options) => {
    const url = await serve((app, router) => app.use("/sub/mcp", router), options);
    const origin = options.publicUrl === undefined ? url : "https://mcp.example.com";

    await send(`${url}/sub/mcp/sse`);
    expect(await resourceAt(url + WELL_KNOWN)).toBe(`${origin}/sub/mcp/sse`);
    // Nobody takes it away by asking in another spelling.
    await send(`${url}/SUB/mcp/sse`);
    expect(await resourceAt(url + WELL_KNOWN)).toBe(`${origin}/sub/mcp/sse`);
    expect(await resourceAt(`${url}${WELL_KNOWN}/`)).toBe(`${origin}/sub/mcp/sse`);
  });

  it("OAUTH-3: the root document of a router at the root is there from the beginning", async () => {
    const url = await serve((app, router) => app.use(router));
    expect(await resourceAt(url + WELL_KNOWN)).toBe(`${url}/sse`);
  });

  it("OAUTH-4: with several mounts the root document speaks of none", async () => {
    const url = await serve((app, router) => app.use("/tenants/:tenant", router));
    await send(`${url}/tenants/a/sse`);
    await send(`${url}/tenants/b/sse`);

    expect(await resourceAt(url + WELL_KNOWN)).toBe(404);
    expect(await resourceAt(`${url}${WELL_KNOWN}/tenants/c/sse`)).toBe(`${url}/tenants/c/sse`);
  });
});

describe("two routers in one app, with different issuers", () => {
  async function serveTwo(order: "as mounted" | "the other way round"): Promise<string> {
    const app = express();
    const one = routerFor({ auth: oauthFor({ url: "https://one.example" }) });
    const two = routerFor({ auth: oauthFor({ url: "https://two.example" }) });
    const documents = [one.wellKnown, two.wellKnown];
    app.use(order === "as mounted" ? documents : documents.reverse());
    app.use("/one", one);
    app.use("/two", two);
    return (await listen(app)).url;
  }

  it.each(["as mounted", "the other way round"] as const)(
    "OAUTH-4: each has the document of its own path and of no other: %s",
    async (order) => {
      const url = await serveTwo(order);
      const check = async (): Promise<void> => {
        for (const name of ["one", "two"]) {
          const { json } = await send(`${url}${WELL_KNOWN}/${name}/sse`);
          expect(json).toMatchObject({
            resource: `${url}/${name}/sse`,
            authorization_servers: [`https://${name}.example`],
          });
          const below = await send(metadataUrlIn(await send(`${url}/${name}/sse`)));
          expect(below.json).toEqual(json);
        }
        expect(await resourceAt(`${url}${WELL_KNOWN}/three/sse`)).toBe(404);
      };
      await check();
      await check(); // also when each has seen a request
    },
  );
});

describe("behind a proxy", () => {
  const trusting = (app: Express, router: SseRouter): void => {
    app.set("trust proxy", "loopback");
    app.use("/mcp", router);
  };
  const forwarded = {
    "x-forwarded-proto": "https",
    "x-forwarded-host": "mcp.example.com",
  };

  it("OAUTH-4: names the scheme and host that a trusted proxy names", async () => {
    const url = await serve(trusting, { allowedHosts: ["mcp.example.com", "127.0.0.1"] });
    const headers = { ...forwarded, host: "mcp.example.com" };

    const document = metadataUrlIn(await send(`${url}/mcp/sse`, { headers }));

    expect(document).toBe(`https://mcp.example.com/mcp${WELL_KNOWN}/sse`);
    expect(await resourceAt(url, { path: new URL(document).pathname, headers })).toBe(
      "https://mcp.example.com/mcp/sse",
    );
    expect(await resourceAt(`${url}${WELL_KNOWN}/mcp/sse`, { headers })).toBe(
      "https://mcp.example.com/mcp/sse",
    );
  });

  it("OAUTH-4: does not listen to a proxy that the app does not trust", async () => {
    const url = await serve((app, router) => app.use("/mcp", router));

    expect(await resourceAt(`${url}${WELL_KNOWN}/mcp/sse`, { headers: forwarded })).toBe(
      `${url}/mcp/sse`,
    );
  });

  it("OAUTH-4: publicUrl counts, whatever the request says", async () => {
    const url = await serve(trusting, { publicUrl: "https://mcp.example.com/mcp/" });
    const headers = { ...forwarded, "x-forwarded-host": "evil.example" };
    for (const place of [`${WELL_KNOWN}/mcp/sse`, `/mcp${WELL_KNOWN}/sse`, WELL_KNOWN]) {
      expect(await resourceAt(url + place, { headers })).toBe("https://mcp.example.com/mcp/sse");
    }
    expect(metadataUrlIn(await send(`${url}/mcp/sse`))).toBe(
      `https://mcp.example.com/mcp${WELL_KNOWN}/sse`,
    );
  });

  it("OAUTH-4: a prefix that a proxy takes away is in every URL", async () => {
    const url = await serve(
      (app, router) => {
        app.set("trust proxy", true);
        app.use("/mcp", router);
      },
      { allowedHosts: ["mcp.example.com"] },
    );
    const headers = {
      ...forwarded,
      host: "mcp.example.com",
      "x-forwarded-prefix": "/api",
    };

    const document = metadataUrlIn(await send(`${url}/mcp/sse`, { headers }));

    expect(document).toBe(`https://mcp.example.com/api/mcp${WELL_KNOWN}/sse`);
    const behind = new URL(document).pathname.replace("/api", "");
    for (const path of [behind, `${WELL_KNOWN}/mcp/sse`, WELL_KNOWN]) {
      expect(await resourceAt(url, { path, headers })).toBe("https://mcp.example.com/api/mcp/sse");
    }
    // It is the word of one request, and nothing that others hear.
    const { host } = headers;
    expect(await resourceAt(url, { path: WELL_KNOWN, headers: { host } })).toBe(
      "http://mcp.example.com/mcp/sse",
    );
  });

  it.each([
    ["x-forwarded-proto", "javascript"],
    ["x-forwarded-proto", 'https", x="'],
    ["x-forwarded-host", "evil.example/path"],
    ["x-forwarded-host", 'a", error="b'],
    ["host", "evil.example:80:80"],
    ["host", "a@evil.example"],
    ["host", ""],
  ])("OAUTH-4: a %s of %j comes into no URL", async (name, value) => {
    const url = await serve(trusting);
    const headers = { "x-forwarded-for": "192.0.2.1", [name]: value };
    const setHost = name !== "host";

    expect(await resourceAt(`${url}/mcp${WELL_KNOWN}/sse`, { headers, setHost })).toBe(404);
    const { headers: answer } = await send(`${url}/mcp/sse`, { headers, setHost });
    expect(answer["www-authenticate"] ?? "").not.toContain("resource_metadata");
  });
});

describe("the challenge", () => {
  it("OAUTH-6: is Bearer first, with the document, whatever else is offered", async () => {
    for (const auth of [
      [KEYS, OAUTH],
      [OAUTH, KEYS],
    ] as const) {
      const url = await serve((app, router) => app.use("/mcp", router), { auth });
      const { rawHeaders } = await send(`${url}/mcp/sse`);
      const lines = rawHeaders.filter((_, index) => rawHeaders[index - 1] === "WWW-Authenticate");

      expect(lines).toEqual([
        `Bearer realm="mcp", scope="mcp:read", resource_metadata="${url}/mcp${WELL_KNOWN}/sse"`,
        'ApiKey realm="mcp"',
      ]);
    }
  });

  it("OAUTH-6: of a POST leads to the same document", async () => {
    const url = await serve((app, router) => app.use("/mcp", router));
    const answer = await send(`${url}/mcp/messages?sessionId=x`, { method: "POST" });

    expect(metadataUrlIn(answer)).toBe(`${url}/mcp${WELL_KNOWN}/sse`);
  });
});

describe("without OAuth", () => {
  it("OAUTH-3: a router has no well-known route, and its challenge no document", async () => {
    const url = await serve((app, router) => app.use("/mcp", router), { auth: KEYS });

    for (const place of ["", "/mcp/sse"])
      expect(await resourceAt(url + WELL_KNOWN + place)).toBe(404);
    expect(await resourceAt(`${url}/mcp${WELL_KNOWN}/sse`)).toBe(404);
    expect((await send(`${url}/mcp/sse`)).headers["www-authenticate"]).toBe('ApiKey realm="mcp"');
  });
});

describe("MCPServer", () => {
  async function start(auth: AuthConfig, options: SseOptions = {}): Promise<string> {
    const server = await startMcpServer({
      setup: registerTools,
      transport: { type: "sse", options: { ...options, auth, port: 0 } },
    });
    return server.url!.replace(/\/sse$/, "");
  }

  // An entry without a `type` is taken as it is, and needs no issuer to be started.
  const takesTokens: AuthConfig = {
    name: "tokens",
    strategies: [{ authenticate: () => undefined }],
    principal: () => ({ id: AUDIENCE }),
    findCredential: () => undefined,
    challenge: { scheme: "Bearer" },
    authorizationServers: () => [ISSUER],
  };

  it("OAUTH-3: serves every document from the beginning", async () => {
    const url = await start(takesTokens);
    for (const place of [WELL_KNOWN, `${WELL_KNOWN}/sse`]) {
      expect(await resourceAt(url + place)).toBe(`${url}/sse`);
    }
    expect(await resourceAt(metadataUrlIn(await send(`${url}/sse`)))).toBe(`${url}/sse`);
  });

  it("OAUTH-3: answers 404 as JSON on well-known paths that are not there", async () => {
    const url = await start(KEYS);
    for (const path of [WELL_KNOWN, `${WELL_KNOWN}/sse`, "/.well-known/openid-configuration"]) {
      const { status, json } = await send(url + path);
      expect([status, json]).toMatchObject([404, { error: "not_found" }]);
    }
  });
});
