import { authInfoFor, SSEServerTransport, StreamableHTTPServerTransport } from "../../src/index.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { pairs } from "../kit/feature-clients.js";
import type { ServerKit } from "../kit/feature-clients.js";
import { createFeatureServerV1, Stage } from "../kit/feature-servers.js";
import { listen } from "../kit/listen.js";
import { RawConnection, send } from "../kit/raw-http.js";
import { initialize, openSession, openStream, post, toolCall } from "../kit/raw-sse.js";
import type { RawStream } from "../kit/raw-sse.js";
import {
  initializeFor,
  postForStream,
  postMessage,
  StreamableConversation,
} from "../kit/streamable.js";
import { isSettled, signal, turn, until } from "../kit/waiting.js";
import { CLASSES, hostBegun, hostRecipe, hostTransport } from "../kit/streamable-drop-in.js";
import type { StreamableClass } from "../kit/streamable-drop-in.js";

cleanUpAfterEach();

const ping = { jsonrpc: "2.0", id: 1, method: "ping" };
const Ours = CLASSES[2]!.Transport;
const servers = [...new Set(pairs.map(({ server }) => server))];
const both = CLASSES.flatMap(({ name, Transport }) =>
  servers.map((server) => ({ name, Transport, server, isOurs: Transport === Ours })),
);

/** A session of a client that can be asked, through the SDK's recipe. */
async function conversation(Transport: StreamableClass, server: ServerKit, options = {}) {
  const stage = new Stage();
  const { mcpUrl } = await hostRecipe(Transport, () => server.create(stage), options);
  const version = "2025-11-25";
  const opening = await postForStream(mcpUrl, initializeFor(version, ASKABLE));
  const id = String(opening.headers["mcp-session-id"]);
  await opening.ended;
  const named = { "mcp-session-id": id, "mcp-protocol-version": version };
  return { stage, mcp: new StreamableConversation(mcpUrl, id, named) };
}

const ASKABLE = { capabilities: { elicitation: {} } };

/** The next event that has data. */
async function nextMessage(stream: RawStream): Promise<Record<string, unknown>> {
  for (;;) {
    const { data } = await stream.nextEvent();
    if (data !== "") return JSON.parse(data) as Record<string, unknown>;
  }
}

/** The text of the tool's answer on a stream. */
async function answerOn(stream: RawStream): Promise<string> {
  const { result } = (await nextMessage(stream)) as { result: { content: { text: string }[] } };
  return result.content[0]!.text;
}

describe.each(both)("$name with $server.name", ({ Transport, server, isOurs }) => {
  it("STREAMABLE-9: is told apart by whether each of two calls with one id gets its own answer", async () => {
    const { mcp, stage } = await conversation(Transport, server);
    const first = await mcp.stream(toolCall(1, "held", { name: "first" }));
    await stage.heard("first started");
    const second = await mcp.stream(toolCall(1, "held", { name: "second" }));
    await stage.heard("second started");
    stage.tell("first released");
    // The SDK's gives the second the answer of the first, which hears nothing for ever.
    const [hears, does] = isOurs ? [first, second] : [second, first];
    expect(await answerOn(hears)).toBe("first");
    stage.tell("second released");
    if (isOurs) expect(await answerOn(does)).toBe("second");
    else expect(await isSettled(nextMessage(does).catch(() => undefined))).toBe(false);
  });

  it("STREAMABLE-8: is told apart by whether a tool can ask its user without a stream of a GET", async () => {
    const { mcp } = await conversation(Transport, server);
    const call = await mcp.stream(toolCall(1, "elicit"));
    const asked = nextMessage(call).catch(() => undefined);
    if (!isOurs) {
      // All that the server has said is on its way: what comes after it has been answered.
      const other = await mcp.stream(toolCall(2, "echo", { text: "later" }));
      expect(await answerOn(other)).toBe("later");
      expect(await isSettled(asked)).toBe(false);
      return;
    }
    const { id, method } = (await asked) as { id: number; method: string };
    expect(method).toBe("elicitation/create");
    const result = { action: "accept", content: { colour: "green" } };
    expect((await mcp.post({ jsonrpc: "2.0", id, result })).status).toBe(202);
    expect(JSON.parse(await answerOn(call))).toEqual(result);
  });
});

