import express from "express";
import type { Express, RequestHandler } from "express";
import session from "express-session";
import passport from "passport";
import { Strategy as LocalStrategy } from "passport-local";
import { createSseRouter } from "../../src/index.js";
import type { SseRouter } from "../../src/index.js";
import { asCaller, converse } from "../kit/conversation.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { createToolServer } from "../kit/tools.js";
import { describeEveryRouter, JWT_AUTH, serveMcpServer, serveRouter } from "../kit/serve.js";
import { RawConnection, send } from "../kit/raw-http.js";
import { openSession, post, toolCall } from "../kit/raw-sse.js";

cleanUpAfterEach();

/** An app's error handler: Express knows it by its four parameters. */
function errorHandler(onError: (error: Error) => void): express.ErrorRequestHandler {
  return (error, req, res, next) => {
    onError(error as Error);
    if (res.headersSent) next(error);
    else res.status(500).send(`the app's own: ${(error as Error).message} at ${req.path}`);
  };
}

describeEveryRouter((serve) => {
  it("AUTH-3, MESSAGE-8: the app's error handler is never called for a refusal", async () => {
    const calls: unknown[] = [];
    const onError = errorHandler((error) => calls.push(error));
    const { sseUrl, messagesUrl } = await serve({
      createServer: () => {
        throw new Error("no server");
      },
      after: (app) => void app.use(onError),
    });
    const headers = asCaller();
    const statuses = [
      await send(sseUrl),
      await send(sseUrl, { headers }),
      await send(sseUrl, { method: "DELETE" }),
      await send(sseUrl, { headers: { host: "evil.example" } }),
      await send(messagesUrl, { method: "POST", headers, body: "x" }),
      await send(`${messagesUrl}?sessionId=x`, { method: "POST", headers, body: "x" }),
    ].map(({ status, headers: { "content-type": type } }) => [status, type]);
    expect(statuses).toEqual(
      [401, 500, 405, 403, 400, 404].map((status) => [status, "application/json"]),
    );
    expect(calls).toEqual([]);
  });

  it.each([false, true])(
    "AUTH-3: a function of trust proxy that throws harms one request only (ahead: %p)",
    async (ahead) => {
      let isBroken = false;
      const trust = (): boolean => {
        if (isBroken) throw new Error("no address");
        return false;
      };
      const configure = (app: Express): void => void app.set("trust proxy", trust);
      const { sseUrl } = await serve({ ahead, configure });
      const conversation = await converse(sseUrl);
      const { postUrl, headers } = conversation;
      const body = JSON.stringify(toolCall(9, "echo", { text: "lost" }));
      const posted = {
        method: "POST",
        headers: { ...headers, "content-type": "application/json" },
        body,
      };
      isBroken = true;
      const answers = [
        await send(sseUrl, { headers }),
        await send(postUrl, posted),
        await send(postUrl.replace("?", "/?"), posted),
      ];
      expect(answers.map(({ status, json }) => [status, json.error as string])).toEqual(
        answers.map(() => [500, "server_error"]),
      );
      isBroken = false;
      expect(await conversation.call("echo", { text: "served on" })).toBe("served on");
    },
  );

  it("AUTH-12: every other path, and every 404, stays the app's", async () => {
    const { origin, base } = await serve({
      before: [
        (req, res, next) => {
          if (req.path === "/before") res.send("before");
          else next();
        },
      ],
      after: (app, _router, base) => {
        app.get("/after", (_req, res) => void res.send("after"));
        app.get(`${base}/beside`, (_req, res) => void res.send("beside"));
        app.use((_req, res) => void res.status(404).send("the app's own"));
      },
    });
    const texts = async (path: string) => (await send(origin, { path })).text;
    expect(await texts("/before")).toBe("before");
    expect(await texts("/after")).toBe("after");
    expect(await texts(`${base}/beside`)).toBe("beside");
    for (const path of [`${base}/sse/x`, `${base}/SSE`, `${base}/messages/x`]) {
      expect(await texts(path)).toBe("the app's own");
    }
    expect(await texts(`${base}/health`)).toBe("the app's own");
    expect(await texts("/.well-known/oauth-protected-resource")).toBe("the app's own");
  });

  it("AUTH-12: two routers in one app share nothing", async () => {
    const other = createSseRouter({
      auth: { type: "apikey", options: { keys: ["an-api-key-0123456789"] } },
      createServer: () => createToolServer(),
    });
    const { origin, sseUrl, sessions } = await serve({ after: (app) => app.use("/other", other) });
    const { postUrl } = await openSession(sseUrl, asCaller());
    const otherHeaders = { "x-api-key": "an-api-key-0123456789" };
    const second = await openSession(`${origin}/other/sse`, otherHeaders);
    expect([sessions.size, other.sessions.size]).toEqual([1, 1]);
    expect((await post(second.postUrl, toolCall(1, "x"), asCaller())).status).toBe(401);
    const crossed = `${origin}/other/messages${new URL(postUrl).search}`;
    expect((await post(crossed, toolCall(1, "x"), otherHeaders)).status).toBe(404);
    await other.close({ timeoutMs: 0 });
    expect([sessions.size, other.sessions.size]).toEqual([1, 0]);
  });

  it("SESSION-2: a middleware that has answered already does no harm", async () => {
    const answering: RequestHandler = (req, res, next) => {
      if (req.query["hasty"] !== undefined) res.status(503).send("too slow");
      next();
    };
    const { sseUrl, sessions } = await serve({ before: [answering] });
    const conversation = await converse(sseUrl);
    expect((await send(`${sseUrl}?hasty`, { headers: asCaller() })).text).toBe("too slow");
    const url = `${conversation.postUrl}&hasty`;
    expect((await post(url, toolCall(50, "whoami"), conversation.headers)).text).toBe("too slow");
    expect(sessions.size).toBe(1);
  });
});

