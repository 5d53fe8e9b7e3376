import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import express from "express";
import type { McpSseError } from "../../src/shared/errors.js";
import { PostExtra } from "../../src/http/message-extra.js";
import { readMessage } from "../../src/http/message-body.js";
import type { BodyOptions, ReadMessage } from "../../src/http/message-body.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { listen } from "../kit/listen.js";
import { signal } from "../kit/waiting.js";

cleanUpAfterEach();

const ping = { jsonrpc: "2.0", id: 1, method: "ping" } as const;
const PING = JSON.stringify(ping);
const MAX_BYTES = 1000;

interface Outcome {
  message?: unknown;
  error?: McpSseError;
}

function outcomeOf(message: ReadMessage): Outcome {
  try {
    return { message: message() };
  } catch (error) {
    return { error: error as McpSseError };
  }
}

/** Sends bytes as they are, and tells what became of them. */
async function send(head: string[], body: string | Buffer, options: Partial<BodyOptions> = {}) {
  const outcome = signal<Outcome>();
  const { port } = await listen((req, res) => {
    readMessage(req, { maxBytes: MAX_BYTES, ...options }, (message) => {
      outcome.resolve(outcomeOf(message));
    });
    req.on("error", () => undefined);
    outcome.promise.then(() => res.end()).catch(() => undefined);
  });
  const socket = connect(port, "127.0.0.1").on("error", () => undefined);
  onDispose(() => socket.destroy());
  socket.write([`POST / HTTP/1.1`, "Host: a", ...head, "", ""].join("\r\n"));
  socket.write(body);
  return { socket, outcome: outcome.promise };
}

async function sent(headers: Record<string, string>, body: string | Buffer): Promise<Outcome> {
  const lines = Object.entries({ "Content-Length": String(Buffer.byteLength(body)), ...headers });
  return await (
    await send(
      lines.map(([name, value]) => `${name}: ${value}`),
      body,
    )
  ).outcome;
}

const json = { "Content-Type": "application/json" };

it.each([
  "application/json",
  "Application/JSON",
  "application/json; charset=utf-8",
  "application/json;charset=UTF8",
  'application/json; charset="utf-8"',
  "application/json; profile=x",
])("MESSAGE-4: takes the type %s", async (type) => {
  expect(await sent({ "Content-Type": type }, PING)).toEqual({ message: ping });
});

it.each([
  ["none", {}],
  ["text", { "Content-Type": "text/plain" }],
  ["a form", { "Content-Type": "application/x-www-form-urlencoded" }],
  ["another of JSON's family", { "Content-Type": "application/json-rpc" }],
  ["Latin-1", { "Content-Type": "application/json; charset=iso-8859-1" }],
  ["UTF-16", { "Content-Type": "application/json; charset=utf-16" }],
  ["a type that is none", { "Content-Type": "json" }],
  ["gzip", { ...json, "Content-Encoding": "gzip" }],
  ["two codings", { ...json, "Content-Encoding": "gzip, identity" }],
])("MESSAGE-4: refuses the type: %s", async (_what, headers) => {
  const body = "Content-Encoding" in headers ? gzipSync(PING) : PING;
  expect((await sent(headers as Record<string, string>, body)).error).toMatchObject({
    code: "unsupported_media_type",
    status: 415,
  });
});

it("MESSAGE-5: takes exactly maxBytes, and not one more", async () => {
  const padded = PING.padEnd(MAX_BYTES);
  expect(await sent(json, padded)).toEqual({ message: ping });
  expect((await sent(json, `${padded} `)).error).toMatchObject({ code: "message_too_large" });
});

it("MESSAGE-5: counts bytes, not characters", async () => {
  const message = { ...ping, params: { text: "😀".repeat(MAX_BYTES / 4) } };
  expect((await sent(json, JSON.stringify(message))).error).toMatchObject({ status: 413 });
});

it("MESSAGE-5: refuses an announced size before anything of it has come", async () => {
  const { outcome } = await send(
    ["Content-Type: application/json", "Content-Length: 5000000000"],
    "",
  );
  expect((await outcome).error).toMatchObject({ code: "message_too_large", status: 413 });
});