describe.each(CLASSES)("$name", ({ Transport }) => {
  const isOurs = Transport === Ours;

  it("STREAMABLE-16, STREAM-8: is told apart by whether send() waits for a reader that does not read", async () => {
    const { transport, url, named } = await hostBegun(Transport);
    const stream = await openStream(url, { accept: "text/event-stream", ...named });
    stream.pause();
    const text = "x".repeat(1_048_576);
    const message = { jsonrpc: "2.0", method: "notifications/message", params: { text } };
    const sent = Array.from({ length: 40 }, () => transport.send(message));
    for (const one of sent) one.catch(() => undefined);
    if (isOurs) expect(await isSettled(sent.at(-1)!)).toBe(false);
    else await Promise.all(sent);
    stream.close();
  });

  it("STREAMABLE-7: is told apart by whether a second GET is let in", async () => {
    const { url, named } = await hostBegun(Transport);
    const get = () => openStream(url, { accept: "text/event-stream", ...named });
    const first = await get();
    const second = await get();
    expect(second.status).toBe(isOurs ? 200 : 409);
    second.close();
    if (isOurs) await first.ended;
  });

  it("STREAMABLE-6: is told apart by whether a client may name one of the two types", async () => {
    const { url, named } = await hostBegun(Transport);
    const answer = await postMessage(url, ping, { ...named, accept: "application/json" });
    expect(answer.status).toBe(isOurs ? 200 : 406);
  });

  it("MESSAGE-7: is told apart by whether it refuses a batch", async () => {
    const { url, named } = await hostBegun(Transport);
    const { status } = await postForStream(url, [ping], named);
    expect(status).toBe(isOurs ? 400 : 200);
  });
});

