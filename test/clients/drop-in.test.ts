import { SSEServerTransport as SdkTransport } from "@modelcontextprotocol/sdk/server/sse.js";
import { SSEServerTransport } from "../../src/index.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { listen } from "../kit/listen.js";
import { openSession, openStream, post } from "../kit/raw-sse.js";
import { host } from "../kit/drop-in.js";
import type { SseTransport, TransportClass } from "../kit/drop-in.js";

cleanUpAfterEach();

const ping = { jsonrpc: "2.0", id: 1, method: "ping" };
const json = { "content-type": "application/json" };

const classes: { name: string; Transport: TransportClass }[] = [
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- the class that we replace
  { name: "the SDK's class", Transport: SdkTransport },
  { name: "ours", Transport: SSEServerTransport },
];

describe.each(classes)("$name", ({ Transport }) => {
  it.each([
    ["/messages", "/messages?sessionId=ID"],
    ["/app/mcp/messages", "/app/mcp/messages?sessionId=ID"],
    ["/messages?tenant=a%20b&x=1", "/messages?tenant=a+b&x=1&sessionId=ID"],
    ["/messages?sessionId=stale", "/messages?sessionId=ID"],
    ["/messages#top", "/messages?sessionId=ID#top"],
    ["/messages?x=1#top", "/messages?x=1&sessionId=ID#top"],
    ["http://elsewhere.example/messages?x=1", "/messages?x=1&sessionId=ID"],
    ["messages", "/messages?sessionId=ID"],
    ["", "/?sessionId=ID"],
  ])("DROPIN-1: the endpoint %j is told as %j", async (endpoint, told) => {
    const hosted = await host(Transport, { endpoint });
    expect(hosted.endpoint).toBe(told.replace("ID", hosted.transport.sessionId));
    expect(hosted.stream.status).toBe(200);
    expect(hosted.stream.headers["content-type"]).toBe("text/event-stream");
    expect(hosted.stream.headers["cache-control"]).toBe("no-cache, no-transform");
  });

  it("DROPIN-1: a message is answered 202, and handed over with its request", async () => {
    const { postUrl, messages, transport } = await host(Transport);
    const answer = await post(postUrl, ping, { "x-mine": "yes" });
    expect([answer.status, answer.text]).toEqual([202, "Accepted"]);
    expect(messages[0]!.message).toEqual(ping);
    const { requestInfo, authInfo } = messages[0]!.extra as {
      requestInfo: { headers: Record<string, string>; url: URL };
      authInfo: unknown;
    };
    expect(requestInfo.headers["x-mine"]).toBe("yes");
    expect(requestInfo.url.href).toBe(postUrl);
    expect(authInfo).toBeUndefined();
    expect(postUrl).toContain(transport.sessionId);
  });

  it("DROPIN-1: it is a class: its objects are known by it, and it can be extended", async () => {
    class Counting extends Transport {
      sent = 0;

      override async send(message: unknown): Promise<void> {
        this.sent++;
        await super.send(message);
      }
    }
    const { transport, stream } = await host(Counting);
    await transport.send({ jsonrpc: "2.0", id: 7, result: {} });
    expect(await stream.nextMessage()).toMatchObject({ id: 7 });
    expect(transport).toMatchObject({ sent: 1 });
    expect(transport).toBeInstanceOf(Transport);
    expect([Transport.name, transport.constructor.name]).toEqual([
      "SSEServerTransport",
      "Counting",
    ]);
  });

  it("DROPIN-2: req.auth reaches the tools", async () => {
    const authInfo = { token: "t", clientId: "c", scopes: [] };
    const seen: unknown[] = [];
    let transport: SseTransport;
    const { url } = await listen((req, res) => {
      if (req.method === "GET") {
        transport = new Transport("/messages", res);
        transport.onmessage = (_message, extra) => void seen.push(extra.authInfo);
        void transport.start();
      } else void transport.handlePostMessage(Object.assign(req, { auth: authInfo }), res);
    });
    const { postUrl } = await openSession(`${url}/sse`);
    await post(postUrl, ping);
    expect(seen).toEqual([authInfo]);
  });

  it.each([
    ["no JSON", "{", json],
    ["nothing", "", json],
    ["a text", '"ping"', json],
    ["no JSON-RPC", "{}", json],
    ["a batch", JSON.stringify([ping]), json],
    ["an id that is null", JSON.stringify({ ...ping, id: null }), json],
    ["an unknown member", JSON.stringify({ ...ping, more: 1 }), json],
    ["another type", JSON.stringify(ping), { "content-type": "text/plain" }],
    ["a broken type", JSON.stringify(ping), { "content-type": "application" }],
    ["a type of JSON's family", JSON.stringify(ping), { "content-type": "application/x+json" }],
    [
      "a charset that nobody knows",
      JSON.stringify(ping),
      { "content-type": "application/json; charset=none" },
    ],
    ["5 MB", JSON.stringify({ ...ping, params: { text: "x".repeat(5_000_000) } }), json],
  ] as [string, string, Record<string, string>][])(
    "DROPIN-1: %s is answered 400, and the session goes on",
    async (_what, body, headers) => {
      const { postUrl, messages } = await host(Transport);
      expect((await post(postUrl, body, headers)).status).toBe(400);
      expect(messages).toEqual([]);
      expect((await post(postUrl, ping)).status).toBe(202);
    },
  );

  it.each([
    ["an object", ping, 202],
    ["text", JSON.stringify(ping), 202],
    ["no message", { hello: 1 }, 400],
    ["text that is no JSON", "{", 400],
    ["a list", [ping], 400],
  ])("DROPIN-1: of a parsed body that is %s it makes %#", async (_what, parsedBody, status) => {
    const { postUrl, messages } = await host(Transport, { parsedBody });
    // What is on the socket does not count.
    expect((await post(postUrl, "not JSON")).status).toBe(status);
    expect(messages).toHaveLength(status === 202 ? 1 : 0);
  });

  it("DROPIN-1: a handler that throws is answered 400", async () => {
    const { postUrl } = await host(Transport, {
      prepare: (transport) => {
        transport.onmessage = () => {
          throw new Error("handler");
        };
      },
    });
    expect((await post(postUrl, ping)).status).toBe(400);
  });

  it.each([
    ["a Host that is listed", { allowedHosts: ["HOST"] }, {}, 202],
    ["a Host that is not", { allowedHosts: ["other.example"] }, {}, 403],
    ["any Host when none is listed", { allowedHosts: [] }, {}, 202],
    [
      "an Origin that is listed",
      { allowedOrigins: ["http://a.example"] },
      { origin: "http://a.example" },
      202,
    ],
    [
      "an Origin that is not",
      { allowedOrigins: ["http://a.example"] },
      { origin: "http://b.example" },
      403,
    ],
    [
      "an Origin that looks alike",
      { allowedOrigins: ["http://a.example"] },
      { origin: "http://a.example.b" },
      403,
    ],
    ["no Origin", { allowedOrigins: ["http://a.example"] }, {}, 202],
  ])(
    "DROPIN-1: with protection, %s is answered as it should",
    async (_what, lists, headers, status) => {
      // The Host is known only when the server listens, so the list is completed then.
      const options = { enableDnsRebindingProtection: true, ...structuredClone(lists) };
      const { postUrl, errors, messages } = await host(Transport, { options });
      if ("allowedHosts" in options) {
        options.allowedHosts = options.allowedHosts.map((name) =>
          name === "HOST" ? new URL(postUrl).host : name,
        );
      }
      expect((await post(postUrl, ping, headers as Record<string, string>)).status).toBe(status);
      expect(errors).toHaveLength(status === 403 ? 1 : 0);
      expect(messages).toHaveLength(status === 403 ? 0 : 1);
    },
  );

  it("DROPIN-1: without protection the lists do not count", async () => {
    const options = { allowedHosts: ["other.example"], allowedOrigins: ["http://a.example"] };
    const { postUrl } = await host(Transport, { options });
    expect((await post(postUrl, ping, { origin: "http://b.example" })).status).toBe(202);
  });

  it("DROPIN-1: a POST without a stream is answered 500, and throws", async () => {
    const { postUrl, transport, thrown, stream } = await host(Transport);
    await transport.close();
    await stream.ended;
    const answer = await post(postUrl, ping);
    expect([answer.status, answer.text]).toEqual([500, "SSE connection not established"]);
    expect(thrown[0]?.message).toBe("SSE connection not established");
  });

  it("DROPIN-1: a POST before start() is answered 500, and throws", async () => {
    let caught: unknown;
    const { url } = await listen((req, res) => {
      new Transport("/m", res).handlePostMessage(req, res).catch((error: unknown) => {
        caught = error;
      });
    });
    expect((await post(url, ping)).status).toBe(500);
    expect(caught).toBeInstanceOf(Error);
  });

  it("DROPIN-1: send() writes one event; before start() and after close() it rejects", async () => {
    const { transport, stream } = await host(Transport, {
      prepare: (one) => {
        // Looked at below: an unhandled rejection would end this process.
        one.send(ping).catch((error: unknown) => one.onerror?.(error as Error));
      },
    });
    const long = { ...ping, params: { text: "é\n\r😀" } };
    await transport.send(long);
    expect(await stream.nextEvent()).toEqual({ event: "message", data: JSON.stringify(long) });
    await transport.close();
    await expect(transport.send(ping)).rejects.toThrow("Not connected");
  });

  it("DROPIN-1: start() twice rejects, and leaves the first stream alone", async () => {
    const { transport, stream } = await host(Transport);
    await expect(transport.start()).rejects.toThrow(/already/);
    await transport.send(ping);
    expect(await stream.nextMessage()).toEqual(ping);
  });

  it("DROPIN-1: handleMessage() hands over what is a message, with its extra", async () => {
    const { transport, messages } = await host(Transport);
    const extra = { authInfo: { token: "", clientId: "c", scopes: [] } };
    await transport.handleMessage(ping, extra);
    expect(messages).toEqual([{ message: ping, extra }]);
  });

  it("DROPIN-1: handleMessage() rejects anything else, and tells onerror", async () => {
    const { transport, errors, messages } = await host(Transport);
    for (const bad of [undefined, null, 1, "ping", [], {}, { ...ping, jsonrpc: "1.0" }]) {
      await expect(transport.handleMessage(bad)).rejects.toThrow();
    }
    expect(errors).toHaveLength(7);
    expect(messages).toEqual([]);
  });

  it("DROPIN-1: sessionId is there from the start, and is one for each transport", async () => {
    const ids = new Set<string>();
    const { url } = await listen((_req, res) => {
      ids.add(new Transport("/m", res).sessionId);
      res.end();
    });
    for (let index = 0; index < 3; index++) await (await openStream(url)).ended;
    expect(ids.size).toBe(3);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("DROPIN-1: close() ends the response, and calls onclose", async () => {
    const { transport, stream, closed } = await host(Transport);
    await transport.close();
    await Promise.all([closed, stream.ended]);
  });

  it("DROPIN-1: a client that leaves calls onclose", async () => {
    const { stream, closed } = await host(Transport);
    stream.close();
    await closed;
  });
});

it("DROPIN-1: the two have the same members", () => {
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- the class that we replace
  const theirs = Object.getOwnPropertyNames(SdkTransport.prototype);
  const isOurs = (name: string): boolean => name in SSEServerTransport.prototype;
  expect(theirs.filter((name) => !isOurs(name))).toEqual(["validateRequestHeaders"]);
});
