import type { RequestHandler } from "express";
import { asCaller, converse } from "../kit/conversation.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { createToolServer } from "../kit/tools.js";
import { describeEveryMount, describeEveryRouter } from "../kit/serve.js";
import type { Served } from "../kit/serve.js";
import { noteCredentials } from "../kit/leak-watch.js";
import { RawConnection, send } from "../kit/raw-http.js";
import { initialize, openSession } from "../kit/raw-sse.js";

cleanUpAfterEach();

/** A request's head, as it goes over the wire. */
function head(method: string, url: string, ...more: string[]): string {
  const { pathname, search, host } = new URL(url);
  const headers = asCaller();
  noteCredentials(url, headers);
  const lines = [
    `${method} ${pathname}${search} HTTP/1.1`,
    `Host: ${host}`,
    `Authorization: ${headers.authorization}`,
    ...more,
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** Resolves when as many sessions have been opened, or closed. */
function count(sessions: Served["sessions"], event: "opened" | "closed", wanted: number) {
  return new Promise<void>((resolve) => {
    let seen = 0;
    sessions.on(event, () => {
      if (++seen === wanted) resolve();
    });
  });
}

describeEveryMount((serve) => {
  it("SESSION-1: streams that were asked for one behind the other end with their connection", async () => {
    const { sseUrl, port, sessions } = await serve();
    const [opened, closed] = [count(sessions, "opened", 3), count(sessions, "closed", 3)];
    const connection = await RawConnection.open(port);
    connection.write(head("GET", sseUrl).repeat(3));
    await opened;
    connection.destroy();
    await closed;
    expect(sessions.size).toBe(0);
  });

  it("SESSION-1: a GET with a body that nobody reads ends with its connection", async () => {
    const { sseUrl, port, sessions } = await serve({ keepAliveMs: 0 });
    const [opened, closed] = [count(sessions, "opened", 1), count(sessions, "closed", 1)];
    const connection = await RawConnection.open(port);
    connection.write(head("GET", sseUrl, "Content-Length: 1000000") + "x".repeat(500_000));
    await opened;
    connection.destroy();
    await closed;
    expect(sessions.size).toBe(0);
  });

  it("SESSION-1: a session that ends leaves its connection to the next request", async () => {
    const { sseUrl, port, sessions } = await serve();
    const connection = await RawConnection.open(port);
    for (let round = 0; round < 3; round++) {
      const opened = new Promise<string>((resolve) => {
        sessions.on("opened", ({ id }) => resolve(id));
      });
      connection.write(head("GET", sseUrl));
      sessions.close(await opened);
    }
    connection.write(head("POST", sseUrl));
    while (!connection.received.includes("HTTP/1.1 405")) await connection.more();
    expect(connection.received.match(/HTTP\/1\.1 200/g)).toHaveLength(3);
    expect(sessions.size).toBe(0);
  });

  it("MESSAGE-3: a message whose session is closed while it is read gets 404", async () => {
    const { sseUrl, port, sessions } = await serve();
    const { postUrl } = await openSession(sseUrl, asCaller());
    const connection = await RawConnection.open(port);
    const body = JSON.stringify(initialize);
    const framing = ["Content-Type: application/json", `Content-Length: ${body.length}`];
    connection.write(head("POST", postUrl, ...framing, "Expect: 100-continue"));
    await connection.nextAnswer();
    connection.write(body.slice(0, 10));
    // The server has handled what came before on this connection once it answers another.
    await send(sseUrl);
    sessions.list()[0]!.close();
    connection.write(body.slice(10));
    const answer = await connection.nextAnswer();
    expect(answer.status).toBe(404);
    expect(answer.body).toMatch(/"code":"session_(closed|not_found)"/);
  });

  it("MESSAGE-1: messages that were sent one behind the other are all answered", async () => {
    const { sseUrl, port } = await serve();
    const { stream, postUrl } = await openSession(sseUrl, asCaller());
    const connection = await RawConnection.open(port);
    const ids = Array.from({ length: 100 }, (_unused, index) => index);
    for (const id of ids) {
      const body = JSON.stringify({ jsonrpc: "2.0", id, method: "ping" });
      const framing = ["Content-Type: application/json", `Content-Length: ${body.length}`];
      connection.write(head("POST", postUrl, ...framing) + body);
    }
    for (const id of ids) {
      expect(await stream.nextMessage()).toEqual({ jsonrpc: "2.0", id, result: {} });
    }
  });

  it("AUTH-1: bytes that are no HTTP are Node's to refuse, and harm no session", async () => {
    const { sseUrl, port } = await serve();
    const conversation = await converse(sseUrl);
    const garbage = [
      "\r\n\r\n\r\n",
      "GET\r\n\r\n",
      "\x16\x03\x01\x02\x00\x01",
      "GET /sse HTTP/9.9\r\n\r\n",
      "GET /sse HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
      "GET /sse HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
      "POST /messages HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
      "CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      `GET /${"x".repeat(200_000)} HTTP/1.1\r\n\r\n`,
    ];
    for (const bytes of garbage) {
      const connection = await RawConnection.open(port);
      connection.write(bytes);
      connection.finish();
      await connection.ended();
      expect(connection.received).not.toContain("HTTP/1.1 200");
    }
    expect(await conversation.call("echo", { text: "alive" })).toBe("alive");
  });
});

describeEveryRouter((serve) => {
  it("SESSION-1: a client that leaves while it is authenticated is made no server", async () => {
    let answer: () => void = () => undefined;
    let made = 0;
    const asked = new Promise<void>((resolveAsked) => {
      const verified = new Promise<void>((resolve) => (answer = resolve));
      verify = async () => {
        resolveAsked();
        await verified;
        return { id: "robot" };
      };
    });
    let closed: Promise<unknown> | undefined;
    const watch: RequestHandler = (_req, res, next) => {
      closed = new Promise((resolve) => res.on("close", resolve));
      next();
    };
    const { sseUrl, port, sessions } = await serve({
      auth: { type: "apikey", options: { verify: (key) => verify(key) } },
      before: [watch],
      createServer: () => {
        made++;
        return createToolServer();
      },
    });
    const connection = await RawConnection.open(port);
    connection.write(head("GET", sseUrl));
    await asked;
    connection.destroy();
    await closed;
    answer();
    // A request that comes later is answered later.
    expect((await send(sseUrl)).status).toBe(401);
    expect([made, sessions.size]).toEqual([0, 0]);
  });

  it("SESSION-1: a connection that breaks just when its server is there leaves no session", async () => {
    const closed = new Promise<void>((resolve) => (noteClosed = resolve));
    const { sseUrl, sessions } = await serve({
      sessions: { initTimeoutMs: 0 },
      createServer: ({ request }) => {
        const server = createToolServer();
        server.close = async () => noteClosed();
        // Its "close" is still to come when the server is returned.
        request!.socket.destroy();
        return server;
      },
    });
    await expect(openSession(sseUrl, asCaller())).rejects.toThrow();
    await closed;
    expect(sessions.size).toBe(0);
  });

  it("AUTH-11: guard in front of the router itself still lets query keys in", async () => {
    const key = "an-api-key-0123456789";
    let guard: RequestHandler = (_req, _res, next) => next();
    const { sseUrl } = await serve({
      auth: { type: "apikey", options: { keys: [{ id: "robot", key }], queryParam: "api_key" } },
      before: [(req, res, next) => void guard(req, res, next)],
      after: (_app, router) => (guard = router.guard),
    });
    const conversation = await converse(`${sseUrl}?api_key=${key}`, {});
    expect(JSON.parse(await conversation.call("whoami"))).toMatchObject({ id: "robot" });
    expect((await send(`${sseUrl}?api_key=REDACTED`)).status).toBe(401);
  });
});

let noteClosed: () => void;
let verify: (key: string) => Promise<{ id: string }>;
