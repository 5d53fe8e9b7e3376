import { cleanUpAfterEach } from "../kit/clean-up.js";
import { asCaller, converse, SESSION_ID } from "../kit/conversation.js";
import { send } from "../kit/raw-http.js";
import { initialize, initialized, toolCall } from "../kit/raw-sse.js";
import { Facts } from "../kit/session-facts.js";
import { begin, postForStream, postMessage, serveMcp } from "../kit/streamable.js";
import { createToolServer, createToolServerV2, HeldTool } from "../kit/tools.js";

cleanUpAfterEach();

const whoami = toolCall(2, "whoami");
const named = (id: string, sub = "alice") => ({ ...asCaller({ sub }), "mcp-session-id": id });

describe.each([
  ["v1", () => createToolServer()],
  ["v2", () => createToolServerV2()],
])("a session over Streamable HTTP, with a server of SDK %s", (_major, createServer) => {
  it("STREAMABLE-1: begins with initialize, whose answer names it", async () => {
    const { mcpUrl, router } = await serveMcp({ createServer });
    const { status, headers, json } = await postMessage(mcpUrl, initialize, asCaller());
    expect([status, headers["content-type"]]).toEqual([200, "application/json"]);
    expect(headers["mcp-session-id"]).toMatch(new RegExp(`^${SESSION_ID}$`));
    expect(json.result.serverInfo.name).toBe("tools");
    const [session] = router.sessions.list();
    expect(session).toMatchObject({ transport: "streamable", era: "2025", state: "open" });
    expect(session!.client).toEqual({ name: "raw", version: "1" });
  });

  it("AUTH-10, STREAMABLE-4: its tools see who calls, and what wants no answer gets 202", async () => {
    const { mcpUrl } = await serveMcp({ createServer });
    const client = await begin(mcpUrl);
    expect(JSON.parse(await client.call("whoami"))).toMatchObject({ id: "alice" });
    expect(await client.call("echo", { text: "hello" })).toBe("hello");
    const { status, text } = await client.post(initialized);
    expect([status, text]).toEqual([202, ""]);
    // An answer to a question that nobody asked is taken like any other.
    expect((await client.post({ jsonrpc: "2.0", id: 7, result: {} })).status).toBe(202);
  });
});