it("AUTH-1: guard lets callers through with user and auth, and answers for all others", async () => {
  const { origin, lines } = await serveRouter({
    after: (app, router) => {
      app.get("/private", router.guard, (req, res) => {
        res.json({ user: req.user, auth: (req as { auth?: unknown }).auth });
      });
    },
  });
  const url = `${origin}/private`;
  expect((await send(url, { headers: asCaller() })).json).toMatchObject({
    user: { id: "alice", method: "jwt" },
    auth: { clientId: "alice", scopes: [], extra: { principal: { id: "alice" } } },
  });
  const refused = await send(url, { headers: { authorization: "Bearer x.y.z" } });
  expect([refused.status, refused.json.error]).toEqual([401, "invalid_token"]);
  expect(lines).toHaveLength(1);
});

it("AUTH-12: what a guarded handler throws goes to the app's error handler", async () => {
  const { origin } = await serveRouter({
    after: (app, router) => {
      app.get("/private", router.guard, () => {
        throw new Error("oops");
      });
      app.use(errorHandler(() => undefined));
    },
  });
  expect((await send(`${origin}/private`, { headers: asCaller() })).text).toBe(
    "the app's own: oops at /private",
  );
});

describe("AUTH-12: the app's own login", () => {
  // The app's users and ours are different things.
  const LOGIN = new LocalStrategy((username, password, done) =>
    done(null, password === "correct" ? { name: username } : false),
  );

  /** An app with sessions and passport-local, which knows nothing of this package. */
  function configure(app: Express): void {
    const own = new passport.Passport();
    own.use(LOGIN);
    own.serializeUser((user, done) => done(null, (user as { name: string }).name));
    own.deserializeUser((name, done) => done(null, { name: String(name) }));
    app.use(session({ secret: "x", resave: false, saveUninitialized: false }));
    app.use(own.initialize() as RequestHandler, own.session() as RequestHandler);
    app.post(
      "/login",
      express.urlencoded({ extended: false }),
      own.authenticate("local") as RequestHandler,
      who,
    );
    app.get("/me", who);
    app.post("/logout", logout);
  }

  const who: RequestHandler = (req, res) => {
    res.json({ user: req.user ?? null, isAuthenticated: req.isAuthenticated() });
  };
  const logout: RequestHandler = (req, res, next) => {
    req.logout((error?: unknown) => {
      if (error) next(error);
      else who(req, res, next);
    });
  };

  async function login(origin: string): Promise<{ cookie: string }> {
    const answer = await send(`${origin}/login`, {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: "username=carol&password=correct",
    });
    expect(answer.json).toEqual({ user: { name: "carol" }, isAuthenticated: true });
    return { cookie: answer.headers["set-cookie"]?.[0]?.split(";")[0] ?? "" };
  }

  function after(app: Express, router: SseRouter): void {
    app.get("/both", router.guard, (req, res) => {
      const { user, session: own } = req as express.Request & { session: { passport: unknown } };
      res.json({ user, isAuthenticated: req.isAuthenticated(), session: own.passport });
    });
    app.post("/guarded-logout", router.guard, logout);
  }

  it("works before, beside and behind the router", async () => {
    const { origin, sseUrl } = await serveRouter({ configure, after });
    const cookie = await login(origin);
    const me = { user: { name: "carol" }, isAuthenticated: true };
    expect((await send(`${origin}/me`, { headers: cookie })).json).toEqual(me);
    expect((await send(sseUrl, { headers: cookie })).status).toBe(401);
    const headers = { ...asCaller(), ...cookie };
    const conversation = await converse(sseUrl, headers);
    expect(JSON.parse(await conversation.call("whoami"))).toMatchObject({ id: "alice" });
    expect((await send(`${origin}/both`, { headers })).json).toEqual({
      user: expect.objectContaining({ id: "alice", method: "jwt" }),
      isAuthenticated: true,
      session: { user: "carol" },
    });
    expect((await send(`${origin}/me`, { headers: cookie })).json).toEqual(me);
  });

  it("can be left again behind guard: req.logout is the app's", async () => {
    const { origin } = await serveRouter({ configure, after });
    const cookie = await login(origin);
    const headers = { ...asCaller(), ...cookie };
    const answer = await send(`${origin}/guarded-logout`, { method: "POST", headers });
    expect(answer.status).toBe(200);
    const nobody = { user: null, isAuthenticated: false };
    expect((await send(`${origin}/me`, { headers: cookie })).json).toEqual(nobody);
  });

  it("is not a way in: a session cookie alone gets 401", async () => {
    const { origin, messagesUrl } = await serveRouter({ configure, after });
    const headers = await login(origin);
    expect((await send(messagesUrl, { method: "POST", headers })).status).toBe(401);
    expect((await send(`${origin}/both`, { headers })).status).toBe(401);
  });

  it("is a Passport that none of our strategies is in", async () => {
    const names = (): string[] =>
      Object.keys((passport as unknown as { _strategies: object })._strategies);
    const before = names();
    const { sseUrl } = await serveRouter({ auth: JWT_AUTH });
    await converse(sseUrl);
    expect(names()).toEqual(before);
  });
});

