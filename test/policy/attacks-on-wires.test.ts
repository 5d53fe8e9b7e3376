import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { serveCluster } from "../kit/cluster/routers.js";
import { converse } from "../kit/conversation.js";
import { clientV1, clientV2 } from "../kit/feature-clients.js";
import {
  ADMIN,
  DENIED_META,
  guardedV1,
  guardedV2,
  Ran,
  READER,
  RULES,
} from "../kit/guarded-servers.js";
import { connectV2, listenTo } from "../kit/modern.js";
import { MODERN, STATEFUL } from "../kit/policy-wires.js";
import { send } from "../kit/raw-http.js";
import { openStream, post, toolCall } from "../kit/raw-sse.js";
import { fakeIssuer, oauthFor } from "../kit/resource-server.js";
import { begin, serveMcp, StreamableConversation } from "../kit/streamable.js";
import { signal, until } from "../kit/waiting.js";

cleanUpAfterEach();

const list = (id: number) => ({ jsonrpc: "2.0", id, method: "tools/list", params: {} });
const named = (name: string) => ({ name, inputSchema: { type: "object" } });

/* eslint-disable @typescript-eslint/no-deprecated -- the class for those who answer themselves */
/** A server of v1 that answers to `tools/list` what it is told, when it is told. */
function listing(answer: () => Promise<unknown>): Server {
  const server = new Server({ name: "listing", version: "1.0.0" }, { capabilities: { tools: {} } });
  server.setRequestHandler(ListToolsRequestSchema, async () => (await answer()) as object);
  return server;
}
/* eslint-enable @typescript-eslint/no-deprecated */

describe("a list on its way", () => {
  it("POLICY-35: is filtered although its client cancels it, and uses its id again", async () => {
    const [asked, told] = [signal(), signal()];
    const createServer = () =>
      listing(async () => {
        asked.resolve();
        await told.promise;
        return { tools: [named("look"), named("delete")] };
      });
    const { sseUrl, router } = await serveMcp({ createServer, policy: RULES });
    const { stream, postUrl, headers } = await converse(sseUrl, READER);
    await post(postUrl, list(7), headers);
    await asked.promise;
    const cancelled = { method: "notifications/cancelled", params: { requestId: 7 } };
    expect((await post(postUrl, { jsonrpc: "2.0", ...cancelled }, headers)).status).toBe(202);
    await post(postUrl, { jsonrpc: "2.0", id: 7, method: "ping" }, headers);
    told.resolve();
    const answers = [await stream.answerTo(7), await stream.answerTo(7)];
    expect(JSON.stringify(answers)).not.toContain("delete");
    expect(JSON.stringify(answers)).toContain("look");
    await until(() => router.sessions.list()[0]?.inFlight === 0);
  });

  it.each(STATEFUL)(
    "POLICY-35: is not passed on over $name if it is none, and the log says so",
    async (wire) => {
      for (const junk of [
        { tools: { delete: named("delete") } },
        { tools: [{ title: "delete" }] },
      ]) {
        const createServer = () => listing(() => Promise.resolve(junk));
        const served = await serveMcp({ createServer, policy: RULES });
        const { error } = await (await wire.connect(served, READER)).ask("tools/list");
        expect(error).toMatchObject({ code: -32603 });
        expect(JSON.stringify(error)).not.toContain("delete");
        expect(served.lines.join("\n")).toContain("cannot filter");
      }
    },
  );

  it("POLICY-35: is filtered when it comes as an event stream", async () => {
    const createServer = () => guardedV1.create(new Ran());
    const { mcpUrl } = await serveMcp({ createServer, policy: RULES });
    const client = await begin(mcpUrl, READER);
    const stream = await client.stream(list(7), { accept: "text/event-stream" });
    expect(JSON.stringify(await stream.answerTo(7))).toMatch(/look(?!.*delete)/);
  });
});

