import { JWT_AUTH, serveMcpServer, serveRouter } from "../kit/serve.js";
import type { Serve, Served } from "../kit/serve.js";
import { asCaller, converse } from "../kit/conversation.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { openSession, openStream, post, toolCall } from "../kit/raw-sse.js";
import { createToolServer } from "../kit/tools.js";

cleanUpAfterEach();

const call = toolCall(2, "echo", { text: "hello" });

const PLACES: [string, Serve][] = [
  ["a router", serveRouter],
  ["MCPServer", serveMcpServer],
];

describe.each(PLACES)("%s with sessions over HTTP+SSE", (_name, serve) => {
  it("KNOWN-6: any other form of the URL is judged as ever", async () => {
    const served: Served = await serve({ auth: JWT_AUTH });
    const { postUrl, headers, sessionId } = await converse(served.sseUrl);
    const { messagesUrl } = served;
    const forms: [string, number][] = [
      [`${messagesUrl}/?sessionId=${sessionId}`, 202],
      [`${messagesUrl}?a=b&sessionId=${sessionId}`, 202],
      [`${postUrl}&r=7`, 202],
      [`${postUrl}&r=7&sessionId=${sessionId}`, 400],
      [`${postUrl}&sessionId=${sessionId}`, 400],
      [`${postUrl}x`, 404],
      [`${messagesUrl}?sessionId=${sessionId.toUpperCase()}`, 404],
    ];
    for (const [url, status] of forms) {
      expect([url, (await post(url, call, headers)).status]).toEqual([url, status]);
      expect([url, (await post(url, call)).status]).toEqual([url, 401]);
    }
  });

  it("KNOWN-6: the session's path is the one at which it was opened", async () => {
    const served = await serveRouter({
      configure: (app) => app.use("/elsewhere", (_req, res) => void res.status(418).end()),
    });
    const { sessionId, headers } = await converse(served.sseUrl);
    const url = `${served.origin}/elsewhere/messages?sessionId=${sessionId}`;
    expect((await post(url, call, headers)).status).toBe(418);
  });
});

it("KNOWN-4: refuses an API key that is taken out while its session is opened", async () => {
  let keys = ["a-key-0123456789"];
  const { sseUrl } = await serveRouter({
    auth: { type: "apikey", options: { keys: () => keys } },
    createServer: () => {
      keys = [];
      return createToolServer();
    },
  });
  const headers = { "x-api-key": "a-key-0123456789" };
  expect((await openStream(sseUrl, headers)).status).toBe(503);
  expect((await openStream(sseUrl, headers)).status).toBe(401);
});

describe("a router ahead of its app", () => {
  it("KNOWN-8: ahead() leaves everything to the app but the POSTs of its sessions", async () => {
    const seen: string[] = [];
    const served = await serveRouter({
      configure: (app) =>
        app.use((req, res, next) => {
          seen.push(`${req.method} ${req.path}`);
          res.setHeader("X-App", "seen");
          next();
        }),
      ahead: true,
    });
    const { stream, postUrl } = await openSession(served.sseUrl, asCaller());
    expect(stream.headers["x-app"]).toBe("seen");
    expect((await post(postUrl, call, asCaller())).headers.get("x-app")).toBeNull();
    expect((await post(postUrl, call)).status).toBe(401);
    expect((await post(`${served.origin}/other`, call)).status).toBe(404);
    expect(seen).toEqual(["GET /sse", "POST /messages", "POST /other"]);
  });

  it("KNOWN-8: ahead() without an app is a mistake that says what to write", async () => {
    await serveRouter({
      after: (_app, router) =>
        expect(() => router.ahead(undefined as never)).toThrow(
          "ahead() takes the app: ahead(app).",
        ),
    });
  });
});