it("MESSAGE-5: refuses a stream as soon as it is too long", async () => {
  const head = ["Content-Type: application/json", "Transfer-Encoding: chunked"];
  const { outcome, socket } = await send(head, "");
  socket.write(`800\r\n${" ".repeat(0x800)}\r\n`);
  expect((await outcome).error).toMatchObject({ code: "message_too_large" });
});

it("MESSAGE-6: a body that is cut off is unreadable", async () => {
  const { outcome, socket } = await send(
    ["Content-Type: application/json", "Content-Length: 100"],
    "{",
  );
  socket.end();
  expect((await outcome).error).toMatchObject({ code: "message_unreadable", status: 400 });
});

it.each(["", " ", "{", "{'a':1}", "undefined", "\0", `${PING}${PING}`])(
  "MESSAGE-6: %j is no JSON",
  async (body) => {
    expect((await sent(json, body)).error).toMatchObject({ code: "message_not_json", status: 400 });
  },
);

const MARK = "Content-Type: application/json";

it.each([
  ["a body", [MARK, `Content-Length: ${PING.length}`], PING, { message: ping }],
  [
    "a body in chunks",
    [MARK, "Transfer-Encoding: chunked"],
    `${PING.length.toString(16)}\r\n${PING}\r\n0\r\n\r\n`,
    { message: ping },
  ],
  ["an empty body", [MARK, "Content-Length: 0"], "", { error: { code: "message_not_json" } }],
  ["no body", [MARK], "", { error: { code: "message_not_json" } }],
  [
    "no chunk but the last",
    [MARK, "Transfer-Encoding: chunked"],
    "0\r\n\r\n",
    { error: { code: "message_not_json" } },
  ],
  [
    "a body that is cut off",
    [MARK, "Content-Length: 100"],
    "{",
    { error: { code: "message_unreadable" } },
  ],
  [
    "chunks that are cut off",
    [MARK, "Transfer-Encoding: chunked"],
    "1\r\n{\r\n",
    { error: { code: "message_unreadable" } },
  ],
])(
  "MESSAGE-6: %s is read alike, at once with its head and byte by byte",
  async (_what, head, body, expected) => {
    const ways = [Infinity, 1].flatMap((size) => [
      { size, begin: (read: () => void) => read() },
      // Who is authenticated first begins to read later.
      { size, begin: (read: () => void) => void setImmediate(read) },
    ]);
    for (const { size, begin } of ways) {
      const outcome = signal<Outcome>();
      const { port } = await listen((req, res) => {
        begin(() => {
          readMessage(req, { maxBytes: MAX_BYTES }, (message) => {
            outcome.resolve(outcomeOf(message));
            res.end();
          });
        });
      });
      const socket = connect(port, "127.0.0.1").on("error", () => undefined);
      onDispose(() => socket.destroy());
      socket.setNoDelay(true);
      const text = ["POST / HTTP/1.1", "Host: a", ...head, "", body].join("\r\n");
      for (let start = 0; start < text.length; start += size) {
        await new Promise((sent) => socket.write(text.slice(start, start + size), sent));
      }
      socket.end();
      expect(await outcome.promise).toMatchObject(expected);
    }
  },
);

it("MESSAGE-1: bodies that follow each other on a connection are read one by one", async () => {
  const ids: unknown[] = [];
  const all = signal<unknown[]>();
  const { port } = await listen((req, res) => {
    readMessage(req, { maxBytes: MAX_BYTES }, (message) => {
      ids.push((message() as typeof ping).id);
      if (ids.length === 3) all.resolve(ids);
      res.end();
    });
  });
  const socket = connect(port, "127.0.0.1");
  onDispose(() => socket.destroy());
  const bodies = [1, 2, 3].map((id) => JSON.stringify({ ...ping, id }));
  socket.write(
    bodies
      .map((body) =>
        ["POST / HTTP/1.1", "Host: a", MARK, `Content-Length: ${body.length}`, "", body].join(
          "\r\n",
        ),
      )
      .join(""),
  );
  expect(await all.promise).toEqual([1, 2, 3]);
});

it("MESSAGE-1: a character that comes in two chunks stays whole", async () => {
  const message = { ...ping, params: { text: "😀" } };
  const bytes = Buffer.from(JSON.stringify(message));
  const middle = bytes.indexOf(0xf0) + 2;
  const head = ["Content-Type: application/json", `Content-Length: ${bytes.length}`];
  const { outcome, socket } = await send(head, bytes.subarray(0, middle));
  socket.write(bytes.subarray(middle));
  expect(await outcome).toEqual({ message });
});

