import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as StreamableV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { createMcpHandler } from "@modelcontextprotocol/server";
import type { Principal, SessionInfo } from "../../src/index.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { asCaller } from "../kit/conversation.js";
import { connectV2, createModernServer, modernCall, postModern, REVISION } from "../kit/modern.js";
import { serveMcp } from "../kit/streamable.js";
import { createToolServer } from "../kit/tools.js";
import { until } from "../kit/waiting.js";

cleanUpAfterEach();

const textOf = (result: unknown): string =>
  (result as { content: { text: string }[] }).content[0]!.text;

/** A router with servers of SDK v2, and what `createServer` was asked for. */
async function serve(streamable: object = {}) {
  const asked: SessionInfo<Principal>[] = [];
  const served = await serveMcp({
    streamable,
    createServer: (session) => {
      asked.push(session);
      return createModernServer();
    },
  });
  return { ...served, asked };
}

async function connectV1(url: string): Promise<ClientV1> {
  const client = new ClientV1({ name: "v1", version: "1" });
  onDispose(() => client.close());
  const transport = new StreamableV1(new URL(url), { requestInit: { headers: asCaller() } });
  await client.connect(transport);
  return client;
}

it.each([["auto", "auto"] as const, ["pinned", { pin: REVISION }] as const])(
  "MODERN-1, MODERN-2: SDK v2's client in the mode %s has no session at either URL",
  async (_name, mode) => {
    const served = await serve();
    for (const url of [served.mcpUrl, served.sseUrl]) {
      const client = await connectV2(url, mode, asCaller({ sub: "bob" }));
      expect(client.getProtocolEra()).toBe("modern");
      expect((await client.listTools()).tools.map(({ name }) => name)).toContain("echo");
      const whoami = await client.callTool({ name: "whoami" });
      expect(JSON.parse(textOf(whoami))).toMatchObject({ id: "bob" });
      const session = served.asked.at(-1)!;
      expect(session).toMatchObject({ transport: "streamable", era: "2026" });
      expect([session.principal.id, session.client]).toEqual(["bob", { name: "v2", version: "2" }]);
      expect(served.router.sessions.size).toBe(0);
    }
  },
);

it("MODERN-1: clients of sessions and those without share a router", async () => {
  const served = await serve();
  const modern = await connectV2(served.mcpUrl, "auto");
  const clients = [
    modern,
    await connectV2(served.mcpUrl, "legacy"),
    await connectV1(served.mcpUrl),
  ];
  for (const client of clients) {
    const result = await client.callTool({ name: "echo", arguments: { text: "hello" } });
    expect(textOf(result)).toBe("hello");
  }
  expect(served.router.sessions.list().map(({ era }) => era)).toEqual(["2025", "2025"]);
});

it("MODERN-2: what a tool says in the course of a call comes before its answer", async () => {
  const served = await serve();
  const client = await connectV2(served.mcpUrl, "auto");
  const seen: number[] = [];
  const onprogress = ({ progress }: { progress: number }) => void seen.push(progress);
  const result = await client.callTool({ name: "steps" }, { onprogress });
  expect([textOf(result), seen]).toEqual(["walked", [1, 2, 3]]);
});

it("MODERN-2: with streamable.responses json it is the answer alone", async () => {
  // The SDK says on the console that this leaves something out.
  const warn = jest.spyOn(console, "warn").mockImplementation();
  onDispose(() => warn.mockRestore());
  const served = await serve({ responses: "json" });
  const client = await connectV2(served.mcpUrl, "auto");
  const seen: number[] = [];
  const onprogress = ({ progress }: { progress: number }) => void seen.push(progress);
  const result = await client.callTool({ name: "steps" }, { onprogress });
  expect([textOf(result), seen]).toEqual(["walked", []]);
});

it.each([
  ["servers of SDK v1", {}, createToolServer],
  ["streamable.modern off", { modern: false }, () => createModernServer()],
])(
  "MODERN-3: with %s every dual client goes on with a session",
  async (_name, streamable, make) => {
    const served = await serveMcp({ streamable, createServer: () => make() });
    const auto = await connectV2(served.mcpUrl, "auto");
    expect(auto.getProtocolEra()).toBe("legacy");
    expect(textOf(await auto.callTool({ name: "echo", arguments: { text: "hello" } }))).toBe(
      "hello",
    );
    await connectV1(served.mcpUrl);
    await expect(connectV2(served.mcpUrl, { pin: REVISION })).rejects.toThrow();
    expect(served.router.sessions.size).toBe(2);
  },
);

it("MODERN-3: a factory that returns servers of v1 and v2 by turns is judged at each request", async () => {
  let count = 0;
  const served = await serveMcp({
    createServer: () => (count++ % 2 === 0 ? createToolServer() : createModernServer()),
  });
  const first = await connectV2(served.mcpUrl, "auto");
  expect(first.getProtocolEra()).toBe("legacy");
  await until(() => count === 2);
  count = 1;
  const second = await connectV2(served.mcpUrl, "auto");
  expect(second.getProtocolEra()).toBe("modern");
});

it("MODERN-4: the author's own createMcpHandler is used", async () => {
  let made = 0;
  const served = await serve({
    modern: (...args: Parameters<typeof createMcpHandler>) => {
      made++;
      return createMcpHandler(...args);
    },
  });
  for (let time = 0; time < 2; time++) {
    const client = await connectV2(served.mcpUrl, { pin: REVISION });
    expect(textOf(await client.callTool({ name: "echo", arguments: { text: "a" } }))).toBe("a");
  }
  expect(made).toBe(1);
});

it("MODERN-4: the log says so where streamable.modern is another function", async () => {
  const { mcpUrl, lines } = await serve({ modern: () => createModernServer() });
  const answer = await postModern(mcpUrl, modernCall(1, "echo", { text: "a" }));
  expect([answer.status, answer.json.error]).toEqual([500, "server_error"]);
  expect(lines.join("\n")).toContain("streamable.modern must be createMcpHandler");
});
