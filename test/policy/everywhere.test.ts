import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import type { McpServer as McpServerV1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { McpServer as McpServerV2 } from "@modelcontextprotocol/server";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import {
  ADMIN,
  DENIED_META,
  guardedV1,
  guardedV2,
  Ran,
  READER,
  RULES,
} from "../kit/guarded-servers.js";
import { recordingLogger, secret } from "../kit/leak-watch.js";
import { MODERN, STATEFUL } from "../kit/policy-wires.js";
import type { Asking } from "../kit/policy-wires.js";
import { at, serveNode } from "../kit/restoring-nodes.js";
import { toolCall } from "../kit/raw-sse.js";
import { JWT_AUTH, startMcpServer } from "../kit/serve.js";
import { begin, serveMcp } from "../kit/streamable.js";
import { SECRET } from "../kit/tokens.js";
import { signal, until } from "../kit/waiting.js";

cleanUpAfterEach();

const namesOf = async (client: Asking, cursor?: string) => {
  const { result } = await client.ask("tools/list", cursor === undefined ? {} : { cursor });
  return {
    names: (result.tools as { name: string }[]).map(({ name }) => name),
    nextCursor: result.nextCursor as string | undefined,
  };
};

/* eslint-disable @typescript-eslint/no-deprecated -- the class for those who answer themselves */
/** A server of v1 whose list has a page for each tool. */
function paging(pages: readonly string[]): Server {
  const server = new Server({ name: "paging", version: "1.0.0" }, { capabilities: { tools: {} } });
  server.setRequestHandler(ListToolsRequestSchema, ({ params }) => {
    const page = Number(params?.cursor ?? 0);
    const name = pages[page]!;
    return {
      tools: [{ name, inputSchema: { type: "object" } }],
      ...(page + 1 < pages.length && { nextCursor: String(page + 1) }),
    };
  });
  return server;
}
/* eslint-enable @typescript-eslint/no-deprecated */

it.each(STATEFUL)(
  "POLICY-34: a page over $name may be empty, and leads to the next",
  async (wire) => {
    const createServer = () => paging(["delete", "look", "delete"]);
    const client = await wire.connect(await serveMcp({ createServer, policy: RULES }), READER);
    const pages = [await namesOf(client), await namesOf(client, "1"), await namesOf(client, "2")];
    expect(pages).toEqual([
      { names: [], nextCursor: "1" },
      { names: ["look"], nextCursor: "2" },
      { names: [], nextCursor: undefined },
    ]);
  },
);

it.each([...STATEFUL, MODERN])(
  "POLICY-33: what is asked for too often is 429 over $name, and says when to come back",
  async (wire) => {
    const policy = { tools: { look: { perMinute: 1 } }, denied: "http-403" } as const;
    const createServer = () => guardedV2.create(new Ran());
    const client = await wire.connect(await serveMcp({ createServer, policy }), READER);
    const look = () => client.post("tools/call", { name: "look", arguments: {} });
    expect((await look()).status).toBeLessThan(300);
    const late = await look();
    expect([late.status, late.header("www-authenticate")]).toEqual([429, ""]);
    expect(Number(late.header("retry-after"))).toBeGreaterThan(50);
    expect(Number(late.header("retry-after"))).toBeLessThanOrEqual(60);
    expect(late.json).toMatchObject({ error: { code: -32010, data: { code: "rate_limited" } } });
  },
);

it.each([...STATEFUL, MODERN])(
  "POLICY-30: a tool that is registered later, and a call that asks for a task, are no way around over $name",
  async (wire) => {
    const ran = new Ran();
    const createServer = () => {
      const server = guardedV2.create(ran) as unknown as McpServerV1;
      server.registerTool("delete_all", {}, () => {
        ran.note("delete_all");
        return { content: [] };
      });
      return server as never;
    };
    const policy = { tools: { "delete*": { scopes: ["admin"] } } };
    const client = await wire.connect(await serveMcp({ createServer, policy }), READER);
    expect((await namesOf(client)).names).toEqual(["look"]);
    for (const name of ["delete", "delete_all"]) {
      const { result } = await client.ask("tools/call", { name, arguments: {} });
      expect(result._meta[DENIED_META]).toMatchObject({ missing: ["admin"] });
      const { error } = await client.ask("tools/call", { name, arguments: {}, task: { ttl: 1 } });
      expect(error).toMatchObject({ code: -32010, data: { missing: ["admin"] } });
    }
    expect(ran.list).toEqual([]);
  },
);

it.each([...STATEFUL, MODERN])(
  "POLICY-30: a call over $name whose caller is shut out while a rule thinks does not reach the server",
  async (wire) => {
    const ran = new Ran();
    const [asked, told] = [signal(), signal<boolean>()];
    const when = () => {
      asked.resolve();
      return told.promise;
    };
    const createServer = () => guardedV2.create(ran);
    const served = await serveMcp({ createServer, policy: { tools: { delete: { when } } } });
    const client = await wire.connect(served, READER);
    const posted = client.post("tools/call", { name: "delete", arguments: {} });
    await asked.promise;
    expect(served.router.sessions.closeFor((who) => who?.id === "alice")).toBe(1);
    told.resolve(true);
    await until(() => served.lines.join("\n").includes("refused POST: 404 session_closed"));
    expect((await posted).status).toBeGreaterThan(400);
    expect(ran.list).toEqual([]);
  },
);

it("POLICY-9: what one caller of 2026-07-28 gets is not for shared caches, whatever its server says", async () => {
  const hint = { cacheScope: "public", ttlMs: 60_000 } as const;
  const createServer = () => {
    const cacheHints = { "tools/list": hint, "resources/read": hint };
    const server = new McpServerV2({ name: "cached", version: "2.0.0" }, { cacheHints });
    server.registerTool("look", {}, () => ({ content: [] }));
    server.registerResource("a", "db://a", {}, () => ({
      contents: [{ uri: "db://a", text: "a" }],
    }));
    return server;
  };
  const scopes = async (policy?: typeof RULES) => {
    const served = await serveMcp({ createServer, ...(policy && { policy }) });
    const client = await MODERN.connect(served, ADMIN);
    const list = await client.ask("tools/list");
    const read = await client.ask("resources/read", { uri: "db://a" });
    expect(read.result).toMatchObject({ contents: [{ text: "a" }], ttlMs: 60_000 });
    return [list.result.cacheScope, read.result.cacheScope] as string[];
  };
  expect(await scopes()).toEqual(["public", "public"]);
  expect(await scopes(RULES)).toEqual(["private", "private"]);
});

it.each(STATEFUL)(
  "POLICY-31: denied calls over $name leave no bytes on any account",
  async (wire) => {
    const createServer = () => guardedV1.create(new Ran());
    const served = await serveMcp({ createServer, policy: RULES });
    const client = await wire.connect(served, READER);
    const [session] = served.router.sessions.list() as unknown as {
      bytes: { account: { held: number } };
      callLoad: number;
    }[];
    await until(() => session!.callLoad === 0);
    const before = session!.bytes.account.held;
    for (let call = 0; call < 20; call++) {
      await client.ask("tools/call", { name: "delete", arguments: { text: "x".repeat(10_000) } });
    }
    await until(() => session!.bytes.account.held - before < 10_000);
    expect(session!.callLoad).toBe(0);
  },
);

it("POLICY-30: a session that another process goes on with has the same rules", async () => {
  const ran = new Ran();
  const options = { createServer: () => guardedV1.create(ran), policy: RULES };
  const here = await serveNode(options);
  const there = await serveNode(options);
  const restored = at(there.mcpUrl, await begin(here.mcpUrl, READER));
  const denied = await restored.post(toolCall(7, "delete"));
  expect(denied.json.result._meta[DENIED_META].missing).toEqual(["admin"]);
  const list = { jsonrpc: "2.0", id: 8, method: "tools/list" };
  expect((await restored.post(list)).json.result.tools).toMatchObject([{ name: "look" }]);
  expect(there.router.sessions.list()).toMatchObject([{ isRestored: true }]);
  expect(ran.list).toEqual([]);
});

it.each(["sse", "http-stream"] as const)("POLICY-30: MCPServer has it over %s", async (type) => {
  secret(SECRET);
  const options = { port: 0, auth: JWT_AUTH, logger: recordingLogger(), policy: RULES };
  const ran: string[] = [];
  const server = await startMcpServer({
    name: "guarded",
    setup: (mcp: McpServerV1) => {
      for (const name of ["look", "delete"]) {
        mcp.registerTool(name, {}, () => {
          ran.push(name);
          return { content: [] };
        });
      }
    },
    transport: { type, options },
  });
  const urls = { mcpUrl: server.url!, sseUrl: server.url! };
  const client = await STATEFUL[type === "sse" ? 0 : 1].connect(urls, READER);
  const { result } = await client.ask("tools/call", { name: "delete", arguments: {} });
  expect(result._meta[DENIED_META]).toMatchObject({ missing: ["admin"] });
  expect((await namesOf(client)).names).toEqual(["look"]);
  await client.ask("tools/call", { name: "look", arguments: {} });
  expect(ran).toEqual(["look"]);
});
