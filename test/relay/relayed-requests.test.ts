import compression from "compression";
import express from "express";
import { memoryCluster } from "../../src/cluster/memory.js";
import type { AuthConfig } from "../../src/index.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { at, serveRelayingNodes } from "../kit/cluster/relaying-nodes.js";
import type { RelayingNode } from "../kit/cluster/relaying-nodes.js";
import { asCaller, converse } from "../kit/conversation.js";
import { Calls, serverV1, serverV2 } from "../kit/faults/servers.js";
import { RawConnection, send } from "../kit/raw-http.js";
import { post, toolCall } from "../kit/raw-sse.js";
import { clientV1, clientV2, streamableV1, streamableV2 } from "../kit/sdk-clients.js";
import { begin, postMessage, StreamableConversation, textOf } from "../kit/streamable.js";

cleanUpAfterEach();

const BOTH = "application/json, text/event-stream";

/** Alice's session at one node, and how she reaches it by another. */
async function beginAt(home: RelayingNode, edge: RelayingNode) {
  const here = await begin(home.mcpUrl);
  const there = new StreamableConversation(edge.mcpUrl, here.sessionId, here.headers);
  return { here, there };
}

function warningsOf(node: RelayingNode): readonly string[] {
  return node.lines.filter((line) => /^(warn|error)/.test(line));
}

