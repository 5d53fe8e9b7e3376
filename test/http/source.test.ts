import cors from "cors";
import { createSseRouter } from "../../src/index.js";
import type { AuthConfig, SseOptions } from "../../src/index.js";
import { asCaller } from "../kit/conversation.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { describeEveryMount, JWT_AUTH, serveRouter } from "../kit/serve.js";
import { RawConnection, send } from "../kit/raw-http.js";
import type { RawAnswer } from "../kit/raw-http.js";

cleanUpAfterEach();

const APP = "https://app.example.com";
const JSON_TYPE = { "content-type": "application/json" };

/** The statuses of a GET and a POST with good credentials: 200 and 404 if their source is let in. */
async function statuses(
  { sseUrl, messagesUrl }: { sseUrl: string; messagesUrl: string },
  headers: Record<string, string>,
): Promise<[number, number, string?]> {
  const all = { ...asCaller(), ...JSON_TYPE, ...headers };
  const get = await send(sseUrl, { headers: all });
  const post = await send(`${messagesUrl}?sessionId=x`, {
    method: "POST",
    headers: all,
    body: "x",
  });
  return get.status === 200
    ? [get.status, post.status]
    : [get.status, post.status, (get.json as { error: string }).error];
}

const ALLOWED = [200, 404];
const HOST_REFUSED = [403, 403, "host_not_allowed"];
const ORIGIN_REFUSED = [403, 403, "origin_not_allowed"];