describe("which session a request is for", () => {
  it("STREAMABLE-1: initialize begins a new one, whatever session it names", async () => {
    const { mcpUrl, router } = await serveMcp();
    const own = await begin(mcpUrl);
    const bobs = await begin(mcpUrl, asCaller({ sub: "bob" }));
    for (const id of ["stale", own.sessionId, bobs.sessionId]) {
      const { status, headers } = await postMessage(mcpUrl, initialize, named(id));
      expect(status).toBe(200);
      expect([own.sessionId, bobs.sessionId, "stale"]).not.toContain(headers["mcp-session-id"]);
    }
    expect(router.sessions.size).toBe(5);
    expect(await own.call("echo", { text: "still here" })).toBe("still here");
  });

  it("STREAMABLE-1: an initialize that its server refuses begins none", async () => {
    const { mcpUrl, router } = await serveMcp();
    const bad = { ...initialize, params: {} };
    const { status, headers, json } = await postMessage(mcpUrl, bad, asCaller());
    expect([status, headers["mcp-session-id"]]).toEqual([200, undefined]);
    expect(json.error.code).toBeLessThan(0);
    expect(router.sessions.size).toBe(0);
  });

  it("STREAMABLE-1, SESSION-2: none is left of one that could not be opened", async () => {
    const { mcpUrl, router } = await serveMcp({
      createServer: () => {
        throw new Error("no server today");
      },
    });
    const { status, headers, json } = await postMessage(mcpUrl, initialize, asCaller());
    expect([status, json.error_description]).toEqual([500, "The MCP server could not be created."]);
    expect(headers["mcp-session-id"]).toBeUndefined();
    expect(router.sessions.size).toBe(0);
  });

  it("STREAMABLE-2: a message without a session's id is refused, and leaves nothing behind", async () => {
    const { mcpUrl, sseUrl, router } = await serveMcp();
    for (const url of [mcpUrl, sseUrl]) {
      // A notification begins nothing, whatever its name.
      const unasked = { ...initialize, id: undefined };
      for (const message of [whoami, initialized, unasked]) {
        const { status, json } = await postMessage(url, message, asCaller());
        expect([status, json.error.data.code]).toEqual([400, "session_id_required"]);
      }
      const { status, json } = await send(url, { method: "DELETE", headers: asCaller() });
      expect([status, json.error.data.code]).toEqual([400, "session_id_required"]);
    }
    expect(router.sessions.size).toBe(0);
  });

  it("STREAMABLE-2: a GET without one is for HTTP+SSE, and 405 where that is not", async () => {
    const { mcpUrl, sseUrl, router } = await serveMcp();
    const refused = await send(mcpUrl, { headers: { accept: "text/event-stream" } });
    expect([refused.status, refused.headers.allow]).toEqual([405, "POST, DELETE, OPTIONS"]);
    const { sessionId, call } = await talkOverSse(sseUrl);
    expect(await call()).toBe("over SSE");
    expect(router.sessions.get(sessionId)).toMatchObject({ transport: "sse", era: "2024" });
    const { mcpUrl: other } = await serveMcp({ sse: false });
    const off = await send(`${other}/sse`, { headers: asCaller() });
    expect([off.status, off.headers.allow]).toEqual([405, "POST, DELETE, OPTIONS"]);
    expect((await postMessage(`${other}/messages`, whoami, asCaller())).status).toBe(404);
    expect(await (await begin(`${other}/sse`)).call("echo", { text: "x" })).toBe("x");
  });

  it("STREAMABLE-2: clients of both wires meet at the old URL", async () => {
    const { sseUrl, router } = await serveMcp();
    const streamable = await begin(sseUrl);
    const sse = await talkOverSse(sseUrl);
    expect(await streamable.call("echo", { text: "new" })).toBe("new");
    expect(await sse.call()).toBe("over SSE");
    expect(router.sessions.list().map(({ transport }) => transport)).toEqual(["streamable", "sse"]);
  });

  it("STREAMABLE-3: a foreign session is answered byte for byte as an unknown one, whatever the method", async () => {
    const { mcpUrl, sseUrl } = await serveMcp();
    const { sessionId: overSse } = await converse(sseUrl);
    const alice = await begin(mcpUrl);
    const answers = async (id: string, sub: string) => [
      await postMessage(mcpUrl, whoami, named(id, sub)),
      await postMessage(mcpUrl, initialized, named(id, sub)),
      await send(mcpUrl, { headers: { ...named(id, sub), accept: "text/event-stream" } }),
      await send(mcpUrl, { method: "DELETE", headers: named(id, sub) }),
    ];
    const unknown = (await answers("unknown", "bob")).map(bytesOf);
    expect(unknown.map(([status]) => status)).toEqual([404, 404, 404, 404]);
    expect((await answers(alice.sessionId, "bob")).map(bytesOf)).toEqual(unknown);
    // Her own, of another wire, and under another query: for Streamable HTTP there are no such sessions.
    expect((await answers(overSse, "alice")).map(bytesOf)).toEqual(unknown);
    expect(await alice.call("echo", { text: "untouched" })).toBe("untouched");
    const elsewhere = await postMessage(`${mcpUrl}?tenant=b`, whoami, alice.headers);
    const below = await postMessage(sseUrl, whoami, alice.headers);
    expect([elsewhere.status, below.status]).toEqual([404, 404]);
  });

  it("STREAMABLE-3: HTTP+SSE has none of its sessions either", async () => {
    const { mcpUrl, url } = await serveMcp();
    const { sessionId, headers } = await begin(mcpUrl);
    const messages = `${url}/mcp/messages?sessionId=${sessionId}`;
    expect((await postMessage(messages, whoami, headers)).status).toBe(404);
  });

  it("AUTH-1: nobody gets further without a credential, whatever the method and the session", async () => {
    const { mcpUrl, router } = await serveMcp();
    const { sessionId } = await begin(mcpUrl);
    const id = { "mcp-session-id": sessionId };
    const answers = [
      await postMessage(mcpUrl, initialize),
      await postMessage(mcpUrl, whoami, id),
      await send(mcpUrl, { headers: id }),
      await send(mcpUrl, { method: "DELETE", headers: id }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401]);
    expect(router.sessions.size).toBe(1);
  });

  it("MESSAGE-9: it makes no difference whether a parser ran before", async () => {
    const express = (await import("express")).default;
    const { mcpUrl } = await serveMcp({ configure: (app) => void app.use(express.json()) });
    expect(await (await begin(mcpUrl)).call("echo", { text: "parsed" })).toBe("parsed");
  });

  it("SOURCE-1, SOURCE-2: another host's name and another site's page are refused, whatever the method", async () => {
    const { mcpUrl } = await serveMcp();
    const client = await begin(mcpUrl);
    for (const method of ["GET", "POST", "DELETE", "OPTIONS"]) {
      const answers = [{ host: "evil.example" }, { origin: "https://evil.example" }].map((source) =>
        send(mcpUrl, { method, headers: { ...client.headers, ...source } }),
      );
      const codes = (await Promise.all(answers)).map(({ status, json }) => ({
        status,
        code: json.error as string,
      }));
      expect(codes).toEqual([
        { status: 403, code: "host_not_allowed" },
        { status: 403, code: "origin_not_allowed" },
      ]);
    }
    expect(await client.call("echo", { text: "untouched" })).toBe("untouched");
  });

  it("SOURCE-3, SOURCE-4: pages of allowed origins may use its methods and headers, and read the session's id", async () => {
    const { mcpUrl } = await serveMcp({ cors: { allowOrigins: ["https://app.example"] } });
    const headers = { origin: "https://app.example", "access-control-request-method": "DELETE" };
    const answer = await send(mcpUrl, { method: "OPTIONS", headers });
    expect(answer.status).toBe(204);
    expect(answer.headers["access-control-allow-methods"]).toBe("POST,GET,DELETE,OPTIONS");
    expect(answer.headers["access-control-allow-headers"]).toContain("Mcp-Session-Id");
    const begun = await postMessage(mcpUrl, initialize, { ...asCaller(), origin: headers.origin });
    expect(begun.headers["access-control-expose-headers"]).toContain("Mcp-Session-Id");
  });
});

