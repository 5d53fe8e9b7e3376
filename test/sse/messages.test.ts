import { gzipSync } from "node:zlib";
import { asCaller, Conversation, converse } from "../kit/conversation.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { describeEveryMount, serveRouter } from "../kit/serve.js";
import { RawConnection, send } from "../kit/raw-http.js";
import type { RawAnswer } from "../kit/raw-http.js";
import { initialize, initialized, openSession, post, toolCall } from "../kit/raw-sse.js";
import type { RawStream } from "../kit/raw-sse.js";

cleanUpAfterEach();

const JSON_TYPE = { "content-type": "application/json" };

/** A body to a session, with any headers. */
function sendBody(
  { postUrl, headers }: Conversation,
  body: string | Buffer,
  more: Record<string, string> = {},
): Promise<RawAnswer> {
  return send(postUrl, { method: "POST", headers: { ...JSON_TYPE, ...headers, ...more }, body });
}

/** A session opened for nothing but to be sent nonsense. */
async function open(sseUrl: string): Promise<Conversation> {
  const headers = asCaller();
  const { stream, postUrl, endpoint } = await openSession(sseUrl, headers);
  return new Conversation(stream, postUrl, endpoint, headers);
}

function expectRpcError(answer: RawAnswer, status: number, code: string): void {
  expect(answer.json).toEqual({
    jsonrpc: "2.0",
    error: { code: expect.any(Number), message: expect.any(String), data: { code } },
    id: null,
  });
  expect(answer.status).toBe(status);
  expect(answer.headers["content-type"]).toBe("application/json");
  expect(answer.headers["cache-control"]).toBe("no-store");
}

/** The session still answers after what was done to it. */
async function expectAlive(stream: RawStream, { postUrl, headers }: Conversation): Promise<void> {
  expect((await post(postUrl, initialize, headers)).status).toBe(202);
  expect(await stream.nextMessage()).toMatchObject({ id: 1, result: {} });
}

const UNKNOWN_ID = "00000000-0000-4000-8000-000000000000";