describeEveryMount((serve) => {
  const GOOD_HOSTS = [
    "localhost",
    "localhost:1",
    "LocalHost:8080",
    "127.0.0.1",
    "127.0.0.1:99999",
    "127.8.9.10",
    "[::1]",
    "[::1]:8080",
    "app.localhost",
    "localhost:",
  ];
  const BAD_HOSTS = [
    "evil.example",
    "evil.example:8080",
    "localhost.evil.com",
    "127.0.0.1.evil.com",
    "evil.com:127.0.0.1",
    "evil-localhost",
    "localhost@evil.com",
    "localhost/evil.com",
    "evil.com#localhost",
    "127.1",
    "127.0.0.256",
    "2130706433",
    "0.0.0.0",
    "[::]",
    "[::2]",
    "::1",
    "localhost.",
    "127.0.0.1.",
    "localhost:80:80",
    "localhost, evil.com",
    "",
    "%6cocalhost",
  ];

  it.each(GOOD_HOSTS)("SOURCE-1: on loopback, Host %j is ours", async (host) => {
    expect(await statuses(await serve(), { host })).toEqual(ALLOWED);
  });

  it.each(BAD_HOSTS)("SOURCE-1: on loopback, Host %j is refused on GET and POST", async (host) => {
    expect(await statuses(await serve(), { host })).toEqual(HOST_REFUSED);
  });

  it("SOURCE-1: a request of HTTP/1.0 without Host is refused on loopback", async () => {
    const { sseUrl, port } = await serve();
    const connection = await RawConnection.open(port);
    connection.write(`GET ${new URL(sseUrl).pathname} HTTP/1.0\r\n\r\n`);
    expect((await connection.nextAnswer()).status).toBe(403);
  });

  it("SOURCE-1: a foreign Host is refused before authentication, with nothing about credentials", async () => {
    const { sseUrl } = await serve();
    const answer = await send(sseUrl, { headers: { host: "evil.example" } });
    expect(answer.status).toBe(403);
    expect(answer.headers["www-authenticate"]).toBeUndefined();
    expect(answer.json).toEqual({
      error: "host_not_allowed",
      error_description: expect.stringContaining("allowedHosts"),
    });
    expect(answer.text).not.toContain("evil");
  });

  const LISTS: [readonly string[], string, unknown][] = [
    [["api.example.com"], "api.example.com", ALLOWED],
    [["api.example.com"], "API.Example.com:8443", ALLOWED],
    [["API.example.com:8443"], "api.example.com:8443", ALLOWED],
    [["api.example.com:8443"], "api.example.com", HOST_REFUSED],
    [["api.example.com:8443"], "api.example.com:8444", HOST_REFUSED],
    [["api.example.com"], "api.example.com.evil.com", HOST_REFUSED],
    [["api.example.com"], "xapi.example.com", HOST_REFUSED],
    [["api.example.com"], "localhost", HOST_REFUSED],
    [["api.example.com"], "", HOST_REFUSED],
    [["[::1]"], "[::1]:3000", ALLOWED],
    [["a.example", "b.example"], "b.example", ALLOWED],
  ];

  it.each(LISTS)(
    "SOURCE-1: with allowedHosts %j, Host %j",
    async (allowedHosts, host, expected) => {
      expect(await statuses(await serve({ allowedHosts }), { host })).toEqual(expected);
    },
  );

  const ORIGINS: [string, Partial<SseOptions>, Record<string, string>, unknown][] = [
    ["no page", {}, {}, ALLOWED],
    ["a foreign page", {}, { origin: "https://evil.example" }, ORIGIN_REFUSED],
    ["a page from a file", {}, { origin: "null" }, ORIGIN_REFUSED],
    ["an empty origin", {}, { origin: "" }, ORIGIN_REFUSED],
    ["a page of this server", {}, { origin: "http://localhost:1", host: "localhost:1" }, ALLOWED],
    [
      "a page on another port",
      {},
      { origin: "http://localhost:2", host: "localhost:1" },
      ORIGIN_REFUSED,
    ],
    [
      "a page that only begins like this server",
      {},
      { origin: "http://localhost:1.evil.com", host: "localhost:1" },
      ORIGIN_REFUSED,
    ],
    [
      "a page after DNS rebinding",
      {},
      { origin: "http://evil.example", host: "evil.example" },
      HOST_REFUSED,
    ],
    ["a listed page", { cors: { allowOrigins: [APP] } }, { origin: APP }, ALLOWED],
    [
      "a listed page's cousin",
      { cors: { allowOrigins: [APP] } },
      { origin: `${APP}.evil.com` },
      ORIGIN_REFUSED,
    ],
    [
      "a listed page over http",
      { cors: { allowOrigins: [APP] } },
      { origin: "http://app.example.com" },
      ORIGIN_REFUSED,
    ],
    [
      "two origins",
      { cors: { allowOrigins: [APP] } },
      { origin: `${APP}, ${APP}` },
      ORIGIN_REFUSED,
    ],
    [
      "any page with *",
      { cors: { allowOrigins: ["*"] } },
      { origin: "https://evil.example" },
      ALLOWED,
    ],
    ["null, listed", { cors: { allowOrigins: ["null"] } }, { origin: "null" }, ALLOWED],
    ["empty entries", { cors: { allowOrigins: ["", " "] } }, { origin: "" }, ORIGIN_REFUSED],
  ];

  it.each(ORIGINS)("SOURCE-2: %s", async (_name, options, headers, expected) => {
    expect(await statuses(await serve(options), headers)).toEqual(expected);
  });

  it("SOURCE-3: a preflight is answered before authentication", async () => {
    const auth = [
      JWT_AUTH,
      { type: "apikey", options: { keys: ["an-api-key-0123456789"], headerName: "X-Key" } },
    ] satisfies AuthConfig;
    const { sseUrl, messagesUrl } = await serve({ auth, cors: { allowOrigins: [APP] } });
    for (const url of [sseUrl, messagesUrl, `${messagesUrl}?sessionId=x`]) {
      const { status, headers, text } = await send(url, {
        method: "OPTIONS",
        headers: {
          origin: APP,
          "access-control-request-method": "POST",
          "access-control-request-headers": "authorization,x-evil",
        },
      });
      expect([status, text]).toEqual([204, ""]);
      expect(headers["access-control-allow-origin"]).toBe(APP);
      expect(headers.vary).toContain("Origin");
      expect(headers["access-control-allow-methods"]).toBe("GET,POST,OPTIONS");
      expect(headers["access-control-allow-credentials"]).toBeUndefined();
      expect(headers["access-control-allow-headers"]?.split(",")).toEqual([
        "Authorization",
        "Content-Type",
        "Mcp-Protocol-Version",
        "Last-Event-ID",
        "X-MCP-Instance",
        "X-Key",
      ]);
    }
  });

  it("SOURCE-2: a preflight of a foreign page, or to a foreign Host, is refused", async () => {
    const { sseUrl, messagesUrl } = await serve({ cors: { allowOrigins: [APP] } });
    for (const url of [sseUrl, messagesUrl]) {
      for (const foreign of [{ origin: "https://evil.example" }, { host: "evil.example" }]) {
        const answer = await send(url, { method: "OPTIONS", headers: { origin: APP, ...foreign } });
        expect(answer.status).toBe(403);
        expect(answer.json.error).toMatch(/^(origin|host)_not_allowed$/);
        expect(answer.headers["access-control-allow-origin"]).not.toBe("https://evil.example");
      }
    }
  });

  it("SOURCE-4: CORS headers are on refusals, and WWW-Authenticate is exposed", async () => {
    const { sseUrl, messagesUrl } = await serve({ cors: { allowOrigins: [APP] } });
    const headers = { origin: APP };
    const good = { ...headers, ...asCaller(), ...JSON_TYPE };
    const refusals: [Promise<RawAnswer>, number][] = [
      [send(sseUrl, { headers }), 401],
      [send(messagesUrl, { method: "POST", headers }), 401],
      [send(sseUrl, { method: "POST", headers }), 405],
      [send(messagesUrl, { method: "POST", headers: good }), 400],
      [send(`${messagesUrl}?sessionId=x`, { method: "POST", headers: good }), 404],
    ];
    for (const [sent, status] of refusals) {
      const answer = await sent;
      expect(answer.status).toBe(status);
      expect(answer.headers["access-control-allow-origin"]).toBe(APP);
      expect(answer.headers["access-control-expose-headers"]).toContain("WWW-Authenticate");
    }
  });

  it("SOURCE-4: cookies are allowed only if asked for, and never to everybody", async () => {
    const some = await serve({ cors: { allowOrigins: [APP], credentials: true } });
    const withCookies = await send(some.sseUrl, { headers: { origin: APP } });
    expect(withCookies.headers["access-control-allow-credentials"]).toBe("true");
    const any = await serve({ cors: { allowOrigins: ["*"] } });
    const anybody = await send(any.sseUrl, { headers: { origin: APP } });
    expect(anybody.headers["access-control-allow-origin"]).toBe("*");
    expect(anybody.headers["access-control-allow-credentials"]).toBeUndefined();
  });

  it.each(["POST", "PUT", "DELETE", "PATCH", "HEAD", "PROPFIND"])(
    "SOURCE-5: %s on the stream's path is 405 with Allow, before authentication",
    async (method) => {
      const { sseUrl } = await serve();
      for (const headers of [{}, asCaller(), { authorization: "Bearer x" }]) {
        const answer = await send(sseUrl, { method, headers });
        expect([answer.status, answer.headers.allow]).toEqual([405, "GET, OPTIONS"]);
        expect(answer.headers["www-authenticate"]).toBeUndefined();
        if (method !== "HEAD") expect(answer.json.error).toBe("method_not_allowed");
      }
    },
  );

  it.each(["GET", "PUT", "DELETE", "PATCH", "HEAD"])(
    "SOURCE-5: %s on the message path is 405 with Allow, before authentication",
    async (method) => {
      const { messagesUrl } = await serve();
      const answer = await send(`${messagesUrl}?sessionId=x`, { method });
      expect([answer.status, answer.headers.allow]).toEqual([405, "POST, OPTIONS"]);
      if (method !== "HEAD") expect(answer.json.error).toBe("method_not_allowed");
    },
  );

  it("SOURCE-5: a newer client's first POST to the stream's path learns what this is", async () => {
    const { sseUrl, sessions } = await serve();
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize" });
    const answer = await send(sseUrl, {
      method: "POST",
      headers: { ...JSON_TYPE, accept: "application/json, text/event-stream" },
      body,
    });
    expect(answer.status).toBe(405);
    expect(sessions.size).toBe(0);
  });
});

