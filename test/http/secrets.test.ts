import type { Request, RequestHandler } from "express";
import type { AuthConfig, SessionInfo } from "../../src/index.js";
import { asCaller, converse } from "../kit/conversation.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { createToolServer } from "../kit/tools.js";
import { describeEveryMount, describeEveryRouter, JWT_AUTH, serveRouter } from "../kit/serve.js";
import { observe } from "../kit/leak-watch.js";
import { send } from "../kit/raw-http.js";
import { openSession, post, toolCall } from "../kit/raw-sse.js";

// Beside what the tests below assert, each of them fails if a credential shows anywhere.
cleanUpAfterEach();

const KEY = "an-api-key+with&odd=chars/0123456789";
const QUERY_KEY = {
  type: "apikey",
  options: { keys: [{ id: "robot", key: KEY }], queryParam: "api_key" },
} satisfies AuthConfig;
const encoded = encodeURIComponent(KEY);

/** What a request logger such as morgan writes: the URL at the end of the request. */
function urlLogger(): { middleware: RequestHandler; urls: string[] } {
  const urls: string[] = [];
  observe(() => urls.join("\n"));
  const middleware: RequestHandler = (req, res, next) => {
    // morgan reads originalUrl first; Express 4 parses the query before any middleware runs.
    res.on("close", () => {
      urls.push([req.originalUrl, req.url, JSON.stringify(req.query)].join(" "));
    });
    next();
  };
  return { middleware, urls };
}

describeEveryRouter((serve) => {
  it("AUTH-11: a query key is out of url, originalUrl and query when a logger reads them", async () => {
    const { middleware, urls } = urlLogger();
    const { sseUrl, base } = await serve({ auth: QUERY_KEY, before: [middleware] });
    const { stream, postUrl } = await openSession(`${sseUrl}?a=1&api_key=${encoded}&b=2`);
    expect((await post(postUrl, toolCall(1, "whoami"))).status).toBe(202);
    stream.close();
    await send(`${sseUrl}?api_key=${encoded}x`);
    expect(urls[0]).toContain("api_key=REDACTED");
    expect(urls.at(-1)).toBe(
      `${base}/sse?api_key=REDACTED /sse?api_key=REDACTED {"api_key":"REDACTED"}`,
    );
  });

  it.each([
    ["another method", "POST", {}],
    ["a preflight", "OPTIONS", { origin: "https://app.example" }],
    ["a foreign Host", "GET", { host: "evil.example" }],
    ["a foreign Origin", "GET", { origin: "https://evil.example" }],
    ["a second Authorization header", "GET", { authorization: ["Bearer abc", "Bearer def"] }],
  ])("AUTH-11: so it is when %s is answered before anybody reads the key", async (...row) => {
    const [, method, headers] = row;
    const { middleware, urls } = urlLogger();
    const { sseUrl } = await serve({
      auth: QUERY_KEY,
      before: [middleware],
      cors: { allowOrigins: ["https://app.example"] },
    });
    await send(`${sseUrl}?api_key=${encoded}`, { method, headers });
    expect(urls).toEqual([expect.stringContaining("api_key=REDACTED")]);
  });

  it.each([
    ["percent-encoded", "%61pi%5Fkey"],
    ["given twice", `api_key=${encoded}&api_key`],
    ["behind a second question mark", "?api_key"],
    ["behind empty fields", "&&api_key"],
  ])("AUTH-11: a parameter whose name is %s is redacted as well", async (_name, name) => {
    const { middleware, urls } = urlLogger();
    const { sseUrl } = await serve({ auth: QUERY_KEY, before: [middleware] });
    const answer = await send(`${sseUrl}?x=1`, {
      path: `${new URL(sseUrl).pathname}?${name}=${encoded}`,
    });
    expect([200, 401]).toContain(answer.status);
    await openSession(sseUrl, { "x-api-key": KEY });
    expect(urls[0]).toContain("REDACTED");
  });

  it("AUTH-11: behind guard, a handler and a logger find no query key", async () => {
    const { middleware, urls } = urlLogger();
    const { origin } = await serve({
      auth: QUERY_KEY,
      before: [middleware],
      after: (app, router) => {
        app.get("/guarded", router.guard, (req, res) => {
          res.json({ url: req.url, original: req.originalUrl, query: req.query });
        });
      },
    });
    const { status, json } = await send(`${origin}/guarded?api_key=${encoded}&b=2`);
    expect(status).toBe(200);
    expect(json).toEqual({
      url: "/guarded?api_key=REDACTED&b=2",
      original: "/guarded?api_key=REDACTED&b=2",
      query: { api_key: "REDACTED", b: "2" },
    });
    expect(urls).toHaveLength(1);
  });

  it("AUTH-11: createServer finds no query key at session.request", async () => {
    const seen: string[] = [];
    const createServer = ({ request }: SessionInfo) => {
      const { url, originalUrl, query } = request as Request;
      seen.push(JSON.stringify({ url, originalUrl, query }));
      return createToolServer();
    };
    observe(() => seen.join());
    const { sseUrl } = await serve({ auth: QUERY_KEY, createServer });
    await openSession(`${sseUrl}?api_key=${encoded}`);
    expect(seen).toEqual([expect.stringContaining("REDACTED")]);
  });
});

describeEveryMount((serve) => {
  const PLACES: [string, Record<string, string>, string][] = [
    ["in its header", { "x-api-key": KEY }, ""],
    ["as a bearer token", { authorization: `Bearer ${KEY}` }, ""],
    ["in the query", {}, `?api_key=${encoded}`],
  ];

  it.each(PLACES)("AUTH-11: an API key %s is not shown to tools", async (_name, headers, query) => {
    const { sseUrl } = await serve({ auth: QUERY_KEY });
    const conversation = await converse(sseUrl + query, headers);
    const request = JSON.parse(await conversation.call("request")) as {
      headers: object;
      authInfo: object;
    };
    expect(Object.keys(request.headers)).not.toContain("x-api-key");
    expect(Object.keys(request.headers)).not.toContain("authorization");
    expect(request.authInfo).toMatchObject({ clientId: "robot" });
    expect(JSON.stringify(request.authInfo)).not.toContain("token");
  });

  it("AUTH-11: an API key that was sent beside the token that counted is not shown either", async () => {
    const { sseUrl } = await serve({ auth: [JWT_AUTH, QUERY_KEY] });
    const headers = { ...asCaller(), "x-api-key": KEY };
    const { stream, postUrl } = await openSession(`${sseUrl}?api_key=${encoded}`, headers);
    await post(`${postUrl}&api_key=${encoded}`, toolCall(1, "request"), headers);
    const { result } = await stream.nextMessage();
    const { text } = (result as { content: [{ text: string }] }).content[0];
    // The token itself is the tool's to see.
    const seen = JSON.parse(text) as { headers: object; url: string };
    expect(Object.keys(seen.headers)).toContain("authorization");
    expect(Object.keys(seen.headers)).not.toContain("x-api-key");
    expect(seen.url).toContain("api_key=REDACTED");
  });
});

it("AUTH-11, AUTH-13: an error of the application's key database is logged by its kind only", async () => {
  const verify = (key: string): never => {
    throw Object.assign(new Error(`select * from keys where key = '${key}'`), { code: "E42" });
  };
  const auth = { type: "apikey", options: { verify } } satisfies AuthConfig;
  const { sseUrl, lines } = await serveRouter({ auth });
  expect((await send(sseUrl, { headers: { "x-api-key": KEY } })).status).toBe(503);
  expect(lines).toEqual([
    expect.stringMatching(/^error: refused GET: 503 temporarily_unavailable/),
  ]);
});