describe("revisions", () => {
  it("STREAMABLE-14: every known one is taken, and none", async () => {
    const { mcpUrl } = await serveMcp();
    const { post } = await conversation(mcpUrl);
    for (const version of ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]) {
      expect((await post(whoami, { "mcp-protocol-version": version })).status).toBe(200);
    }
    const client = await begin(mcpUrl);
    const { "mcp-protocol-version": _version, ...headers } = client.headers;
    expect((await postMessage(mcpUrl, whoami, headers)).status).toBe(200);
  });

  it("STREAMABLE-14: another one is refused on each method, and initialize is not asked", async () => {
    const { mcpUrl } = await serveMcp();
    const client = await begin(mcpUrl);
    const other = { "mcp-protocol-version": "2027-01-01" };
    const refused = await client.post(whoami, other);
    expect([refused.status, refused.json.error]).toMatchObject([
      400,
      { code: -32000, data: { code: "protocol_version_unsupported" } },
    ]);
    const get = await send(mcpUrl, { headers: { ...client.headers, ...other } });
    expect([get.status, get.json.error]).toEqual([400, "protocol_version_unsupported"]);
    expect((await postMessage(mcpUrl, initialize, { ...asCaller(), ...other })).status).toBe(200);
  });

  it("STREAMABLE-14: a request without a handshake is refused by a code that sends its client to initialize", async () => {
    const { mcpUrl, router } = await serveMcp();
    const _meta = { "io.modelcontextprotocol/protocolVersion": "2026-07-28" };
    const discover = { jsonrpc: "2.0", id: 1, method: "server/discover", params: { _meta } };
    const both = { ...initialize, params: { ...initialize.params, _meta } };
    for (const message of [discover, both]) {
      const headers = { ...asCaller(), "mcp-protocol-version": "2026-07-28" };
      const { status, json } = await postMessage(mcpUrl, message, headers);
      expect([status, json.error.code, json.id]).toEqual([400, -32000, null]);
    }
    const client = await begin(mcpUrl);
    expect((await client.post(discover)).json.error.code).toBe(-32000);
    expect(router.sessions.size).toBe(1);
  });

  it("MESSAGE-7: a batch is no message", async () => {
    const { mcpUrl, router } = await serveMcp();
    const { status, json } = await postMessage(mcpUrl, [initialize], asCaller());
    expect([status, json.error.data.code]).toEqual([400, "message_invalid"]);
    expect(router.sessions.size).toBe(0);
    // The one revision that has them: no official client of it sends any.
    const client = await begin(mcpUrl, asCaller(), "2025-03-26");
    const answer = await client.post([toolCall(1, "echo", { text: "first" })]);
    expect([answer.status, answer.json.error.data.code]).toEqual([400, "message_invalid"]);
    expect(await client.call("echo", { text: "later" })).toBe("later");
  });
});