it.each([
  ["an object", ping],
  ["text", PING],
  ["bytes", Buffer.from(PING)],
])("MESSAGE-9: takes what a parser before us made of the body: %s", async (_what, parsedBody) => {
  const { outcome } = await send(["Content-Type: application/json", "Content-Length: 2"], "{}", {
    parsedBody,
  });
  expect(await outcome).toEqual({ message: ping });
});

it("MESSAGE-5: measures again what a parser before us took without a length", async () => {
  const parsedBody = { ...ping, params: { text: "x".repeat(MAX_BYTES) } };
  const head = ["Content-Type: application/json", "Transfer-Encoding: chunked"];
  for (const parsed of [parsedBody, JSON.stringify(parsedBody)]) {
    const { outcome } = await send(head, "0\r\n\r\n", { parsedBody: parsed });
    expect((await outcome).error).toMatchObject({ code: "message_too_large" });
  }
});

it("MESSAGE-6: says so when another parser has drained the body", async () => {
  const outcome = signal<Outcome>();
  const app = express();
  app.use(express.text({ type: "*/*" }), (req, res) => {
    readMessage(req, { maxBytes: MAX_BYTES }, (message) => {
      outcome.resolve(outcomeOf(message));
      res.end();
    });
  });
  const { url } = await listen(app);
  await fetch(url, { method: "POST", body: PING, headers: json });
  const { error } = await outcome.promise;
  expect(error?.code).toBe("message_unreadable");
  expect(error?.message).toContain("express.json()");
});

describe("what accompanies a message", () => {
  async function extraOf(host: string, hidden?: string[]): Promise<PostExtra> {
    const extra = signal<PostExtra>();
    const { port } = await listen((req, res) => {
      extra.resolve(new PostExtra(req, undefined, () => hidden ?? []));
      res.end();
    });
    const socket = connect(port, "127.0.0.1").on("error", () => undefined);
    onDispose(() => socket.destroy());
    socket.write(
      `POST /m?a=1 HTTP/1.1\r\nHost: ${host}\r\nX-Key: hidden\r\nX-B: \xe9\r\n\r\n`,
      "latin1",
    );
    return await extra.promise;
  }

  it("AUTH-10: has the URL and the headers, as both SDKs read them", async () => {
    const extra = await extraOf("api.example.com");
    expect(extra.requestInfo.url?.href).toBe("http://api.example.com/m?a=1");
    expect(extra.request.url).toBe("http://api.example.com/m?a=1");
    expect(extra.request.method).toBe("POST");
    expect(extra.request.headers.get("x-b")).toBe("\xe9");
    expect(extra.requestInfo).toBe(extra.requestInfo);
  });

  it("AUTH-10: has the URL as a property that is copied, written down and replaced like any other", async () => {
    const { requestInfo } = await extraOf("api.example.com");
    expect({ ...requestInfo }.url?.href).toBe("http://api.example.com/m?a=1");
    expect(JSON.parse(JSON.stringify(requestInfo))).toMatchObject({
      headers: { host: "api.example.com" },
      url: "http://api.example.com/m?a=1",
    });
    expect(requestInfo.url).toBe(requestInfo.url);
    const other = new URL("http://other.example.com/");
    requestInfo.url = other;
    expect(requestInfo.url).toBe(other);
    requestInfo.url = undefined;
    expect({ ...requestInfo }.url).toBeUndefined();
  });

  it("AUTH-11: has no header that carried an API key", async () => {
    const extra = await extraOf("a", ["x-key", "x-b"]);
    expect(extra.requestInfo.headers).not.toHaveProperty("x-key");
    expect(extra.request.headers.has("x-key")).toBe(false);
    expect(extra.request.headers.has("x-b")).toBe(false);
  });

  it.each([
    "user:password@evil.example",
    "a:99999",
    "a b",
    "[::",
    "user@evil.example",
    ":secret@a",
  ])("AUTH-10: bears the Host %j", async (host) => {
    const extra = await extraOf(host);
    expect(extra.requestInfo.url).toBeUndefined();
    expect(extra.request.url).toBe("http://unknown.invalid/");
  });
});