describe("a request for a session of another node", () => {
  it("CLUSTER-23: brings a message over HTTP+SSE, whose 202 says that the session's server has it", async () => {
    const calls = new Calls();
    const [home, edge] = await serveRelayingNodes({ createServer: () => serverV1.create(calls) });
    const alice = await converse(home.sseUrl);
    const call = toolCall(7, "held", { name: "mine" });
    const accepted = await post(at(edge, alice.postUrl), call, alice.headers);
    expect(accepted).toMatchObject({ status: 202, text: "" });
    expect(calls.runs("mine")).toBe(1);
    calls.release("mine");
    expect(textOf(await alice.stream.answerTo(7))).toBe("mine");
    expect(edge.outcomes).toEqual([{ kind: "answered" }]);
    expect(edge.sessions.size).toBe(0);
  });

  it("CLUSTER-23: brings a call over Streamable HTTP and its answer back, as JSON", async () => {
    const [home, edge] = await serveRelayingNodes();
    const { there } = await beginAt(home, edge);
    expect(await there.call("echo", { text: "hällo 🎉" })).toBe("hällo 🎉");
    expect(JSON.parse(await there.call("whoami"))).toMatchObject({ id: "alice", method: "jwt" });
    expect([...warningsOf(home), ...warningsOf(edge)]).toEqual([]);
  });

  it("CLUSTER-23: has its answer come as a stream, event by event", async () => {
    const calls = new Calls();
    const [home, edge] = await serveRelayingNodes({ createServer: () => serverV2.create(calls) });
    const { there } = await beginAt(home, edge);
    const params = { name: "walk", arguments: { name: "w" }, _meta: { progressToken: 1 } };
    const call = { jsonrpc: "2.0", id: 5, method: "tools/call", params };
    const stream = await there.stream(call);
    expect(stream.headers["content-type"]).toBe("text/event-stream");
    const { id, data } = await stream.nextEvent();
    expect([typeof id, data]).toEqual(["string", ""]);
    for (const step of [1, 2, 3]) {
      expect((await stream.nextMessage())["params"]).toMatchObject({ progress: step });
      calls.release(`w ${step}`);
    }
    expect(textOf(await stream.answerTo(5))).toBe("w");
    await stream.ended;
  });

  it("CLUSTER-23: listens at its node, and ends it there", async () => {
    const calls = new Calls();
    const server = serverV1.create(calls);
    const [home, edge] = await serveRelayingNodes({ createServer: () => server });
    const { here, there } = await beginAt(home, edge);
    const stream = await there.listen();
    expect([stream.status, (await stream.nextEvent()).data]).toEqual([200, ""]);
    await server.notify("to whoever listens");
    const message = await stream.nextMessage();
    expect(message["params"]).toEqual({ level: "info", data: "to whoever listens" });
    expect((await there.delete()).status).toBe(200);
    await stream.ended;
    expect(home.sessions.get(here.sessionId)).toBeUndefined();
    expect((await there.delete()).status).toBe(404);
  });

  it.each([
    ["in one piece", 20_000],
    ["in many", 700_000],
  ])("CLUSTER-23: and its answer may be long: %s", async (_how, length) => {
    const [home, edge] = await serveRelayingNodes();
    const { there } = await beginAt(home, edge);
    // No piece may end within a character, wherever it ends.
    for (const text of ["🎉".repeat(length), `x${"🎉".repeat(length)}`]) {
      const { json } = await there.post(toolCall(3, "echo", { text }));
      expect(textOf(json) === text).toBe(true);
    }
  });

  it("CLUSTER-23: may have been read by a parser, at its edge, at its home, or at both", async () => {
    const configure = (app: express.Express) => app.use(express.json());
    const [home, edge] = await serveRelayingNodes({ configure });
    const { there } = await beginAt(home, edge);
    expect(await there.call("echo", { text: "parsed" })).toBe("parsed");
    const bad = await there.post("{", { "content-type": "text/plain" });
    expect(bad.status).toBe(415);
  });

  it("CLUSTER-23: has its stream pass what an application has in front of its router", async () => {
    const server = serverV1.create(new Calls());
    const configure = (app: express.Express) => app.use(compression({ threshold: 0 }));
    const [home, edge] = await serveRelayingNodes({ configure, createServer: () => server });
    const { there } = await beginAt(home, edge);
    const encoded = await send(edge.mcpUrl, {
      headers: { ...there.headers, accept: "text/event-stream", "accept-encoding": "gzip" },
    });
    // Ours says that nobody is to transform it.
    expect(encoded.headers["content-encoding"]).toBeUndefined();
    const stream = await there.listen();
    await stream.nextEvent();
    for (const data of ["one", "two"]) {
      await server.notify(data);
      expect((await stream.nextMessage())["params"]).toMatchObject({ data });
    }
  });

  it("CLUSTER-21: goes nowhere with a claim that cannot travel, and the log says which", async () => {
    const role = new URL("https://id.example/roles/admin");
    const auth = { type: "apikey", options: { verify: () => ({ id: "alice", claims: { role } }) } };
    const [home, edge] = await serveRelayingNodes({ auth: auth as AuthConfig });
    const here = await begin(home.mcpUrl, { "x-api-key": "a-key-0123456789" });
    const answer = await postMessage(edge.mcpUrl, toolCall(1, "whoami"), here.headers);
    expect([answer.status, answer.json.error]).toEqual([500, "server_error"]);
    expect(warningsOf(edge).join()).toContain('claim "role" of the apikey method');
    expect(edge.outcomes).toEqual([]);
  });

  it("CLUSTER-22: is not answered by a node with other methods", async () => {
    const cluster = memoryCluster();
    const [home] = await serveRelayingNodes({ cluster }, 1);
    const auth = { type: "apikey", options: { keys: ["a-key-0123456789"] } } as const;
    const [edge] = await serveRelayingNodes({ cluster, auth, others: [home] }, 1);
    const here = await begin(home.mcpUrl);
    const headers = { ...here.headers, "x-api-key": "a-key-0123456789", authorization: "none" };
    const answer = await postMessage(edge.mcpUrl, toolCall(1, "whoami"), headers);
    expect(answer.status).toBe(503);
    expect(warningsOf(home).join()).toContain("another node has a method apikey");
  });

  it("CLUSTER-23: waits for its turn on its connection", async () => {
    const calls = new Calls();
    const [home, edge] = await serveRelayingNodes({ createServer: () => serverV1.create(calls) });
    const { here } = await beginAt(home, edge);
    const raw = await RawConnection.open(edge.port);
    const postOf = (id: number, name: string): string => {
      const body = JSON.stringify(toolCall(id, name, { name: `${name} ${id}` }));
      const headers = { ...here.headers, accept: BOTH, "content-type": "application/json" };
      const fields = Object.entries({
        ...headers,
        host: "127.0.0.1",
        "content-length": body.length,
      });
      return `POST /mcp HTTP/1.1\r\n${fields.map(([n, v]) => `${n}: ${v}`).join("\r\n")}\r\n\r\n${body}`;
    };
    raw.write(postOf(1, "held") + postOf(2, "echo"));
    await calls.started("echo 2");
    calls.release("held 1");
    const [first, second] = [await raw.nextAnswer(), await raw.nextAnswer()];
    expect([first.body, second.body].map((body) => textOf(JSON.parse(body)))).toEqual([
      "held 1",
      "echo 2",
    ]);
  });

  it("CLUSTER-23: is asked for by every official client, whichever node it reaches", async () => {
    const calls = new Calls();
    const kits = [clientV1, clientV2, streamableV1, streamableV2];
    for (const [index, kit] of kits.entries()) {
      const server = (index % 2 === 0 ? serverV1 : serverV2).create(calls);
      const nodes = await serveRelayingNodes({ createServer: () => server });
      let count = 0;
      // HTTP+SSE finds its stream at its home only, as yet.
      const isStream = (init?: RequestInit) =>
        kit.name.startsWith("client") && init?.method === undefined;
      const roundRobin: typeof fetch = (url, init) =>
        fetch(at(nodes[isStream(init) ? 0 : count++ % 2]!, (url as string | URL).toString()), init);
      const notes: string[] = [];
      const client = await kit.connect(
        nodes[0].mcpUrl + (kit.name.startsWith("client") ? "/sse" : ""),
        {
          headers: asCaller(),
          fetch: roundRobin,
          listener: {
            onNotification: (text) => void notes.push(text),
            onSampling: (text) => `${text}!`,
          },
        },
      );
      const steps: number[] = [];
      for (let n = 0; n < 6; n++) expect(await client.call("echo", { name: `${n}` })).toBe(`${n}`);
      await client.call("steps", { name: "steps" }, (progress) => void steps.push(progress));
      expect(steps).toEqual([1, 2, 3]);
      expect(await server.ask("what")).toBe("what!");
      expect(nodes[1].outcomes.length + nodes[0].outcomes.length).toBeGreaterThan(3);
      await client.close();
      expect([...client.errors, ...nodes.flatMap(warningsOf)]).toEqual([]);
    }
  });
});