describe("a session of StreamableHTTPServerTransport", () => {
  it("STREAMABLE-10: a call that is cut off is gone on with, without a store of events", async () => {
    const { mcp, stage } = await conversation(Ours, servers[0]!);
    const cut = await mcp.stream(toolCall(1, "held", { name: "call" }));
    const { id } = await cut.nextEvent();
    cut.close();
    stage.tell("call released");
    const back = await mcp.listen(id);
    expect(await answerOn(back)).toBe("call");
  });

  it("STREAMABLE-22: closeSSEStream ends the response to a call, whose client comes back", async () => {
    const { url, transport, named, messages } = await hostBegun(Ours, { retryInterval: 20 });
    const call = await postForStream(url, toolCall(5, "slow"), named);
    const { id } = await call.nextEvent();
    await until(() => messages.some(({ message }) => message["id"] === 5));
    transport.closeSSEStream(5);
    await call.ended;
    expect(call.bytes).toMatch(/retry: 20\n\n$/);
    await transport.send({ jsonrpc: "2.0", id: 5, result: {} });
    const back = await openStream(url, { ...named, "last-event-id": id! });
    expect(await nextMessage(back)).toMatchObject({ id: 5 });
  });

  it("STREAMABLE-22: it leaves the response to a client that could not come back", async () => {
    const { url, transport, named, messages } = await hostBegun(Ours);
    const older = { ...named, "mcp-protocol-version": "2025-06-18" };
    const call = await postForStream(url, toolCall(5, "slow"), older);
    await until(() => messages.some(({ message }) => message["id"] === 5));
    transport.closeSSEStream(5);
    await transport.send({ jsonrpc: "2.0", id: 5, result: {} });
    expect(await nextMessage(call)).toMatchObject({ id: 5 });
  });

  it("STREAMABLE-18: close() answers what waits, and onclose is called once", async () => {
    const hosted = await hostBegun(Ours, { enableJsonResponse: true });
    const { url, transport, named, messages, closes } = hosted;
    const call = postMessage(url, toolCall(5, "slow"), named);
    await until(() => messages.some(({ message }) => message["id"] === 5));
    await transport.close();
    expect((await call).status).toBe(404);
    expect(closes()).toBe(1);
  });

  it("STREAMABLE-1: a session that the application could not take has ended", async () => {
    const failing = [
      () => {
        throw new Error("no room");
      },
      () => Promise.reject(new Error("no room")),
    ];
    for (const onsessioninitialized of failing) {
      const hosted = await hostTransport(Ours, { onsessioninitialized });
      const answer = await postMessage(hosted.url, initialize);
      expect([answer.status, answer.headers["mcp-session-id"]]).toEqual([500, undefined]);
      expect(answer.text).not.toContain("no room");
      expect([hosted.errors.map(({ message }) => message), hosted.closes()]).toEqual([
        ["no room"],
        1,
      ]);
    }
  });

  it.each(["", "with a space", "é", undefined as never])(
    "STREAMABLE-1: %j is no id of a session",
    async (id) => {
      const hosted = await hostTransport(Ours, { sessionIdGenerator: () => id });
      expect((await postMessage(hosted.url, initialize)).status).toBe(500);
      expect(hosted.errors).toMatchObject([{ message: expect.stringContaining("visible ASCII") }]);
      expect(hosted.closes()).toBe(1);
    },
  );

  it("STREAMABLE-15: a session that the application fails to close has ended all the same", async () => {
    const hosted = await hostBegun(Ours, {
      onsessionclosed: () => Promise.reject(new Error("the map is gone")),
    });
    const answer = await send(hosted.url, { method: "DELETE", headers: hosted.named });
    expect([answer.status, hosted.errors.length, hosted.closes()]).toEqual([500, 1, 1]);
  });

  it("STREAMABLE-15: two DELETE at a time are told to the application once", async () => {
    const held = signal();
    const told: string[] = [];
    const hosted = await hostBegun(Ours, {
      onsessionclosed: async (id) => {
        told.push(id);
        await held.promise;
      },
    });
    const connection = await RawConnection.open(Number(new URL(hosted.url).port));
    const named = Object.entries(hosted.named).map(([name, value]) => `${name}: ${value}\r\n`);
    // Both on one connection, so that the second is there before the first is answered.
    connection.write(`DELETE / HTTP/1.1\r\nhost: 127.0.0.1\r\n${named.join("")}\r\n`.repeat(2));
    await until(() => told.length > 0);
    await turn();
    held.resolve();
    const answers = [await connection.nextAnswer(), await connection.nextAnswer()];
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect([told, hosted.closes(), hosted.errors]).toEqual([[hosted.sessionId], 1, []]);
  });

  it("DROPIN-3: two initialize at a time begin one session", async () => {
    const held = signal();
    const { url, messages } = await hostTransport(Ours, {
      onsessioninitialized: () => held.promise,
    });
    const first = postForStream(url, initialize);
    const statuses = [(await postMessage(url, initialize)).status];
    held.resolve();
    statuses.push((await first).status);
    // Which of the two came first, the network decides.
    expect(statuses).toEqual(expect.arrayContaining([400, 200]));
    expect(messages).toHaveLength(1);
  });

  it("DROPIN-3: without a server, a request is answered 500, and handleRequest throws", async () => {
    const thrown = signal<unknown>();
    const { url } = await listen((req, res) => {
      new StreamableHTTPServerTransport().handleRequest(req, res).catch(thrown.resolve);
    });
    expect((await postMessage(url, ping)).status).toBe(500);
    expect(await thrown.promise).toMatchObject({ message: expect.stringContaining("connect") });
  });

  it("DROPIN-3: an onmessage that throws is answered 500, and the session goes on", async () => {
    const { url, transport, named, errors } = await hostBegun(Ours);
    const { onmessage } = transport;
    transport.onmessage = () => {
      throw new Error("handler");
    };
    expect((await postMessage(url, ping, named)).status).toBe(500);
    expect(errors.map(({ message }) => message)).toEqual(["handler"]);
    transport.onmessage = onmessage;
    expect((await postForStream(url, ping, named)).status).toBe(200);
  });
});

