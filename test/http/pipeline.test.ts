import type { Transport, TransportRoute } from "../../src/http/transport.js";
import { McpSseError } from "../../src/index.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { asCaller, converse } from "../kit/conversation.js";
import { servePipeline } from "../kit/pipeline.js";
import { send } from "../kit/raw-http.js";
import { openStream, post, toolCall } from "../kit/raw-sse.js";

cleanUpAfterEach();

const serve = (...others: Transport[]) => servePipeline({ others });

/** A transport of one route. */
function transport(route: TransportRoute): Transport {
  return { routes: [route] };
}

/** Tells the caller who they are, at the path of the event stream. */
const whoAmI: TransportRoute = {
  path: "/sse",
  method: "POST",
  answer: ({ res, caller }) => void res.end(caller.principal?.id),
};

describe("the pipeline", () => {
  it("SOURCE-5: refuses a POST to the stream's path, unless another transport takes it", async () => {
    const alone = await serve();
    const refused = await send(alone.sseUrl, { method: "POST" });
    expect([refused.status, refused.headers.allow]).toEqual([405, "GET, OPTIONS"]);

    const shared = await serve(transport(whoAmI));
    const answer = await post(shared.sseUrl, {}, asCaller());
    expect([answer.status, answer.text]).toEqual([200, "alice"]);
    expect((await post(shared.sseUrl, {})).status).toBe(401);
    expect((await openStream(shared.sseUrl, asCaller())).status).toBe(200);
  });

  it("SOURCE-5: names the methods of all transports that share a path", async () => {
    const { sseUrl } = await serve(transport(whoAmI), transport({ ...whoAmI, method: "DELETE" }));
    const { status, headers, json } = await send(sseUrl, { method: "PUT" });
    expect([status, headers.allow]).toEqual([405, "GET, POST, DELETE, OPTIONS"]);
    expect(json.error_description).toBe("This path takes GET or POST or DELETE only.");
  });

  it("SOURCE-3: lets pages use the methods and headers of all transports", async () => {
    const { sseUrl } = await serve({
      routes: [{ ...whoAmI, method: "DELETE" }],
      requestHeaders: ["X-Mine"],
    });
    const headers = { origin: "http://localhost", "access-control-request-method": "DELETE" };
    const answer = await send(sseUrl, { method: "OPTIONS", headers });
    expect(answer.headers["access-control-allow-methods"]).toBe("GET,POST,DELETE,OPTIONS");
    expect(answer.headers["access-control-allow-headers"]).toBe(
      "Authorization,Content-Type,Mcp-Protocol-Version,Last-Event-ID,X-MCP-Instance,X-Mine",
    );
  });

  it("gives a method that two transports have at one path to the first of them", async () => {
    const second = { ...whoAmI, answer: () => Promise.reject(new Error("asked")) };
    const { sseUrl } = await serve(transport(whoAmI), transport(second));
    expect((await post(sseUrl, {}, asCaller())).text).toBe("alice");
  });

  it("asks routes of one path and method, in their order, which takes a request", async () => {
    const second: TransportRoute = { ...whoAmI, answer: ({ res }) => void res.end("the second") };
    const first: TransportRoute = {
      ...whoAmI,
      takes: ({ headers }) => headers["x-first"] === "yes",
    };
    const { sseUrl } = await serve(transport(first), transport(second));
    const answerTo = async (headers: Record<string, string>) =>
      (await post(sseUrl, {}, { ...asCaller(), ...headers })).text;
    expect(await answerTo({ "x-first": "yes" })).toBe("alice");
    expect(await answerTo({})).toBe("the second");
  });

  it("SOURCE-5: refuses a request that no route of its method takes, before it looks who sent it", async () => {
    const { url } = await serve(
      {
        routes: ["GET", "DELETE"].map((method) => ({
          ...whoAmI,
          path: "/some",
          method,
        })) as TransportRoute[],
      },
      transport({ ...whoAmI, path: "/some", takes: () => false }),
    );
    const { status, headers } = await send(`${url}/some`, { method: "POST" });
    expect([status, headers.allow]).toEqual([405, "GET, DELETE, OPTIONS"]);
  });

  it("SOURCE-4: lets pages read the headers that transports answer with", async () => {
    const { sseUrl } = await serve({ routes: [], responseHeaders: ["X-Theirs"] });
    const { headers } = await send(sseUrl, { headers: { origin: "http://localhost" } });
    expect(headers["access-control-expose-headers"]).toBe("WWW-Authenticate,Retry-After,X-Theirs");
  });

  it("MESSAGE-3: tells a transport that can do without nothing of another's session", async () => {
    const { url, sseUrl } = await serve(
      transport({
        path: "/optional",
        method: "POST",
        isSessionOptional: true,
        sessionId: ({ headers }) => headers["x-session"]?.toString(),
        answer: ({ res }, session) => void res.end(session?.id ?? "none"),
      }),
    );
    const { sessionId } = await converse(sseUrl);
    const answerTo = async (sub: string, id: string) =>
      (await post(`${url}/optional`, {}, { ...asCaller({ sub }), "x-session": id })).text;
    expect(await answerTo("alice", sessionId)).toBe(sessionId);
    expect(await answerTo("bob", sessionId)).toBe("none");
    expect(await answerTo("alice", "unknown")).toBe("none");
  });

  it("tolerates one trailing slash, and no other spelling of a path", async () => {
    const { url } = await serve(transport({ ...whoAmI, path: "/who" }));
    const status = async (path: string) => (await post(url + path, {}, asCaller())).status;
    expect(await Promise.all(["/who", "/who/", "/who//", "/Who", "/who/x"].map(status))).toEqual([
      200, 200, 404, 404, 404,
    ]);
  });

  // Each request is wrong in what its step looks at and in all that comes after.
  it.each([
    ["the source", 403, { method: "PUT", headers: { host: "evil.example" } }],
    ["a preflight", 204, { method: "OPTIONS" }],
    ["the method", 405, { method: "PUT" }],
    ["the caller", 401, { method: "POST" }],
    ["the session", 404, { method: "POST", headers: asCaller() }],
  ])("looks at %s before what comes after it", async (_step, status, request) => {
    const answer = jest.fn();
    const route: TransportRoute = { ...whoAmI, path: "/named", sessionId: () => "none", answer };
    const { url } = await serve(transport(route));
    expect((await send(`${url}/named`, request)).status).toBe(status);
    expect(answer).not.toHaveBeenCalled();
  });

  it("hands a transport the session that its request names, to its owner only", async () => {
    const { url, sseUrl } = await serve(
      transport({
        path: "/session",
        method: "DELETE",
        sessionId: ({ headers }) => headers["x-session"]?.toString(),
        answer: ({ res }, session) => void res.end(session?.id ?? "none"),
      }),
    );
    const { sessionId } = await converse(sseUrl);
    const answerTo = async (headers: Record<string, string>) =>
      await send(`${url}/session`, { method: "DELETE", headers });
    const named = { "x-session": sessionId };
    expect((await answerTo({ ...asCaller(), ...named })).text).toBe(sessionId);
    expect((await answerTo(asCaller())).text).toBe("none");
    const strangers = await answerTo({ ...asCaller({ sub: "bob" }), ...named });
    const unknown = await answerTo({ ...asCaller(), "x-session": "unknown" });
    expect([strangers.status, strangers.text]).toEqual([404, unknown.text]);
  });

  it.each<[string, TransportRoute["answer"]]>([
    ["throw", () => fail()],
    ["rejection", async () => fail()],
  ])("makes a %s of a transport the answer, if it is one of ours", async (_how, answer) => {
    const { url, lines } = await serve(transport({ ...whoAmI, path: "/fails", answer }));
    const { status, headers, json } = await post(`${url}/fails`, {}, asCaller());
    expect([status, headers.get("retry-after")]).toEqual([503, "7"]);
    expect(json.error.message).toBe("Not now.");
    expect(lines.at(-1)).toBe("refused POST: 503 shutting_down: Not now.");
  });

  it("tells a client nothing of any other error, and the operator all of it", async () => {
    const answer = () => Promise.reject(new Error("the database is away"));
    const { url, lines } = await serve(transport({ ...whoAmI, path: "/fails", answer }));
    const { status, text } = await post(`${url}/fails`, {}, asCaller());
    expect(status).toBe(500);
    expect(text).not.toContain("database");
    expect(lines.at(-1)).toMatch(/^refused POST: 500 server_error: .*the database is away/);
  });

  it("lets a transport refuse in its own way, and reports the rest", async () => {
    const seen: unknown[] = [];
    const { url, lines } = await serve(
      transport({
        ...whoAmI,
        path: "/own",
        refuse: ({ res }, error) => {
          seen.push(error);
          if (seen.length > 1) return false;
          res.writeHead(200).end("later");
          return true;
        },
      }),
    );
    expect((await post(`${url}/own`, {})).text).toBe("later");
    expect(lines.filter((line) => line.startsWith("refused"))).toEqual([]);
    expect((await post(`${url}/own`, {})).status).toBe(401);
    expect(seen).toHaveLength(2);
  });

  it("writes nothing more where a transport fails after its answer has begun", async () => {
    const { url, lines } = await serve(
      transport({
        ...whoAmI,
        path: "/begun",
        answer: async ({ res }) => {
          res.end("all");
          fail();
        },
      }),
    );
    const { status, text } = await post(`${url}/begun`, {}, asCaller());
    expect([status, text]).toEqual([200, "all"]);
    expect(lines.at(-1)).toBe("refused POST: 503 shutting_down: Not now.");
  });
});