describeEveryMount((serve) => {
  it("MESSAGE-1: an accepted message is answered 202, and its answer comes as an event", async () => {
    const { sseUrl } = await serve();
    const conversation = await converse(sseUrl);
    const { status, text } = await post(
      conversation.postUrl,
      toolCall(7, "echo", { text: "hi" }),
      conversation.headers,
    );
    expect([status, text]).toEqual([202, ""]);
    expect(await conversation.stream.nextMessage()).toMatchObject({
      id: 7,
      result: { content: [{ type: "text", text: "hi" }] },
    });
  });

  it.each([
    ["no query", ""],
    ["another parameter", "?session=1"],
    ["another case", "?sessionid=1&SESSIONID=2"],
    ["the id twice", `?sessionId=${UNKNOWN_ID}&sessionId=${UNKNOWN_ID}`],
    ["the id twice, once encoded", `?sessionId=${UNKNOWN_ID}&%73essionId=${UNKNOWN_ID}`],
    ["the id as a list", "?sessionId[]=1"],
  ])("MESSAGE-2: %s names no session: 400", async (_name, query) => {
    const { messagesUrl } = await serve();
    const headers = { ...JSON_TYPE, ...asCaller() };
    const answer = await send(messagesUrl + query, { method: "POST", headers, body: "{}" });
    expectRpcError(answer, 400, "session_id_required");
  });

  it("MESSAGE-2: a repeated id is refused even if both name the caller's session", async () => {
    const { sseUrl } = await serve();
    const { postUrl, sessionId, headers } = await open(sseUrl);
    const answer = await post(`${postUrl}&sessionId=${sessionId}`, initialize, headers);
    expect(answer.status).toBe(400);
  });

  it("MESSAGE-2: a question mark in an earlier parameter does not hide the id", async () => {
    const { sseUrl } = await serve();
    const { postUrl, headers } = await open(sseUrl);
    const answer = await post(postUrl.replace("?", "?a=b?c&"), initialize, headers);
    expect(answer.status).toBe(202);
  });

  it.each([
    UNKNOWN_ID,
    "",
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "%00",
    "%",
    "..%2f",
    "a".repeat(5000),
  ])("MESSAGE-3, MESSAGE-10: there is no session %j: 404", async (id) => {
    const { messagesUrl } = await serve();
    const answer = await send(`${messagesUrl}?sessionId=${id}`, {
      method: "POST",
      headers: { ...JSON_TYPE, ...asCaller() },
      body: "{}",
    });
    expectRpcError(answer, 404, "session_not_found");
  });

  it.each([
    ["no type", {}],
    ["text", { "content-type": "text/plain" }],
    ["a form", { "content-type": "application/x-www-form-urlencoded" }],
    ["a relative of JSON", { "content-type": "application/vnd.api+json" }],
    ["a prefix of JSON", { "content-type": "application/jsonx" }],
    ["two types", { "content-type": "application/json, text/plain" }],
    ["latin1", { "content-type": "application/json; charset=latin1" }],
    ["utf-16", { "content-type": "application/json; charset=utf-16" }],
    ["gzip", { ...JSON_TYPE, "content-encoding": "gzip" }],
    ["deflate", { ...JSON_TYPE, "content-encoding": "deflate" }],
    ["br", { ...JSON_TYPE, "content-encoding": "br" }],
    ["an unknown coding", { ...JSON_TYPE, "content-encoding": "x" }],
  ])("MESSAGE-4: %s is refused with 415", async (_name, headers) => {
    const { sseUrl } = await serve();
    const session = await open(sseUrl);
    const text = JSON.stringify(initialize);
    const body = "content-encoding" in headers ? gzipSync(text) : text;
    const answer = await send(session.postUrl, {
      method: "POST",
      headers: { ...session.headers, ...(headers as Record<string, string>) },
      body,
    });
    expectRpcError(answer, 415, "unsupported_media_type");
    await expectAlive(session.stream, session);
  });

  it.each([
    "application/json;charset=UTF-8",
    'application/json; charset="utf-8"',
    "Application/JSON; charset=utf8; x=y",
    "application/json ; charset=utf-8",
  ])("MESSAGE-4: %s is JSON in UTF-8", async (type) => {
    const { sseUrl } = await serve();
    const session = await open(sseUrl);
    const answer = await sendBody(session, JSON.stringify(initialize), {
      "content-type": type,
      "content-encoding": "identity",
    });
    expect(answer.status).toBe(202);
  });

  it("MESSAGE-4: a byte order mark and bytes that are no UTF-8 do no harm", async () => {
    const { sseUrl } = await serve();
    const conversation = await converse(sseUrl);
    const call = JSON.stringify(toolCall(5, "echo", { text: "X" }));
    const withMark = await sendBody(conversation, Buffer.from(`\uFEFF${call}`));
    expect(withMark.status).toBe(202);
    await conversation.stream.nextMessage();
    const [start, end] = call.split("X");
    const bytes = Buffer.concat([Buffer.from(start!), Buffer.from([0xff]), Buffer.from(end!)]);
    expect((await sendBody(conversation, bytes)).status).toBe(202);
    expect(await conversation.stream.nextMessage()).toMatchObject({
      result: { content: [{ text: "\uFFFD" }] },
    });
  });

  it.each([
    ["nothing", ""],
    ["blanks", " \r\n\t"],
    ["half of it", '{"jsonrpc": "2.0"'],
    ["HTML", "<html>"],
    ["a single quote", "{'jsonrpc':'2.0'}"],
    ["a bare word", "undefined"],
    ["two messages", '{"jsonrpc":"2.0","method":"a"}{"jsonrpc":"2.0","method":"a"}'],
    ["a comment", '{"jsonrpc":"2.0"/**/}'],
    ["bytes that are no text", "\0\x01\x02"],
    ["a broken nest", "[".repeat(100_000)],
  ])("MESSAGE-6, MESSAGE-8: %s is no JSON: 400", async (_name, body) => {
    const { sseUrl } = await serve();
    const session = await open(sseUrl);
    expectRpcError(await sendBody(session, body), 400, "message_not_json");
    await expectAlive(session.stream, session);
  });

  it.each([
    ["a batch", [{ jsonrpc: "2.0", id: 1, method: "ping" }]],
    ["an empty batch", []],
    ["null", null],
    ["a number", 7],
    ["text", "ping"],
    ["true", true],
    ["an empty object", {}],
    ["no version", { id: 1, method: "ping" }],
    ["version 1.0", { jsonrpc: "1.0", id: 1, method: "ping" }],
    ["version 2", { jsonrpc: 2, id: 1, method: "ping" }],
    ["nothing but a version", { jsonrpc: "2.0", id: 1 }],
    ["a null id", { jsonrpc: "2.0", id: null, method: "ping" }],
    ["an object as id", { jsonrpc: "2.0", id: {}, method: "ping" }],
    ["a list as id", { jsonrpc: "2.0", id: [1], method: "ping" }],
    ["true as id", { jsonrpc: "2.0", id: true, method: "ping" }],
    ["a fraction as id", { jsonrpc: "2.0", id: 1.5, method: "ping" }],
    ["a number as method", { jsonrpc: "2.0", id: 1, method: 1 }],
    ["a null method", { jsonrpc: "2.0", id: 1, method: null }],
    ["a list as params", { jsonrpc: "2.0", id: 1, method: "ping", params: [1] }],
    ["text as params", { jsonrpc: "2.0", id: 1, method: "ping", params: "x" }],
    ["null params", { jsonrpc: "2.0", id: 1, method: "ping", params: null }],
    ["an unknown member", { jsonrpc: "2.0", id: 1, method: "ping", extra: 1 }],
    ["a result without id", { jsonrpc: "2.0", result: {} }],
    ["text as result", { jsonrpc: "2.0", id: 1, result: "x" }],
    ["method and result", { jsonrpc: "2.0", id: 1, method: "ping", result: {} }],
    ["result and error", { jsonrpc: "2.0", id: 1, result: {}, error: { code: 1, message: "" } }],
    ["an error without code", { jsonrpc: "2.0", id: 1, error: { message: "x" } }],
    ["an error without message", { jsonrpc: "2.0", id: 1, error: { code: 1 } }],
  ])("MESSAGE-7, MESSAGE-8: %s is no JSON-RPC message: 400", async (_name, message) => {
    const { sseUrl } = await serve();
    const session = await open(sseUrl);
    const answer = await sendBody(session, JSON.stringify(message));
    expectRpcError(answer, 400, "message_invalid");
    await expectAlive(session.stream, session);
  });

  it("MESSAGE-7, MESSAGE-10: deep nests are refused or carried, and harm nobody", async () => {
    const { sseUrl } = await serve();
    const conversation = await converse(sseUrl);
    const deep = "[".repeat(100_000) + "]".repeat(100_000);
    expectRpcError(await sendBody(conversation, deep), 400, "message_invalid");
    const message = JSON.stringify(toolCall(9, "echo", { text: "x", deep: 0 }));
    const answer = await sendBody(conversation, message.replace('"deep":0', `"deep":${deep}`));
    expect(answer.status).toBe(202);
    expect(await conversation.stream.nextMessage()).toMatchObject({ id: 9 });
  });

  it.each(["__proto__", "constructor", "toString", "hasOwnProperty", ""])(
    "MESSAGE-10: %j is a JSON-RPC id, a method, a tool and a key like any other",
    async (name) => {
      const { sseUrl } = await serve();
      const conversation = await converse(sseUrl);
      const { stream } = conversation;
      const key = JSON.stringify(name);
      const id = JSON.stringify(name === "" ? "empty" : name);
      const messages = [
        `{"jsonrpc":"2.0","id":${id},"method":"ping"}`,
        `{"jsonrpc":"2.0","id":${id},"method":${key}}`,
        `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":${key}}}`,
        `{"jsonrpc":"2.0","id":${id},"method":"ping","params":{${key}:{"polluted":true}}}`,
        `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{"name":"echo","arguments":{"text":"x",${key}:{"polluted":true}}}}`,
      ];
      for (const message of messages) {
        expect((await sendBody(conversation, message)).status).toBe(202);
        expect(await stream.nextMessage()).toHaveProperty("id", JSON.parse(id));
      }
      const stranger = `{"jsonrpc":"2.0","id":1,"method":"ping",${key}:{"polluted":true}}`;
      expectRpcError(await sendBody(conversation, stranger), 400, "message_invalid");
      expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
      expect(await conversation.call("echo", { text: "alive" })).toBe("alive");
    },
  );
});

