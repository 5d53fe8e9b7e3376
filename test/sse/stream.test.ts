import compression from "compression";
import type { RequestHandler } from "express";
import { asCaller, converse, SESSION_ID } from "../kit/conversation.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { describeEveryMount, describeEveryRouter, serveRouter } from "../kit/serve.js";
import { initialize, openSession, openStream, post } from "../kit/raw-sse.js";

cleanUpAfterEach();

describeEveryMount((serve) => {
  it("STREAM-1, STREAM-2: the first event is the path to post to, and posting there works", async () => {
    const { sseUrl, base } = await serve();
    const { stream, endpoint, postUrl } = await openSession(sseUrl, asCaller());
    expect(endpoint).toMatch(new RegExp(`^${base}/messages\\?sessionId=${SESSION_ID}$`));
    const [, id] = endpoint.split("sessionId=");
    const event = `event: endpoint\nid: ${id}:0\ndata: ${endpoint}\n\n`;
    expect(stream.bytes).toBe(`retry: 1000\n${event}`);
    expect((await post(postUrl, initialize, asCaller())).status).toBe(202);
    expect(await stream.nextMessage()).toMatchObject({ id: 1, result: { capabilities: {} } });
  });

  it("STREAM-1: without resumption the first event is nothing but the path", async () => {
    const { sseUrl } = await serve({ resume: false });
    const { stream, endpoint } = await openSession(sseUrl, asCaller());
    expect(stream.bytes).toBe(`event: endpoint\ndata: ${endpoint}\n\n`);
  });

  it("STREAM-2: a trailing slash on the stream's path changes nothing", async () => {
    const { sseUrl, base } = await serve();
    const { endpoint } = await openSession(`${sseUrl}/?a=1`, asCaller());
    expect(endpoint).toMatch(new RegExp(`^${base}/messages\\?sessionId=${SESSION_ID}$`));
  });

  it("STREAM-2: both paths can be renamed", async () => {
    const options = { endpoint: "/events/stream", messageEndpoint: "/in" };
    const { sseUrl, base } = await serve(options);
    const { endpoint } = await openSession(sseUrl, asCaller());
    expect(endpoint).toMatch(new RegExp(`^${base}/in\\?sessionId=${SESSION_ID}$`));
  });

  it("STREAM-4: a message is one message event with one data line, whatever it holds", async () => {
    const { sseUrl } = await serve();
    const conversation = await converse(sseUrl);
    const text = "a\nb\r\nc\rd\u2028e\u2029\0\ndata: x\n\nevent: endpoint\ndata: /evil\n\n🦀";
    const start = conversation.stream.bytes.length;
    expect(await conversation.call("echo", { text })).toBe(text);
    const block = conversation.stream.bytes.slice(start);
    expect(block.endsWith("\n\n")).toBe(true);
    const lines = block.slice(0, -2).split(/\r\n|\r|\n/);
    expect(lines).toEqual([
      expect.stringMatching(new RegExp(`^id: ${SESSION_ID}:2$`)),
      "event: message",
      expect.stringMatching(/^data: \{/),
    ]);
  });

  it("STREAM-5: the stream's headers tell caches and proxies to leave it alone", async () => {
    const { sseUrl } = await serve();
    const { status, headers } = await openStream(sseUrl, asCaller());
    expect(status).toBe(200);
    expect(headers["content-type"]).toBe("text/event-stream");
    expect(headers["cache-control"]).toBe("no-cache, no-transform");
    expect(headers["x-accel-buffering"]).toBe("no");
    expect(headers["content-length"]).toBeUndefined();
  });

  it("STREAM-5: configured headers are on the stream and on refusals", async () => {
    const { sseUrl } = await serve({ headers: { "Strict-Transport-Security": "max-age=1" } });
    for (const headers of [asCaller(), undefined]) {
      const answer = await openStream(sseUrl, headers);
      expect(answer.headers["strict-transport-security"]).toBe("max-age=1");
    }
  });
});

describeEveryRouter((serve) => {
  it("STREAM-5: no Connection header is set by us", async () => {
    const seen: unknown[] = [];
    const watch: RequestHandler = (_req, res, next) => {
      const writeHead = res.writeHead.bind(res) as (...args: unknown[]) => typeof res;
      res.writeHead = ((...args: unknown[]) => {
        const answer = writeHead(...args);
        seen.push(res.getHeader("connection"), JSON.stringify(args).toLowerCase());
        return answer;
      }) as typeof res.writeHead;
      next();
    };
    const { sseUrl } = await serve({ before: [watch] });
    await openSession(sseUrl, asCaller());
    expect(seen[0]).toBeUndefined();
    expect(seen[1]).not.toContain("connection");
  });

  it("STREAM-5: events arrive at once through compression()", async () => {
    const { sseUrl } = await serve({ before: [compression({ threshold: 0 })] });
    const { stream, postUrl } = await openSession(sseUrl, {
      ...asCaller(),
      "accept-encoding": "gzip, br",
    });
    expect(stream.headers["content-encoding"]).toBeUndefined();
    await post(postUrl, initialize, asCaller());
    expect(await stream.nextMessage()).toMatchObject({ id: 1 });
  });

  it("STREAM-5: every write is flushed", async () => {
    const events: string[] = [];
    const buffering: RequestHandler = (_req, res, next) => {
      const write = res.write.bind(res);
      res.write = ((chunk: string) => {
        events.push(/^event: (\w+)/m.exec(chunk)?.[1] ?? chunk);
        return write(chunk, "utf8");
      }) as typeof res.write;
      Object.assign(res, { flush: () => events.push("flush") });
      next();
    };
    const { sseUrl } = await serve({ before: [buffering] });
    await converse(sseUrl);
    expect(events).toEqual(["endpoint", "flush", "message", "flush"]);
  });

  it("STREAM-5: headers that the app set stay, except where they would harm the stream", async () => {
    const helmetLike: RequestHandler = (_req, res, next) => {
      res.set({
        "Content-Security-Policy": "default-src 'self'",
        "X-Frame-Options": "DENY",
        "Cache-Control": "public, max-age=3600",
        "Content-Type": "text/html",
        "X-Accel-Buffering": "yes",
      });
      next();
    };
    const { sseUrl } = await serve({ before: [helmetLike] });
    const { headers } = await openStream(sseUrl, asCaller());
    expect(headers["content-security-policy"]).toBe("default-src 'self'");
    expect(headers["x-frame-options"]).toBe("DENY");
    expect(headers["cache-control"]).toBe("no-cache, no-transform");
    expect(headers["content-type"]).toBe("text/event-stream");
    expect(headers["x-accel-buffering"]).toBe("no");
  });
});

describe("STREAM-3: a session that was opened with a query key", () => {
  const KEYS = ["plain-key-0123456789", "a+b&c=d/e%f?g#h:i@j;k,l", "100%-of-a-key&sessionId=x"];

  it.each(KEYS)("advertises the same parameter, so that posting works: %s", async (key) => {
    const auth = { type: "apikey", options: { keys: [key], queryParam: "api_key" } } as const;
    const { sseUrl } = await serveRouter({ auth });
    const query = new URLSearchParams({ api_key: key }).toString();
    const { stream, endpoint, postUrl } = await openSession(`${sseUrl}?${query}`);
    const sent = new URL(postUrl).searchParams;
    expect(sent.getAll("api_key")).toEqual([key]);
    expect(sent.getAll("sessionId")).toHaveLength(1);
    expect(endpoint).toMatch(new RegExp(`^/messages\\?api_key=.*&sessionId=${SESSION_ID}$`));
    expect((await post(postUrl, initialize)).status).toBe(202);
    expect(await stream.nextMessage()).toMatchObject({ id: 1 });
  });

  it("advertises nothing when the key stood in a header", async () => {
    const key = "plain-key-0123456789";
    const auth = { type: "apikey", options: { keys: [key], queryParam: "api_key" } } as const;
    const { sseUrl } = await serveRouter({ auth });
    const { endpoint } = await openSession(`${sseUrl}?other=1`, { "x-api-key": key });
    expect(endpoint).toMatch(new RegExp(`^/messages\\?sessionId=${SESSION_ID}$`));
  });
});