describe("SOURCE-1: publicUrl's host", () => {
  const publicUrl = "https://api.example.com:8443/mcp";

  it.each([
    ["api.example.com", ALLOWED],
    ["API.example.com:8443", ALLOWED],
    ["localhost", ALLOWED],
    ["evil.example", HOST_REFUSED],
  ])("%s", async (host, expected) => {
    expect(await statuses(await serveRouter({ publicUrl }), { host })).toEqual(expected);
  });

  it("SOURCE-2: publicUrl's own pages may call", async () => {
    const served = await serveRouter({ publicUrl });
    const origin = "https://api.example.com:8443";
    expect(await statuses(served, { origin })).toEqual(ALLOWED);
    expect(await statuses(served, { origin: "https://api.example.com" })).toEqual(ORIGIN_REFUSED);
  });
});

describe("SOURCE-1: behind a proxy", () => {
  const FORWARDED = { host: "api.example.com", "x-forwarded-for": "203.0.113.7" };

  it.each([
    ["that the app trusts, any Host is taken", "loopback", FORWARDED, ALLOWED],
    ["that the app does not trust, Host is checked", false, FORWARDED, HOST_REFUSED],
    ["that says nothing, Host is checked", "loopback", { host: "api.example.com" }, HOST_REFUSED],
    [
      "SOURCE-2: after rebinding, a page is not of the same origin",
      "loopback",
      { ...FORWARDED, origin: "https://api.example.com" },
      ORIGIN_REFUSED,
    ],
  ])("%s", async (_name, trustProxy, headers, expected) => {
    const configure = (app: { set(name: string, value: unknown): unknown }) =>
      void app.set("trust proxy", trustProxy);
    expect(await statuses(await serveRouter({ configure }), headers)).toEqual(expected);
  });
});

