import { cleanUpAfterEach } from "../kit/clean-up.js";
import { pairs, serverV1 } from "../kit/feature-clients.js";
import { Stage } from "../kit/feature-servers.js";
import { listen } from "../kit/listen.js";
import { send } from "../kit/raw-http.js";
import { initialize, initialized, openStream, toolCall } from "../kit/raw-sse.js";
import { postForStream, postMessage } from "../kit/streamable.js";
import { isSettled, signal, until } from "../kit/waiting.js";
import {
  CLASSES,
  hostBegun,
  hostRecipe,
  hostStateless,
  hostTransport,
} from "../kit/streamable-drop-in.js";

cleanUpAfterEach();

const ping = { jsonrpc: "2.0", id: 1, method: "ping" };

describe.each(CLASSES)("$name", ({ Transport }) => {
  it.each(pairs)(
    "DROPIN-3: $client.name and $server.name talk through the SDK's recipe",
    async ({ client, server }) => {
      const stage = new Stage();
      const hosted = await hostRecipe(Transport, () => server.create(stage));
      const mcp = await client.connect(hosted.mcpUrl, { stage, streamable: true });
      expect(await mcp.call("echo", { text: "hello" })).toBe("hello");
      stage.tell("steps seen");
      const steps: number[] = [];
      await mcp.call("steps", {}, { onprogress: ({ progress }) => steps.push(progress) });
      expect(steps).toEqual([1, 2, 3]);
      const sessionIds = Object.keys(hosted.transports);
      expect(sessionIds).toHaveLength(1);
      const ended = await send(hosted.mcpUrl, {
        method: "DELETE",
        headers: { "mcp-session-id": sessionIds[0]! },
      });
      expect(ended.status).toBe(200);
      await until(() => Object.keys(hosted.transports).length === 0);
    },
  );

  it.each(pairs)(
    "DROPIN-3: $client.name and $server.name talk through the SDK's recipe without sessions",
    async ({ client, server }) => {
      const { mcpUrl } = await hostStateless(Transport, () => server.create(new Stage()));
      const mcp = await client.connect(mcpUrl, { streamable: true });
      expect(await mcp.call("echo", { text: "hello" })).toBe("hello");
    },
  );

  it("DROPIN-3: the session is known to the application before its server hears of the client", async () => {
    const waiting = signal();
    const asked = signal<string>();
    const { url, messages, transport } = await hostTransport(Transport, {
      sessionIdGenerator: () => "an-id",
      onsessioninitialized: async (id) => {
        asked.resolve(id);
        await waiting.promise;
      },
    });
    const answer = postForStream(url, initialize);
    expect(await asked.promise).toBe("an-id");
    expect([transport.sessionId, messages]).toEqual(["an-id", []]);
    waiting.resolve();
    const { status, headers } = await answer;
    expect([status, headers["mcp-session-id"], messages.length]).toEqual([200, "an-id", 1]);
  });

  it("DROPIN-3: a DELETE is told to the application, and ends the session", async () => {
    const closed: string[] = [];
    const hosted = await hostBegun(Transport, { onsessionclosed: (id) => void closed.push(id) });
    const end = () => send(hosted.url, { method: "DELETE", headers: hosted.named });
    expect((await end()).status).toBe(200);
    expect([closed, hosted.closes()]).toEqual([[hosted.sessionId], 1]);
    expect((await end()).status).toBe(404);
    expect((await postMessage(hosted.url, ping, hosted.named)).status).toBe(404);
    expect((await postMessage(hosted.url, initialize)).status).toBe(404);
  });

  const other = { "mcp-session-id": "another" };
  it.each([
    ["a call", 200, "POST", ping, {}],
    ["a notification", 202, "POST", initialized, {}],
    ["a message without a session", 400, "POST", ping, { "mcp-session-id": "" }],
    ["a message of another session", 404, "POST", ping, other],
    ["a second initialize", 400, "POST", initialize, {}],
    ["a revision that there is not", 400, "POST", ping, { "mcp-protocol-version": "1999-01-01" }],
    ["no JSON", 400, "POST", "{", {}],
    ["no message", 400, "POST", { hello: 1 }, {}],
    ["another type", 415, "POST", ping, { "content-type": "text/plain" }],
    ["5 MB", 413, "POST", { ...ping, params: { text: "x".repeat(5_000_000) } }, {}],
    ["a client that takes no answer", 406, "POST", ping, { accept: "text/html" }],
    ["a GET", 200, "GET", undefined, { accept: "text/event-stream" }],
    ["a GET for JSON", 406, "GET", undefined, { accept: "application/json" }],
    ["a GET without a session", 400, "GET", undefined, { "mcp-session-id": "" }],
    ["a GET of another session", 404, "GET", undefined, other],
    ["a DELETE without a session", 400, "DELETE", undefined, { "mcp-session-id": "" }],
    ["a DELETE of another session", 404, "DELETE", undefined, other],
    ["another method", 405, "PUT", ping, {}],
  ] as [string, number, string, unknown, Record<string, string>][])(
    "DROPIN-3: %s is answered %i",
    async (_what, status, method, body, headers) => {
      const { url, named } = await hostBegun(Transport);
      const usual = {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
      };
      const answer = await send(url, {
        method,
        headers: { ...usual, ...named, ...headers },
        ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      expect(answer.status).toBe(status);
      if (status >= 400) {
        expect(answer.json).toMatchObject({ jsonrpc: "2.0", error: {}, id: null });
      }
      if (status === 405) expect(answer.headers.allow).toBe("GET, POST, DELETE");
    },
  );

  it("DROPIN-3: before initialize there is no session", async () => {
    const { url, errors } = await hostTransport(Transport);
    expect((await postMessage(url, ping, other)).status).toBe(400);
    expect((await openStream(url, { accept: "text/event-stream", ...other })).status).toBe(400);
    expect(errors).toHaveLength(2);
  });

  it("DROPIN-3: calls are answered by a stream at once, with enableJsonResponse by JSON", async () => {
    const hosted = await hostBegun(Transport);
    const stream = await postForStream(hosted.url, toolCall(5, "slow"), hosted.named);
    expect(stream.headers["content-type"]).toBe("text/event-stream");
    await until(() => hosted.messages.some(({ message }) => message["id"] === 5));
    await hosted.transport.send({ jsonrpc: "2.0", id: 5, result: {} });
    await stream.ended;
    expect(stream.bytes).toContain('"id":5');
    const json = await hostBegun(Transport, { enableJsonResponse: true });
    const answer = await postMessage(json.url, ping, json.named);
    expect(answer.json).toEqual({ jsonrpc: "2.0", id: 1, result: {} });
  });

  it("DROPIN-2, DROPIN-3: req.auth reaches the tools", async () => {
    const authInfo = { token: "t", clientId: "c", scopes: [] };
    const hosted = await hostRecipe(
      Transport,
      () => serverV1.create(new Stage()),
      {},
      (req, _res, next) => {
        Object.assign(req, { auth: authInfo });
        next();
      },
    );
    const mcp = await pairs[0]!.client.connect(hosted.mcpUrl, { streamable: true });
    const seen: unknown = JSON.parse(await mcp.call("whoami"));
    expect(seen).toMatchObject({ clientId: "c", token: "t" });
  });

  it("DROPIN-3: handleRequest resolves when its response has ended", async () => {
    const resolved = signal();
    let transport: InstanceType<typeof Transport> | undefined;
    const { url } = await listen((req, res) => {
      transport = new Transport({ sessionIdGenerator: undefined });
      const arrived = signal();
      transport.onmessage = () => arrived.resolve();
      void transport.start().then(() => {
        void transport!.handleRequest(req, res).then(resolved.resolve);
      });
    });
    const stream = await postForStream(url, toolCall(1, "slow"));
    expect(await isSettled(resolved.promise)).toBe(false);
    await transport!.send({ jsonrpc: "2.0", id: 1, result: {} });
    await Promise.all([resolved.promise, stream.ended]);
  });

  it("DROPIN-3: without sessions, a transport answers one request", async () => {
    const { url, sessionId } = await hostBegun(Transport, { sessionIdGenerator: undefined });
    expect(sessionId).toBe("undefined");
    expect((await postMessage(url, ping)).status).toBe(500);
  });

  it.each([
    ["a Host that is not listed", { allowedHosts: ["other.example"] }, {}, 403],
    ["any Host when none is listed", { allowedHosts: [] }, {}, 200],
    ["an Origin that is listed", { allowedOrigins: ["http://a.example"] }, {}, 200],
    [
      "an Origin that is not",
      { allowedOrigins: ["http://a.example"] },
      { origin: "http://b.example" },
      403,
    ],
  ])(
    "DROPIN-3: with protection, %s is answered as it should",
    async (_what, lists, headers, status) => {
      const options = { enableDnsRebindingProtection: true, ...lists };
      const { url } = await hostTransport(Transport, options);
      const stream = await postForStream(url, initialize, headers);
      expect(stream.status).toBe(status);
    },
  );

  it("DROPIN-3: a parsed body counts, and what is on the socket does not", async () => {
    const { url, messages } = await hostTransport(Transport, {}, initialize);
    expect((await postForStream(url, ping)).status).toBe(200);
    expect(messages.map(({ message }) => message["method"])).toEqual(["initialize"]);
  });

  it("DROPIN-3: start() twice rejects, and close() calls onclose once", async () => {
    const { transport, closes } = await hostTransport(Transport);
    await expect(transport.start()).rejects.toThrow(/already/);
    await transport.close();
    await transport.close();
    expect(closes()).toBe(1);
  });

  it("DROPIN-3: it is a class: its objects are known by it, and it can be extended", async () => {
    class Counting extends Transport {
      sent = 0;

      override async send(message: unknown, options?: object): Promise<void> {
        this.sent++;
        await super.send(message, options);
      }
    }
    const { transport } = await hostBegun(Counting);
    expect(transport).toBeInstanceOf(Transport);
    expect(transport).toMatchObject({ sent: 1 });
  });

  it("DROPIN-3: what a server says by itself goes on the stream of the GET, which it can end", async () => {
    const { transport, url, named } = await hostBegun(Transport);
    const stream = await openStream(url, { accept: "text/event-stream", ...named });
    await transport.send({ jsonrpc: "2.0", method: "notifications/tools/list_changed" });
    for (;;) {
      const { data } = await stream.nextEvent();
      if (data.includes("list_changed")) break;
    }
    transport.closeStandaloneSSEStream();
    await stream.ended;
  });
});

it("DROPIN-3: the classes have the same members", () => {
  const [v1, v2, ours] = CLASSES.map(({ Transport }) => Transport.prototype as object);
  const theirs = [v1, v2].flatMap((prototype) => Object.getOwnPropertyNames(prototype));
  const own = new CLASSES[2]!.Transport({ sessionIdGenerator: () => "id" });
  const missing = theirs.filter((name) => !(name in ours!) && !Object.hasOwn(own, name));
  expect(new Set(missing)).toEqual(new Set(["setSupportedProtocolVersions"]));
});