describe("whose a session is", () => {
  const alice = authInfoFor({ id: "alice", scopes: ["read"] });
  const callers = {
    nobody: undefined,
    "another person": authInfoFor({ id: "bob", scopes: ["read"] }),
    "somebody whom others have authenticated": { token: "t", clientId: "alice", scopes: ["read"] },
    "its opener with less rights": authInfoFor({ id: "alice" }),
  };

  /** Routes of the application's own, behind a guard that says who calls. */
  async function guarded() {
    let caller: object | undefined = alice;
    const { mcpUrl } = await hostRecipe(
      Ours,
      () => createFeatureServerV1(new Stage()),
      {},
      (req, _res, next) => {
        Object.assign(req, { auth: caller });
        next();
      },
    );
    const opening = await postForStream(mcpUrl, initialize);
    const headers = { "mcp-session-id": String(opening.headers["mcp-session-id"]) };
    const call = (as: object | undefined) => (caller = as);
    return { mcpUrl, headers, call };
  }

  it.each(Object.entries(callers))("DROPIN-2: is not that of %s", async (_who, caller) => {
    const { mcpUrl, headers, call } = await guarded();
    call(caller);
    const message = await postMessage(mcpUrl, ping, headers);
    const stream = await openStream(mcpUrl, headers);
    const end = await send(mcpUrl, { method: "DELETE", headers });
    expect([message.status, stream.status, end.status]).toEqual([404, 404, 404]);
    call(authInfoFor({ id: "alice", scopes: ["read", "write"] }));
    expect((await postForStream(mcpUrl, ping, headers)).status).toBe(200);
  });

  it("DROPIN-2: cannot be known from what others say of a caller, and is anybody's then", async () => {
    const { mcpUrl, call } = await guarded();
    call({ token: "one", clientId: "c", scopes: [] });
    const opening = await postForStream(mcpUrl, initialize);
    const headers = { "mcp-session-id": String(opening.headers["mcp-session-id"]) };
    call({ token: "two", clientId: "c", scopes: [] });
    expect((await postForStream(mcpUrl, ping, headers)).status).toBe(200);
  });

  it.each(Object.entries(callers))(
    "DROPIN-2: over HTTP+SSE is not that of %s",
    async (_who, caller) => {
      let transport: SSEServerTransport | undefined;
      let auth: object | undefined = alice;
      const messages: unknown[] = [];
      const { url } = await listen((req, res) => {
        Object.assign(req, { auth });
        if (req.method === "GET") {
          transport = new SSEServerTransport("/messages", res);
          transport.onmessage = (message) => void messages.push(message);
          void transport.start();
        } else void transport!.handlePostMessage(req, res);
      });
      const { postUrl } = await openSession(`${url}/sse`);
      auth = caller;
      expect((await post(postUrl, ping)).status).toBe(404);
      auth = alice;
      expect((await post(postUrl, ping)).status).toBe(202);
      expect(messages).toHaveLength(1);
    },
  );
});

describe("options", () => {
  const id = () => "id";
  it.each([
    ["eventStore", { eventStore: {} }, "resume.maxBufferedBytes"],
    ["supportedProtocolVersions", { supportedProtocolVersions: ["2025-11-25"] }, "the server"],
    ["sessionIdGenerator", { sessionIdGenerator: "uuid" }, "randomUUID"],
    ["retryInterval", { sessionIdGenerator: id, retryInterval: 0 }, "from 1"],
    ["retryInterval", { sessionIdGenerator: id, retryInterval: 5, resume: false }, "resume: false"],
    ["retryInterval", { retryInterval: 5 }, "sessionIdGenerator"],
    ["resume", { resume: {} }, "sessionIdGenerator"],
    ["resume.retryMs", { sessionIdGenerator: id, resume: { retryMs: 1 } }, "graceMs"],
    ["onsessioninitialized", { onsessioninitialized: id }, "sessionIdGenerator"],
    ["onsessionclosed", { onsessionclosed: id }, "sessionIdGenerator"],
    ["onsessionclosed", { sessionIdGenerator: id, onsessionclosed: true }, "(sessionId)"],
    ["enableJsonResponse", { enableJsonResponse: "yes" }, "true or false"],
    ["sseAfterMs", { enableJsonResponse: true, sseAfterMs: 5 }, "enableJsonResponse"],
    ["keepAliveMs", { keepAliveMs: -1 }, "from 0"],
    ["maxRequestBodySize", { maxRequestBodySize: 0 }, "from 1"],
    ["enableDnsRebindingProtection", { enableDnsRebindingProtection: 1 }, "true or false"],
    ["allowedHosts", { allowedHosts: "localhost" }, '["localhost"]'],
    ["allowedOrigins", { allowedOrigins: [undefined] }, "list of texts"],
    ["maxRequestBodySise", { maxRequestBodySise: 1 }, "maxRequestBodySize"],
  ])("DROPIN-4: %s is refused where it would not count", (name, options, instead) => {
    const make = () => new Ours(options as never);
    expect(make).toThrow(TypeError);
    expect(make).toThrow(`options.${name} `);
    expect(make).toThrow(instead);
  });

  it.each([null, 5, "id"])("DROPIN-4: %p is refused, which is no options at all", (options) => {
    expect(() => new Ours(options as never)).toThrow("must be an object");
  });

  it("DROPIN-4: one that is undefined is left out", () => {
    const options = { sessionIdGenerator: undefined, onsessioninitialized: undefined };
    expect(() => new Ours({ ...options, eventStore: undefined } as never)).not.toThrow();
  });
});