describe("AUTH-14: MCPServer", () => {
  it.each([
    ["GET", "/"],
    ["GET", "/nothing"],
    ["POST", "/nothing"],
    ["GET", "/.well-known/oauth-protected-resource"],
    ["GET", "/.well-known/oauth-protected-resource/sse"],
    ["GET", "/.well-known/oauth-authorization-server"],
    ["GET", "/.well-known/openid-configuration"],
    ["POST", "/register"],
    ["GET", "/%"],
    ["GET", "/%ff/sse"],
    ["GET", "//evil.example/sse"],
    ["POST", "/health"],
    ["OPTIONS", "*"],
    ["GET", "http://evil.example:x/"],
    ["GET", "http://["],
  ])("answers %s %s with 404 as JSON, also without a credential", async (method, path) => {
    const { port } = await serveMcpServer();
    const connection = await RawConnection.open(port);
    connection.write(`${method} ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    const { status, head, body } = await connection.nextAnswer();
    expect(status).toBe(404);
    expect(head).toMatch(/^content-type: application\/json/im);
    expect(JSON.parse(body)).toMatchObject({ error: "not_found" });
  });

  it("says that it is healthy, without a credential and without naming its software", async () => {
    const { origin } = await serveMcpServer();
    const { status, json, headers } = await send(`${origin}/health`);
    expect([status, json]).toEqual([200, { ok: true }]);
    expect(headers["x-powered-by"]).toBeUndefined();
  });
});
