import { request } from "node:http";
import { SSEServerTransport as SdkTransport } from "@modelcontextprotocol/sdk/server/sse.js";
import { McpServer as McpServerV1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { McpServer as McpServerV2 } from "@modelcontextprotocol/server";
import { SSEServerTransport } from "../../src/index.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { freezeTimers } from "../kit/clock.js";
import { listen } from "../kit/listen.js";
import { initialize, openSession, openStream, post } from "../kit/raw-sse.js";
import { host } from "../kit/drop-in.js";
import type { Hosted, HostOptions, TransportClass } from "../kit/drop-in.js";

let rejections: unknown[];
const onRejection = (reason: unknown) => void rejections.push(reason);

beforeEach(() => {
  rejections = [];
  process.on("unhandledRejection", onRejection);
});

cleanUpAfterEach();
afterEach(async () => {
  await new Promise(setImmediate);
  process.off("unhandledRejection", onRejection);
  expect(rejections).toEqual([]);
});

const Ours = SSEServerTransport as TransportClass;
// eslint-disable-next-line @typescript-eslint/no-deprecated -- the class that we replace
const Sdk = SdkTransport as unknown as TransportClass;
const ping = { jsonrpc: "2.0", id: 1, method: "ping" };

const hostOurs = (how?: HostOptions) => host(Ours, how);

/** Every way in which a session can end. */
const endings: Record<string, (hosted: Hosted) => unknown> = {
  "the client goes away": ({ stream }) => stream.close(),
  "the connection is reset": ({ res }) => res.socket?.resetAndDestroy(),
  "the connection breaks": ({ res }) => res.socket?.destroy(new Error("broken")),
  "the response is destroyed": ({ res }) => res.destroy(),
  "someone else ends the response": ({ res }) => res.end(),
  "close() is called": ({ transport }) => transport.close(),
  "close() is called twice": ({ transport }) => Promise.all([transport.close(), transport.close()]),
  "close() is called as the client goes away": ({ stream, transport }) => {
    stream.close();
    return transport.close();
  },
};

describe.each(Object.keys(endings))("when %s", (ending) => {
  it("SESSION-3, DROPIN-1: onclose is called exactly once, and nothing can be sent after it", async () => {
    const hosted = await hostOurs();
    await endings[ending]!(hosted);
    await hosted.closed;
    if (!hosted.res.closed) await new Promise((resolve) => hosted.res.once("close", resolve));
    await hosted.transport.close();
    expect(hosted.closes()).toBe(1);
    await expect(hosted.transport.send(ping)).rejects.toThrow("Not connected");
    await expect(hosted.transport.handleMessage(ping)).rejects.toMatchObject({
      code: "session_closed",
    });
    expect(hosted.messages).toEqual([]);
  });

  it.each([
    ["v1", () => new McpServerV1({ name: "s", version: "1" })],
    ["v2", () => new McpServerV2({ name: "s", version: "2" })],
  ])("SESSION-3: a server of SDK %s hears of it exactly once", async (_version, createServer) => {
    const server = createServer();
    let closes = 0;
    const closed = new Promise<void>((resolve) => {
      server.server.onclose = () => {
        closes++;
        resolve();
      };
    });
    let hosted: Pick<Hosted, "transport" | "res"> | undefined;
    const { url } = await listen((_req, res) => {
      const transport = new SSEServerTransport("/messages", res);
      hosted = { transport, res };
      void server.connect(transport);
    });
    const { stream } = await openSession(`${url}/sse`);
    await endings[ending]!({ ...hosted!, stream } as Hosted);
    await closed;
    await Promise.all([server.close(), hosted!.transport.close()]);
    expect(closes).toBe(1);
  });
});

describe("onclose", () => {
  it("SESSION-3: is called once by close() before start(), which is refused after that", async () => {
    const closes: number[] = [];
    const started: unknown[] = [];
    const { url } = await listen((_req, res) => {
      const transport = new SSEServerTransport("/messages", res);
      transport.onclose = () => void closes.push(1);
      void Promise.all([transport.close(), transport.close()])
        .then(() => transport.start())
        .catch((error: unknown) => started.push(error))
        .finally(() => res.end());
    });
    await (
      await openStream(url)
    ).ended;
    expect(closes).toHaveLength(1);
    expect(started).toHaveLength(1);
  });

  it("SESSION-3: server.close() ends the stream, and calls it once", async () => {
    const server = new McpServerV1({ name: "s", version: "1" });
    let closes = 0;
    server.server.onclose = () => closes++;
    const { url } = await listen((_req, res) => {
      void server.connect(new SSEServerTransport("/messages", res));
    });
    const { stream } = await openSession(`${url}/sse`);
    await server.close();
    await stream.ended;
    expect(closes).toBe(1);
  });

  it("SESSION-3: that throws is told to onerror, and harms nobody else", async () => {
    const hosted = await hostOurs({
      prepare: (transport) => {
        transport.onclose = () => {
          throw new Error("handler of onclose");
        };
      },
    });
    hosted.stream.close();
    await new Promise((resolve) => hosted.res.once("close", resolve));
    expect(hosted.errors.map(({ message }) => message)).toEqual(["handler of onclose"]);
  });

  it("SESSION-3: may call close() and send() itself", async () => {
    const refused: unknown[] = [];
    const hosted = await hostOurs({
      prepare: (transport) => {
        transport.onclose = () => {
          void transport.close();
          transport.send(ping).catch((error: unknown) => refused.push(error));
        };
      },
    });
    await hosted.transport.close();
    await hosted.stream.ended;
    expect(refused).toHaveLength(1);
  });

  it("SESSION-3: the SDK's class calls it twice after close(), which is what we do not copy", async () => {
    const hosted = await host(Sdk);
    await hosted.transport.close();
    await new Promise((resolve) => hosted.res.once("close", resolve));
    expect(hosted.closes()).toBe(2);
  });
});

describe("other handlers", () => {
  it("DROPIN-1: an onerror that throws does not keep the answer from the client", async () => {
    const hosted = await hostOurs({
      prepare: (transport) => {
        transport.onerror = () => {
          throw new Error("handler of onerror");
        };
      },
    });
    expect((await post(hosted.postUrl, "{")).status).toBe(400);
    expect(hosted.thrown.map(({ message }) => message)).toEqual(["handler of onerror"]);
    expect((await post(hosted.postUrl, ping)).status).toBe(202);
  });

  it("DROPIN-1: an onmessage that closes the transport has its message answered", async () => {
    const hosted = await hostOurs({
      prepare: (transport) => {
        transport.onmessage = () => void transport.close();
      },
    });
    expect((await post(hosted.postUrl, ping)).status).toBe(202);
    await hosted.stream.ended;
    expect(hosted.closes()).toBe(1);
  });

  it("MESSAGE-6: JSON that cannot be read is told to onerror, which the SDK's class leaves out", async () => {
    const [ours, theirs] = [await hostOurs(), await host(Sdk)];
    for (const { postUrl } of [ours, theirs]) await post(postUrl, "{");
    expect([ours.errors.length, theirs.errors.length]).toEqual([1, 0]);
  });

  it("MESSAGE-7: nothing of a refused body is repeated in the answer, as the SDK's class does", async () => {
    const bad = { "no-message": "secret" };
    const { postUrl } = await hostOurs();
    expect((await post(postUrl, bad)).text).not.toContain("secret");
    const protectedHost = await hostOurs({
      options: { enableDnsRebindingProtection: true, allowedHosts: ["a.example"] },
    });
    const { text } = await post(protectedHost.postUrl, ping);
    expect(text).toBe("Invalid Host header");
  });
});

describe("the stream", () => {
  it("STREAM-5: tells proxies not to buffer, and has no Connection header of ours", async () => {
    const { stream } = await hostOurs();
    expect(stream.headers["x-accel-buffering"]).toBe("no");
    const raw = await new Promise<string[]>((resolve, reject) => {
      void listen((_req, res) => void new SSEServerTransport("/m", res).start()).then(
        ({ port }) => {
          const get = request({ port, headers: { connection: "close" } });
          get.on("response", (response) => resolve(response.rawHeaders)).on("error", reject);
          get.end();
          onDispose(() => get.destroy());
        },
      );
    });
    expect(raw.filter((name) => name.toLowerCase() === "connection")).toHaveLength(1);
    expect(raw.join(" ")).not.toMatch(/keep-alive/i);
  });

  it("STREAM-1: its endpoint never begins with two slashes, which clients take for a host", async () => {
    for (const endpoint of ["//evil.example/m", "/\\evil.example/m", "///m"]) {
      const hosted = await hostOurs({ endpoint });
      expect(hosted.endpoint).toMatch(/^\/[^/\\]/);
    }
  });

  it("STREAM-6: keeps itself alive, by its own option or the default", async () => {
    freezeTimers();
    const { stream } = await hostOurs({ options: { keepAliveMs: undefined } as object });
    jest.advanceTimersByTime(15_000);
    expect(await stream.nextComment()).toBe(": keep-alive");
  });

  it.each([undefined, null, "text", 5])(
    "STREAM-4: %p is no message: send() rejects, and nothing else comes of it",
    async (message) => {
      const { transport, stream } = await hostOurs();
      await expect(transport.send(message as never)).rejects.toThrow(TypeError);
      await transport.send(ping);
      expect(await stream.nextMessage()).toEqual(ping);
    },
  );

  it("STREAM-8: send() waits for a slow reader, and rejects when that goes away", async () => {
    const { stream, transport } = await hostOurs({ options: { maxQueuedBytes: 1 } as object });
    stream.pause();
    const text = "x".repeat(32_000_000);
    void transport.send({ ...ping, params: { text } });
    const second = transport.send(ping);
    const waiting = Symbol("waiting");
    const turn = new Promise((resolve) => setImmediate(resolve, waiting));
    expect(await Promise.race([second, turn])).toBe(waiting);
    stream.close();
    await expect(second).rejects.toMatchObject({ code: "session_closed" });
  });

  it("SESSION-3: a response that is in use already rejects start(), and takes no messages", async () => {
    const outcome: unknown[] = [];
    let transport: SSEServerTransport | undefined;
    const { url } = await listen((req, res) => {
      if (req.method === "POST") {
        transport!.handlePostMessage(req, res).catch((error: unknown) => outcome.push(error));
        return;
      }
      res.writeHead(200).write("hello");
      transport = new SSEServerTransport("/m", res);
      transport.start().catch((error: unknown) => {
        outcome.push(error);
        res.end();
      });
    });
    await (
      await openStream(url)
    ).ended;
    expect((await post(url, initialize)).status).toBe(500);
    expect(outcome).toHaveLength(2);
  });
});