describeEveryMount((serve) => {
  const LIMIT = 4 * 1024 * 1024;

  /** A valid call of exactly this many bytes. */
  function callOf(bytes: number): string {
    const text = JSON.stringify(toolCall(3, "whoami"));
    return text.slice(0, -1) + " ".repeat(bytes - text.length) + "}";
  }

  it("MESSAGE-5: 4 MiB are accepted, and one byte more is not", async () => {
    const { sseUrl } = await serve();
    const conversation = await converse(sseUrl);
    expect((await sendBody(conversation, callOf(LIMIT))).status).toBe(202);
    expect(await conversation.stream.nextMessage()).toMatchObject({ id: 3, result: {} });
    const answer = await sendBody(conversation, callOf(LIMIT + 1));
    expectRpcError(answer, 413, "message_too_large");
    expect(await conversation.call("echo", { text: "alive" })).toBe("alive");
  });

  it("MESSAGE-5: a size that is only announced is refused before anything is read", async () => {
    const { sseUrl, port } = await serve();
    const session = await open(sseUrl);
    const connection = await RawConnection.open(port);
    connection.write(head(session, `Content-Length: ${LIMIT + 1}`));
    const answer = await connection.nextAnswer();
    expect(answer.status).toBe(413);
    expect(JSON.parse(answer.body)).toMatchObject({
      error: { data: { code: "message_too_large" } },
    });
  });

  it("MESSAGE-5: a stream of chunks is refused as soon as it is too long, and its connection stays usable", async () => {
    const { sseUrl, port } = await serve({ maxMessageSize: 1000 });
    const session = await open(sseUrl);
    const connection = await RawConnection.open(port);
    connection.write(head(session, "Transfer-Encoding: chunked"));
    connection.write(`400\r\n${"x".repeat(0x400)}\r\n`);
    expect((await connection.nextAnswer()).status).toBe(413);
    // What is still on its way belongs to the refused message, and must not block what follows.
    connection.write(`10000\r\n${"x".repeat(0x10000)}\r\n`.repeat(4) + "0\r\n\r\n");
    const body = JSON.stringify(initialize);
    connection.write(head(session, `Content-Length: ${body.length}`) + body);
    expect((await connection.nextAnswer()).status).toBe(202);
    expect(await session.stream.nextMessage()).toMatchObject({ id: 1 });
  });

  it("MESSAGE-5: maxMessageSize counts bytes, not characters", async () => {
    const { sseUrl } = await serve({ maxMessageSize: "1kb" });
    const conversation = await converse(sseUrl);
    const message = (text: string) => JSON.stringify(toolCall(4, "echo", { text }));
    expect((await sendBody(conversation, message("é".repeat(500)))).status).toBe(413);
    expect((await sendBody(conversation, message("e".repeat(500)))).status).toBe(202);
  });

  it("MESSAGE-6: a body that is cut off loses nothing but itself", async () => {
    const { sseUrl, port } = await serve();
    const conversation = await converse(sseUrl);
    for (const framing of ["Content-Length: 5000", "Transfer-Encoding: chunked"]) {
      const connection = await RawConnection.open(port);
      connection.write(head(conversation, framing, "Expect: 100-continue"));
      // The server has asked for the body: it is reading when the connection ends.
      await connection.nextAnswer();
      connection.write('10\r\n{"jsonrpc":"2.0"\r\n');
      connection.destroy();
      await connection.ended();
    }
    expect(await conversation.call("echo", { text: "alive" })).toBe("alive");
  });

  it("MESSAGE-6: a body longer than it says ends its connection, and nothing else", async () => {
    const { sseUrl, port } = await serve();
    const conversation = await converse(sseUrl);
    const connection = await RawConnection.open(port);
    const body = JSON.stringify(initialized);
    connection.write(
      `${head(conversation, `Content-Length: ${body.length}`)}${body}, and more\r\n`,
    );
    // The message itself is whole. Node refuses what follows; where that comes first, nothing else is said.
    const statuses = [(await connection.nextAnswer()).status];
    while (statuses.at(-1) === 202) statuses.push((await connection.nextAnswer()).status);
    expect(statuses.at(-1)).toBe(400);
    await connection.ended();
    expect(await conversation.call("echo", { text: "alive" })).toBe("alive");
  });

  /** The head of a POST to a session, to be followed by a body. */
  function head({ postUrl, headers }: Conversation, ...more: string[]): string {
    const { pathname, search, host } = new URL(postUrl);
    const lines = [
      `POST ${pathname}${search} HTTP/1.1`,
      `Host: ${host}`,
      "Content-Type: application/json",
      `Authorization: ${headers["authorization"] ?? ""}`,
      ...more,
    ];
    return `${lines.join("\r\n")}\r\n\r\n`;
  }
});

it("MESSAGE-8: no refusal of a message repeats what was in it", async () => {
  const { sseUrl } = await serveRouter();
  const session = await open(sseUrl);
  const bodies = [
    '{"jsonrpc":"2.0","id":1,"method":"ping","<script>":1}',
    '<script>alert("x")</script>',
    '["<script>"]',
  ];
  for (const body of bodies) expect((await sendBody(session, body)).text).not.toContain("script");
});