describe("SOURCE-4: an app with its own cors()", () => {
  it("keeps its answer, and lets in nobody whom cors.allowOrigins does not name", async () => {
    const served = await serveRouter({
      before: [cors({ origin: "https://own.example", exposedHeaders: ["X-Own"] })],
      cors: { allowOrigins: [APP] },
    });
    const answer = await send(served.sseUrl, { headers: { origin: APP } });
    expect(answer.status).toBe(401);
    expect(answer.headers["access-control-allow-origin"]).toBe("https://own.example");
    expect(answer.headers["access-control-expose-headers"]).toBe("X-Own");
    expect(await statuses(served, { origin: "https://own.example" })).toEqual(ORIGIN_REFUSED);
  });
});

it.each([
  [{ allowOrigins: ["*"], credentials: true }, /credentials/],
  [{ allowOrigins: ["https://app.example.com/"] }, /allowOrigins/],
  [{ allowOrigins: ["app.example.com"] }, /allowOrigins/],
  [{ allowOrigins: "https://app.example.com" }, /allowOrigins/],
  [{ allowedOrigins: [APP] }, /allowedOrigins/],
])("SOURCE-2: cors %j is refused when the router is made", (options, message) => {
  const make = () =>
    createSseRouter({
      auth: JWT_AUTH,
      cors: options as never,
      createServer: () => {
        throw new Error("not needed");
      },
    });
  expect(make).toThrow(TypeError);
  expect(make).toThrow(message);
});
