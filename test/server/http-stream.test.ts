import type { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { MCPServer } from "../../src/index.js";
import type { AuthConfig, HttpStreamServerOptions, SseServerOptions } from "../../src/index.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { freezeTimers, turnClock } from "../kit/clock.js";
import { asCaller } from "../kit/conversation.js";
import { addToolsV1, Stage } from "../kit/feature-servers.js";
import { clientV1, clientV2 } from "../kit/feature-clients.js";
import { recordingLogger, secret } from "../kit/leak-watch.js";
import { connectV2, modernCall, postModern, REVISION } from "../kit/modern.js";
import { send } from "../kit/raw-http.js";
import { openStream, toolCall } from "../kit/raw-sse.js";
import { fakeIssuer, oauthFor } from "../kit/resource-server.js";
import { JWT_AUTH, startMcpServer } from "../kit/serve.js";
import { Facts } from "../kit/session-facts.js";
import { begin, initializeFor, postMessage, StreamableConversation } from "../kit/streamable.js";
import { SECRET } from "../kit/tokens.js";

cleanUpAfterEach();

type Options =
  | ({ readonly type: "http-stream" } & HttpStreamServerOptions<AuthConfig>)
  | ({ readonly type: "sse" } & SseServerOptions<AuthConfig>);

const HTTP_STREAM = { type: "http-stream" } as const;
const BOTH = { type: "sse", streamable: true } as const;

/** An `MCPServer` with the tools of {@link addToolsV1}, and for whom they were registered. */
async function serve({ type, ...options }: Options) {
  secret(SECRET);
  const logger = recordingLogger();
  const stage = new Stage();
  const setup = jest.fn((mcp: McpServer) => addToolsV1(mcp, stage));
  const server = await startMcpServer({
    name: "features",
    setup,
    transport: { type, options: { port: 0, logger, auth: JWT_AUTH, ...options } as never },
  });
  const url = server.url!;
  return { server, url, origin: new URL(url).origin, sessions: server.sessions!, setup, stage };
}

/** What each session says of itself, of those that have begun. */
const wiresOf = ({ sessions }: Awaited<ReturnType<typeof serve>>) =>
  sessions.list().map(({ transport, era, client }) => [transport, era, client?.name]);

const named = (server: Awaited<ReturnType<typeof serve>>, path: string) => server.origin + path;

describe.each([
  ["ahead of Express", true],
  ["through Express", false],
])("MCPServer with http-stream, %s", (_how, ahead) => {
  it.each([clientV1, clientV2])(
    "STREAMABLE-2, AUTH-10: $name calls tools and is asked back at /mcp; setup runs once for it",
    async (client) => {
      const served = await serve({ ...HTTP_STREAM, ahead });
      expect(new URL(served.url).pathname).toBe("/mcp");
      const mcp = await client.connect(served.url, {
        headers: asCaller({ sub: "ada" }),
        streamable: true,
      });
      expect(await mcp.call("echo", { text: "hello" })).toBe("hello");
      expect(JSON.parse(await mcp.call("whoami"))).toMatchObject({ principal: { id: "ada" } });
      expect(await mcp.call("elicit")).toContain("green");
      expect(served.setup).toHaveBeenCalledTimes(1);
      expect(wiresOf(served)).toMatchObject([["streamable", "2025", expect.any(String)]]);
    },
  );

  it("MODERN-3: a client that knows 2026-07-28 begins a session, and no server is made to find that out", async () => {
    const served = await serve({ ...HTTP_STREAM, ahead });
    const mcp = await connectV2(served.url, "auto");
    expect(mcp.getProtocolEra()).toBe("legacy");
    await mcp.callTool({ name: "echo", arguments: { text: "hello" } });
    await expect(connectV2(served.url, { pin: REVISION })).rejects.toThrow();
    const refused = await postModern(served.url, modernCall(1, "echo", { text: "x" }));
    expect(refused.status).toBe(400);
    expect(served.setup).toHaveBeenCalledTimes(1);
  });

  it("STREAMABLE-3: a session is its opener's, on every method", async () => {
    const served = await serve({ ...HTTP_STREAM, ahead });
    const alice = await begin(served.url);
    const bob = asCaller({ sub: "bob" });
    expect((await alice.post(toolCall(2, "whoami"), bob)).status).toBe(404);
    expect((await alice.listen(undefined, bob)).status).toBe(404);
    expect((await alice.delete(bob)).status).toBe(404);
    expect((await postMessage(served.url, initializeFor("2025-11-25"))).status).toBe(401);
    expect(await alice.call("echo", { text: "still here" })).toBe("still here");
    expect((await alice.delete()).status).toBe(200);
    expect(served.sessions.size).toBe(0);
  });

  it("STREAMABLE-2: nothing else is served: no HTTP+SSE, and nothing at the root", async () => {
    const served = await serve({ ...HTTP_STREAM, ahead });
    const get = await openStream(served.url, asCaller());
    expect([get.status, get.headers.allow]).toEqual([405, "POST, DELETE, OPTIONS"]);
    for (const path of ["/", "/sse", "/messages"]) {
      expect((await send(named(served, path), { headers: asCaller() })).status).toBe(404);
    }
    expect((await send(named(served, "/health"))).json).toEqual({ ok: true });
    await expect(clientV1.connect(served.url, { headers: asCaller() })).rejects.toThrow("405");
  });

  it("STREAMABLE-2: clients of all wires share a server with type sse and streamable", async () => {
    const served = await serve({ ...BOTH, ahead });
    expect(new URL(served.url).pathname).toBe("/sse");
    const headers = asCaller();
    for (const client of [clientV1, clientV2]) {
      const old = await client.connect(served.url, { headers });
      expect(await old.call("echo", { text: "old" })).toBe("old");
      for (const path of ["/sse", "/mcp"]) {
        const mcp = await client.connect(named(served, path), { headers, streamable: true });
        expect(await mcp.call("echo", { text: path })).toBe(path);
      }
    }
    await connectV2(named(served, "/mcp"), "auto");
    const wires = wiresOf(served).map(([transport, era]) => `${transport} ${era}`);
    const ofOne = ["sse 2024", "streamable 2025", "streamable 2025"];
    expect(wires).toEqual([...ofOne, ...ofOne, "streamable 2025"]);
    expect((await openStream(named(served, "/mcp"), headers)).status).toBe(405);
  });
});

describe("the options of http-stream", () => {
  it("endpoint: has several paths where clients still have the URL of HTTP+SSE", async () => {
    const served = await serve({ ...HTTP_STREAM, endpoint: ["/mcp", "/sse"] });
    expect(new URL(served.url).pathname).toBe("/mcp");
    for (const path of ["/mcp", "/sse"]) {
      const client = await begin(named(served, path));
      expect(await client.call("echo", { text: path })).toBe(path);
    }
    expect((await openStream(named(served, "/sse"), asCaller())).status).toBe(405);
  });

  it("endpoint, publicUrl: are what url is made of", async () => {
    const publicUrl = "https://api.example.com/";
    const { server } = await serve({ ...HTTP_STREAM, endpoint: "/live", publicUrl });
    expect(server.url).toBe("https://api.example.com/live");
  });

  it.each([
    ["left out", undefined, "application/json", "text/event-stream"],
    ["stream", "stream" as const, "text/event-stream", "text/event-stream"],
    ["batch", "batch" as const, "application/json", "application/json"],
  ])("responseMode: %s", async (_what, responseMode, quiet, talking) => {
    const mode = responseMode === undefined ? {} : { responseMode };
    const { url, stage } = await serve({ ...HTTP_STREAM, ...mode });
    stage.tell("steps seen");
    const client = await begin(url);
    const typeOf = async (message: object) => {
      const answer = await client.stream(message);
      await answer.ended;
      expect(answer.bytes).toContain('"id":2');
      return answer.headers["content-type"];
    };
    expect(await typeOf(toolCall(2, "echo", { text: "x" }))).toBe(quiet);
    const steps = toolCall(2, "steps") as { params: object };
    expect(
      await typeOf({ ...steps, params: { ...steps.params, _meta: { progressToken: 1 } } }),
    ).toBe(talking);
  });

  it("session.maxConcurrentSessions: is how many there are in all", async () => {
    const { url } = await serve({ ...HTTP_STREAM, session: { maxConcurrentSessions: 1 } });
    const call = (await begin(url)).stream(toolCall(2, "hang"));
    expect((await call).status).toBe(200);
    const answer = await postMessage(url, initializeFor("2025-11-25"), asCaller({ sub: "bob" }));
    expect([answer.status, answer.json.error.data.code]).toEqual([503, "server_full"]);
  });

  it("session.sessionTimeout: is for how long nobody need be connected", async () => {
    const { url, sessions } = await serve({
      ...HTTP_STREAM,
      session: { sessionTimeout: 60_000, enabled: true, headerName: "Mcp-Session-Id" },
    });
    const facts = new Facts(sessions);
    freezeTimers();
    const { sessionId } = await begin(url);
    expect(await turnClock(1_000, facts.reasonOf(sessionId))).toBe("idle");
    expect(facts.limited).toMatchObject([{ limit: "streamlessIdleMs" }]);
  });

  it.each([
    ["left out", {}, true],
    ["enabled: false", { resumability: { enabled: false } }, false],
  ])("resumability: %s", async (_what, options, canReturn) => {
    const { url } = await serve({ ...HTTP_STREAM, responseMode: "stream", ...options });
    const stream = await (await begin(url)).stream(toolCall(2, "echo", { text: "x" }));
    await stream.ended;
    expect(/^id: /m.test(stream.bytes)).toBe(canReturn);
  });

  it.each([
    ["left out", {}, 200],
    ["5 seconds", { resumability: { enabled: true, historyDuration: 5_000 } }, 400],
  ])(
    "resumability.historyDuration: %s is for how long an answer is kept",
    async (_what, options, status) => {
      const { url } = await serve({ ...HTTP_STREAM, responseMode: "stream", ...options });
      freezeTimers();
      const client = await begin(url);
      const stream = await client.stream(toolCall(2, "echo", { text: "kept" }));
      const { id } = await stream.nextEvent();
      await stream.ended;
      // By then the server knows, too, that it has ended.
      await (
        await client.stream(toolCall(3, "echo", { text: "next" }))
      ).ended;
      jest.advanceTimersByTime(30_000);
      expect((await client.listen(id)).status).toBe(status);
    },
  );

  it("sessions.restore: goes on with a session after a restart, which counts as one that has begun", async () => {
    const sessions = { restore: { secret: secret("a-secret-of-thirty-two-bytes-or-more") } };
    const before = await serve({ ...HTTP_STREAM, sessions });
    const { sessionId, headers } = await begin(before.url);
    await before.server.stop({ timeoutMs: 0 });
    const after = await serve({ ...HTTP_STREAM, sessions });
    const begun: (string | undefined)[] = [];
    after.sessions.on("begun", ({ client }) => void begun.push(client?.name));
    const client = new StreamableConversation(after.url, sessionId, headers);
    expect(await client.call("echo", { text: "again" })).toBe("again");
    expect([begun, after.sessions.counts()]).toEqual([
      ["raw"],
      { sse: 0, streamable: 1, unused: 0 },
    ]);
  });

  it("auth: with OAuth the endpoint is a resource, and its document names the way", async () => {
    const issuer = await fakeIssuer();
    const { url, origin } = await serve({
      ...HTTP_STREAM,
      auth: oauthFor(issuer, { audience: "https://api.example.com/mcp" }),
    });
    const { status, headers } = await send(url, { method: "POST" });
    expect(status).toBe(401);
    const document = /resource_metadata="([^"]+)"/.exec(headers["www-authenticate"] ?? "")?.[1];
    expect(document).toBe(`${origin}/.well-known/oauth-protected-resource/mcp`);
    expect((await send(document!)).json).toMatchObject({ resource: url });
  });

  it.each<[string, object, RegExp]>([
    ["batchTimeout", { batchTimeout: 30_000 }, /awaited for as long as its client waits: leave it/],
    ["responseMode", { responseMode: "json" }, /Write "stream" or "batch", or leave it out/],
    ["endpoint", { endpoint: "mcp" }, /is no plain path\. Write it like "\/mcp"/],
    ["endpoint", { endpoint: [] }, /is an empty list/],
    ["messageEndpoint", { messageEndpoint: "/m" }, /type: "sse" and streamable: true/],
    ["sse", { sse: true }, /type: "sse" and streamable: true/],
    ["streamable", { streamable: true }, /leave it out/],
    ["session.enabled", { session: { enabled: false } }, /whose a conversation is.*: leave it out/],
    ["session.headerName", { session: { headerName: "X-Id" } }, /send no other: leave it out/],
    [
      "session.allowClientTermination",
      { session: { allowClientTermination: false } },
      /waits for its time-out: leave it out/,
    ],
    ["session.sessionTimeout", { session: { sessionTimeout: -1 } }, /must be a number from 0/],
    ["session.timeout", { session: { timeout: 1 } }, /is not an option/],
    [
      "session.maxConcurrentSessions",
      { session: { maxConcurrentSessions: 5 }, sessions: { maxSessions: 6 } },
      /says the same as transport\.options\.sessions\.maxSessions.*Keep one/,
    ],
    ["resumability", { resumability: {}, resume: false }, /says the same as .*\.resume, .*Keep/],
    [
      "resumability.historyDuration",
      { resumability: { enabled: false, historyDuration: 1 } },
      /has no meaning with enabled: false\. Leave it out/,
    ],
    ["advanced.probeMs", { advanced: { probeMs: 1 } }, /no meaning with type: "http-stream"/],
    ["health", { health: { path: "/live" } }, /is an object\. Write the path/],
    ["health", { health: "/mcp" }, /is the path of an endpoint/],
    ["cors.allowOrigin", { cors: { allowOrigin: "*" } }, /allowOrigins: \["\*"\]/],
    ["auth.provider", { auth: { provider: {} } }, /Write \{ type, options \}/],
    ["auth", { host: "0.0.0.0" }, /is missing, and other machines can reach/],
  ])("TOOLS-5: %s that is none is refused with directions", (option, options, message) => {
    const make = () => new MCPServer({ transport: { type: "http-stream", options } as never });
    expect(make).toThrow(message);
    expect(make).toThrow(`transport.options.${option} `);
  });
});

it("messageEndpoint: is none of Streamable HTTP's paths", () => {
  const options = { streamable: true, messageEndpoint: "/mcp" };
  expect(() => new MCPServer({ transport: { type: "sse", options } })).toThrow(
    "transport.options.messageEndpoint is /mcp, where Streamable HTTP is served",
  );
});

it("SHOWN-6: shows which transport it has", async () => {
  const { server, url } = await serve(HTTP_STREAM);
  expect(JSON.parse(JSON.stringify(server))).toMatchObject({
    transport: "http-stream",
    url,
    sessions: 0,
  });
});