describe("a denial in band", () => {
  it("POLICY-31: counts as any call, is kept for a client that was cut off, and leaves nothing behind", async () => {
    const ran = new Ran();
    const createServer = () => guardedV1.create(ran);
    const { sseUrl, router } = await serveMcp({ createServer, policy: RULES });
    const client = await converse(sseUrl, READER);
    client.stream.close();
    await client.stream.ended;
    expect((await post(client.postUrl, toolCall(9, "delete"), client.headers)).status).toBe(202);
    const last = { "last-event-id": `${client.sessionId}:1` };
    const stream = await openStream(sseUrl, { ...READER, ...last });
    await stream.nextEvent();
    expect(await stream.answerTo(9)).toMatchObject({
      result: { isError: true, _meta: { [DENIED_META]: { missing: ["admin"] } } },
    });
    expect(ran.list).toEqual([]);
    expect(router.sessions.list()).toMatchObject([{ inFlight: 0, state: "open" }]);
  });

  it.each([
    { client: clientV1, server: guardedV1, streamable: false },
    { client: clientV1, server: guardedV2, streamable: true },
    { client: clientV2, server: guardedV1, streamable: true },
    { client: clientV2, server: guardedV2, streamable: false },
  ])(
    "POLICY-32: is an answer to $client.name that it validates, streamable: $streamable",
    async ({ client, server, streamable }) => {
      const createServer = () => server.create(new Ran());
      const { mcpUrl, sseUrl } = await serveMcp({ createServer, policy: RULES });
      const connected = await client.connect(streamable ? mcpUrl : sseUrl, {
        headers: READER,
        streamable,
      });
      await expect(connected.call("delete")).rejects.toThrow(/needs the scope admin/);
      await expect(connected.readText("db://salaries")).rejects.toThrow(/needs the scope admin/);
      expect(await connected.toolNames()).toEqual(["look"]);
      expect(await connected.call("look")).toBe("look");
    },
  );

  it("POLICY-32: is an answer to a client of 2026-07-28 that it validates", async () => {
    const createServer = () => guardedV2.create(new Ran());
    const { mcpUrl } = await serveMcp({ createServer, policy: RULES });
    const client = await connectV2(mcpUrl, { pin: "2026-07-28" }, READER);
    const { isError, content } = await client.callTool({ name: "delete", arguments: {} });
    expect([isError, JSON.stringify(content)]).toEqual([true, expect.stringContaining("admin")]);
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(["look"]);
  });
});

describe("what a server tells", () => {
  it.each(STATEFUL)(
    "POLICY-36: of resources is only told over $name to who may have them",
    async (wire) => {
      const ran = new Ran();
      const served = await serveMcp({ createServer: () => guardedV1.create(ran), policy: RULES });
      if (wire.name === "HTTP+SSE") {
        const { stream } = await converse(served.sseUrl, READER);
        await tellUpdated(ran, stream);
      } else {
        const client = await begin(served.mcpUrl, READER);
        const stream = await client.listen();
        // By which it could come back.
        expect((await stream.nextEvent()).data).toBe("");
        await tellUpdated(ran, stream);
      }
    },
  );

  it("POLICY-36: is only told to subscribers of 2026-07-28 who may have it", async () => {
    const createServer = () => guardedV2.create(new Ran());
    const { mcpUrl, router } = await serveMcp({ createServer, policy: RULES });
    const stream = await listenTo(
      mcpUrl,
      { resourceSubscriptions: ["db://salaries", "file:///public/a"] },
      READER,
    );
    router.notify.resourceUpdated("db://salaries");
    router.notify.resourceUpdated("file:///public/a");
    expect((await stream.nextMessage())["params"]).toMatchObject({ uri: "file:///public/a" });
  });

  it("POLICY-37: a token with more scopes works at once, and its client hears that lists have changed", async () => {
    const ran = new Ran();
    const createServer = () => guardedV1.create(ran);
    const { sseUrl } = await serveMcp({ createServer, policy: RULES });
    const { stream, postUrl } = await converse(sseUrl, READER);
    await post(postUrl, toolCall(7, "delete"), ADMIN);
    const messages = [await stream.nextMessage(), await stream.nextMessage()];
    // Prompts are listed as changing by the SDK as soon as there are any.
    messages.push(await stream.nextMessage());
    expect(messages.map(({ method }) => method as unknown)).toEqual([
      "notifications/tools/list_changed",
      "notifications/prompts/list_changed",
      "notifications/resources/list_changed",
    ]);
    expect((await stream.answerTo(7))["result"]).toMatchObject({ content: [{ text: "delete" }] });
    // Whoever has lost one does not find it any more, as without a policy.
    expect((await post(postUrl, toolCall(8, "look"), READER)).status).toBe(404);
    expect(ran.list).toEqual(["delete"]);
  });
});