describe("a refusal", () => {
  const REFUSED = [
    ["of what is no JSON", { body: "{" }],
    ["of what is no message", { body: '{"jsonrpc":"2.0"}' }],
    ["of another type", { body: "{}", headers: { "content-type": "text/plain" } }],
    ["of a revision that nobody speaks", { headers: { "mcp-protocol-version": "1999-01-01" } }],
    ["of a call whose answer nobody takes", { headers: { accept: "text/html" } }],
    ["of a body that is too large", { body: JSON.stringify(toolCall(1, "x".repeat(20_000))) }],
    ["to another caller", { headers: asCaller({ sub: "mallory" }) }],
    ["to another client of the same person", { headers: asCaller({ client_id: "other" }) }],
    ["to a caller whom nobody knows", { headers: { authorization: "Bearer nonsense" } }],
    ["of a method", { method: "PUT" }],
  ] as const;

  it.each(REFUSED)("CLUSTER-24: is the home's, byte for byte: %s", async (_what, refused) => {
    const [home, edge] = await serveRelayingNodes({ maxMessageSize: 10_000 });
    const { here } = await beginAt(home, edge);
    const given: { body?: string; method?: string; headers?: Record<string, string> } = refused;
    const ask = (node: RelayingNode) =>
      send(node.mcpUrl, {
        method: given.method ?? "POST",
        headers: {
          "content-type": "application/json",
          accept: BOTH,
          ...here.headers,
          ...given.headers,
        },
        body: given.body ?? JSON.stringify(toolCall(1, "echo", { text: "x" })),
      });
    const [local, relayed] = [await ask(home), await ask(edge)];
    expect(local.status).toBeGreaterThanOrEqual(400);
    expect(shown(relayed)).toEqual(shown(local));
  });

  it("CLUSTER-24: is the home's, byte for byte: of an event from which nobody can go on", async () => {
    const [home, edge] = await serveRelayingNodes();
    const { here } = await beginAt(home, edge);
    const headers = { ...here.headers, accept: "text/event-stream", "last-event-id": "unknown" };
    const [local, relayed] = [
      await send(home.mcpUrl, { headers }),
      await send(edge.mcpUrl, { headers }),
    ];
    expect(local.status).toBe(400);
    expect(shown(relayed)).toEqual(shown(local));
  });

  it("CLUSTER-24: over HTTP+SSE as well, and for a session that does not exist", async () => {
    const [home, edge] = await serveRelayingNodes();
    const alice = await converse(home.sseUrl);
    const mallory = { ...asCaller({ sub: "mallory" }), "content-type": "application/json" };
    const body = JSON.stringify(toolCall(1, "whoami"));
    const unknown = `${edge.mcpUrl}/messages?sessionId=${crypto.randomUUID()}`;
    const answers = [alice.postUrl, at(edge, alice.postUrl), unknown].map((url) =>
      send(url, { method: "POST", headers: mallory, body }),
    );
    const [local, relayed, none] = await Promise.all(answers);
    expect(local!.status).toBe(404);
    expect([shown(relayed!), shown(none!)]).toEqual([shown(local!), shown(local!)]);
  });

  it("CLUSTER-24: by a home that has no such session leaves the request to whoever has sent it", async () => {
    const [home, edge] = await serveRelayingNodes();
    const { here } = await beginAt(home, edge);
    const relay = edge.relay.relay.bind(edge.relay);
    // As if the session had moved while the request was on its way.
    edge.relay.relay = async (request, route, target) => {
      home.sessions.close(here.sessionId);
      const relayed = await relay(request, route, target);
      expect(request.res.headersSent).toBe(false);
      expect((request.req as { body?: unknown }).body).toBe(JSON.stringify(toolCall(1, "whoami")));
      return relayed;
    };
    const answer = await postMessage(edge.mcpUrl, toolCall(1, "whoami"), here.headers);
    expect(answer.status).toBe(404);
    expect(edge.outcomes).toEqual([{ kind: "not-here" }]);
  });

  /** All but when it was sent. */
  function shown({ status, rawHeaders, text }: Awaited<ReturnType<typeof send>>) {
    const date = rawHeaders.indexOf("Date");
    return { status, text, headers: rawHeaders.toSpliced(date, 2) };
  }
});