describe("the fast path", () => {
  const call = toolCall(2, "echo", { text: "hello" });

  it("KNOWN-6: answers the POSTs of sessions without routing them", async () => {
    const { sseUrl, routed } = await serve();
    const { postUrl, headers } = await converse(sseUrl);
    expect((await post(postUrl, call, headers)).status).toBe(202);
    expect(routed).toEqual(["GET /sse"]);
  });

  it("SOURCE-1: looks at the source there too", async () => {
    const { sseUrl, routed } = await serve();
    const { postUrl, headers } = await converse(sseUrl);
    const elsewhere = { method: "POST", headers: { ...headers, host: "evil.example" } };
    expect((await send(postUrl, elsewhere)).status).toBe(403);
    expect(routed).toEqual(["GET /sse"]);
  });

  it.each<[string, Record<string, string>, number]>([
    ["has no credential", {}, 401],
    ["is not the owner", asCaller({ sub: "bob" }), 404],
  ])("KNOWN-8: passes on who %s, to be told why not", async (_who, headers, status) => {
    const { sseUrl, routed } = await serve();
    const { postUrl } = await converse(sseUrl);
    expect((await post(postUrl, call, headers)).status).toBe(status);
    expect(routed).toEqual(["GET /sse", "POST /messages"]);
  });
});

function fail(): never {
  throw new McpSseError("shutting_down", "Not now.", { headers: { "Retry-After": "7" } });
}