describe("the end of a session", () => {
  it("STREAMABLE-15: comes with a DELETE, of its owner only, once", async () => {
    const { mcpUrl, router } = await serveMcp();
    const facts = new Facts(router.sessions);
    const client = await begin(mcpUrl);
    const get = await client.listen();
    expect((await client.delete(asCaller({ sub: "bob" }))).status).toBe(404);
    expect((await client.delete()).status).toBe(200);
    await get.ended;
    expect(get.bytes).not.toMatch(/retry: \d+\n\n$/);
    expect(await facts.reasonOf(client.sessionId)).toBe("deleted");
    expect((await client.delete()).status).toBe(404);
    expect((await client.post(whoami)).status).toBe(404);
    expect((await client.listen()).status).toBe(404);
  });

  it("STREAMABLE-15, STREAMABLE-18: leaves no call without an answer", async () => {
    const held = new HeldTool();
    const { mcpUrl } = await serveMcp({ createServer: () => held.createServer() });
    const client = await begin(mcpUrl);
    const call = client.post(toolCall(2, "held"));
    await held.started;
    await client.delete();
    const { status, json } = await call;
    expect([status, json.error.data.code]).toEqual([404, "session_closed"]);
    expect(json.error.message).toBe("The session has ended: begin a new one.");
  });

  it("STREAMABLE-18, SESSION-5: whoever is revoked loses streams and calls at once, and nobody else", async () => {
    const held = new HeldTool();
    const { mcpUrl, router } = await serveMcp({
      createServer: () => held.createServer(),
      streamable: { sseAfterMs: 0 },
    });
    const alice = await begin(mcpUrl);
    const bob = await begin(mcpUrl, asCaller({ sub: "bob" }));
    const [get, bobs] = [await alice.listen(), await bob.listen()];
    const call = await alice.stream(toolCall(2, "held"));
    await held.started;
    router.sessions.closeFor(router.sessions.get(alice.sessionId)!.principal);
    await Promise.all([get.ended, call.ended]);
    expect(call.bytes).not.toContain("released");
    expect((await alice.post(initialized)).status).toBe(404);
    expect((await bob.post(initialized)).status).toBe(202);
    bobs.close();
  });

  it("STREAMABLE-18, STOP-2: close() lets calls finish, and takes no new session", async () => {
    const held = new HeldTool();
    const { mcpUrl, router } = await serveMcp({ createServer: () => held.createServer() });
    const client = await begin(mcpUrl);
    const get = await client.listen();
    const call = postForStream(mcpUrl, toolCall(2, "held"), client.headers);
    await held.started;
    const closed = router.close();
    const refused = await postMessage(mcpUrl, initialize, asCaller());
    expect([refused.status, refused.json.error.data.code]).toEqual([503, "shutting_down"]);
    expect((await client.post(toolCall(3, "held"))).status).toBe(503);
    held.release();
    const answer = await call;
    await answer.ended;
    expect(answer.bytes).toContain("released");
    await closed;
    await get.ended;
    expect(get.bytes).toMatch(/retry: 1000\n\n$/);
  });
});

/** A client of HTTP+SSE that has begun. */
async function talkOverSse(sseUrl: string) {
  const client = await converse(sseUrl);
  return { sessionId: client.sessionId, call: () => client.call("echo", { text: "over SSE" }) };
}

async function conversation(url: string) {
  const client = await begin(url);
  return { post: client.post.bind(client) };
}

/** All of an answer that a client could tell from another. */
function bytesOf({ status, rawHeaders, text }: Awaited<ReturnType<typeof send>>) {
  const date = rawHeaders.indexOf("Date");
  return [status, rawHeaders.filter((_, index) => index !== date + 1), text] as const;
}

it("SOURCE-3, SOURCE-4: pages may send what clients of all revisions send, and read what they need", async () => {
  const origin = "https://app.example.com";
  const ask = async (streamable: object, asked: string) => {
    const { mcpUrl } = await serveMcp({ streamable, cors: { allowOrigins: [origin] } });
    const { headers } = await send(mcpUrl, {
      method: "OPTIONS",
      headers: { origin, "access-control-request-headers": asked },
    });
    expect(headers["access-control-expose-headers"]).toContain("Mcp-Session-Id");
    expect(headers["access-control-allow-methods"]).toBe("POST,GET,DELETE,OPTIONS");
    return headers["access-control-allow-headers"]?.split(",") ?? [];
  };
  const asked = "mcp-param-region, Mcp-Param-X,x-evil,mcp-param-(, mcp-paramx";
  const usual = ["Authorization", "Content-Type", "Mcp-Protocol-Version"];
  const old = [...usual, "Mcp-Session-Id", "Last-Event-ID", "X-MCP-Instance"];
  expect(await ask({ modern: false }, asked)).toEqual(old);
  const all = [...usual, "Mcp-Method", "Mcp-Name", ...old.slice(3)];
  expect(await ask({}, asked)).toEqual([...all, "mcp-param-region", "mcp-param-x"]);
  expect(await ask({}, "authorization")).toEqual(all);
});