it("POLICY-37: no client hears of changes that its server has not promised to tell", async () => {
  const createServer = () => listing(() => Promise.resolve({ tools: [] }));
  const { sseUrl } = await serveMcp({ createServer, policy: RULES });
  const { stream, postUrl } = await converse(sseUrl, READER);
  await post(postUrl, list(7), ADMIN);
  expect(await stream.nextMessage()).toMatchObject({ id: 7, result: { tools: [] } });
});

async function tellUpdated(
  { servers }: Ran,
  stream: Awaited<ReturnType<typeof openStream>>,
): Promise<void> {
  for (const uri of ["db://salaries", "file:///public/a"]) {
    await servers[0]!.server.notification({
      method: "notifications/resources/updated",
      params: { uri },
    });
  }
  expect((await stream.nextMessage())["params"]).toEqual({ uri: "file:///public/a" });
}

describe("between nodes", () => {
  it("POLICY-38: a request is judged by who has sent it, wherever its session is, or goes on", async () => {
    const ran = new Ran();
    const { nodes } = await serveCluster({
      createServer: () => guardedV1.create(ran),
      policy: RULES,
    });
    const [a, b] = nodes;
    const client = await begin(a.mcpUrl, READER);
    const there = new StreamableConversation(b.mcpUrl, client.sessionId, client.headers);
    for (const isMoved of [false, true]) {
      if (isMoved) await a.crash();
      const denied = await there.post(toolCall(7, "delete"));
      expect(denied.json.result._meta[DENIED_META].missing).toEqual(["admin"]);
      const { json } = await there.post(list(8));
      expect(json.result.tools).toMatchObject([{ name: "look" }]);
    }
    expect(ran.list).toEqual([]);
  });

  it("POLICY-38: what its caller may not hear of any more, the server of a session that has moved is not asked for", async () => {
    const ran = new Ran();
    let isOver = false;
    const resources = { "db://*": { when: () => !isOver } };
    const { nodes } = await serveCluster({
      createServer: () => guardedV1.create(ran),
      policy: { resources },
    });
    const [a, b] = nodes;
    const client = await begin(a.mcpUrl, READER);
    for (const uri of ["db://salaries", "file:///public/a"]) {
      await client.post({ jsonrpc: "2.0", id: 5, method: "resources/subscribe", params: { uri } });
    }
    isOver = true;
    ran.list.length = 0;
    await a.crash();
    const there = new StreamableConversation(b.mcpUrl, client.sessionId, client.headers);
    expect(await there.call("look")).toBe("look");
    expect(ran.list).toEqual(["subscribe file:///public/a", "look"]);
  });
});

describe("what clients are told to ask for", () => {
  it.each([
    ["needed", 'scope="read"'],
    ["all", 'scope="read admin"'],
  ] as const)(
    "POLICY-39: the metadata names all scopes of rules, the first challenge with askFor %j names %s",
    async (askFor, scope) => {
      const issuer = await fakeIssuer();
      const auth = oauthFor(issuer, { scopes: ["read"] });
      const createServer = () => guardedV1.create(new Ran());
      const { sseUrl } = await serveMcp({ createServer, auth, policy: { ...RULES, askFor } });
      const { status, headers } = await send(sseUrl);
      const challenge = String(headers["www-authenticate"]);
      expect([status, challenge]).toEqual([401, expect.stringContaining(scope)]);
      const [, url = ""] = /resource_metadata="([^"]+)"/.exec(challenge) ?? [];
      expect(await (await fetch(url)).json()).toMatchObject({
        scopes_supported: ["read", "admin"],
      });
    },
  );
});

it("POLICY-33: what is forbidden, too often or undecided has a status of its own, on every wire", async () => {
  const createServer = () => guardedV2.create(new Ran());
  const tools = {
    delete: false,
    look: {
      when: () => {
        throw new Error("no database");
      },
    },
  };
  const served = await serveMcp({ createServer, policy: { tools, denied: "http-403" } });
  for (const wire of [...STATEFUL, MODERN]) {
    const client = await wire.connect(served, READER);
    const forbidden = await client.post("tools/call", { name: "delete", arguments: {} });
    expect([forbidden.status, forbidden.header("www-authenticate")]).toEqual([403, ""]);
    const undecided = await client.post("tools/call", { name: "look", arguments: {} });
    expect([undecided.status, undecided.header("retry-after")]).toEqual([503, "5"]);
  }
});
