import express from "express";
import type { Express, RequestHandler } from "express";
import type { Conversation } from "../kit/conversation.js";
import { asCaller, converse } from "../kit/conversation.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { describeEveryRouter } from "../kit/serve.js";
import { RawConnection, send } from "../kit/raw-http.js";
import type { RawAnswer } from "../kit/raw-http.js";
import { post, toolCall } from "../kit/raw-sse.js";

cleanUpAfterEach();

/** A parser that reads everything and keeps nothing. */
const drain: RequestHandler = (req, _res, next) => {
  req.on("end", next).resume();
};

/** A parser that reads everything and puts it where nobody looks. */
const keepElsewhere: RequestHandler = (req, _res, next) => {
  const chunks: Buffer[] = [];
  req.on("data", (chunk: Buffer) => chunks.push(chunk));
  req.on("end", () => {
    Object.assign(req, { rawBody: Buffer.concat(chunks) });
    next();
  });
};

/** A middleware for requests with a query parameter only. */
function onlyWith(parameter: string, middleware: RequestHandler): RequestHandler {
  return (req, res, next) => {
    if (req.query[parameter] === undefined) next();
    else void middleware(req, res, next);
  };
}

/** A logger that listens to the body without waiting for it. */
const eavesdrop: RequestHandler = (req, _res, next) => {
  req.on("end", () => undefined);
  next();
};

function sendBody(
  { postUrl, headers }: Pick<Conversation, "postUrl" | "headers">,
  body: string | Buffer,
  more: Record<string, string> = {},
): Promise<RawAnswer> {
  return send(postUrl, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers, ...more },
    body,
  });
}

/** A valid call of exactly this many bytes. */
function callOf(bytes: number): string {
  const text = JSON.stringify(toolCall(3, "echo", { text: "" }));
  return text.replace('"text":""', `"text":"${"x".repeat(bytes - text.length)}"`);
}

const PARSERS: [string, { before?: RequestHandler[]; after?: (app: Express) => void }][] = [
  ["nothing", {}],
  ["express.json() in front", { before: [express.json({ limit: "8mb" })] }],
  ["express.json() that is not strict", { before: [express.json({ strict: false })] }],
  ["express.json() behind", { after: (app) => void app.use(express.json()) }],
  ["express.json() twice", { before: [express.json(), express.json()] }],
  ["express.text() for all types", { before: [express.text({ type: "*/*" })] }],
  ["express.raw() for all types", { before: [express.raw({ type: "*/*" })] }],
  [
    "parsers for other types",
    { before: [express.urlencoded({ extended: true }), express.text(), express.raw()] },
  ],
  ["a listener that does not read", { before: [eavesdrop] }],
];

describeEveryRouter((serve) => {
  describe.each(PARSERS)("MESSAGE-9: with %s", (_name, options) => {
    it("messages are accepted and answered", async () => {
      const { sseUrl } = await serve(options);
      const conversation = await converse(sseUrl);
      expect(await conversation.call("echo", { text: "é🦀" })).toBe("é🦀");
    });

    it("a byte order mark does no harm", async () => {
      const { sseUrl } = await serve(options);
      const conversation = await converse(sseUrl);
      const body = `\uFEFF${JSON.stringify(toolCall(5, "echo", { text: "x" }))}`;
      expect((await sendBody(conversation, body)).status).toBe(202);
      expect(await conversation.stream.nextMessage()).toMatchObject({ id: 5 });
    });

    it("MESSAGE-7: batches and other shapes are refused the same", async () => {
      const { sseUrl } = await serve(options);
      const conversation = await converse(sseUrl);
      for (const body of ["[]", "{}", '{"jsonrpc":"2.0","id":null,"method":"ping"}']) {
        const answer = await sendBody(conversation, body);
        expect(answer.status).toBe(400);
        expect(answer.json.error.data.code).toBe("message_invalid");
      }
    });

    it("MESSAGE-6: an empty body is no JSON", async () => {
      const { sseUrl } = await serve(options);
      const conversation = await converse(sseUrl);
      for (const headers of [{ "content-length": "0" }, { "transfer-encoding": "chunked" }]) {
        const answer = await sendBody(conversation, "", headers);
        expect(answer.status).toBe(400);
        expect(answer.json.error.data.code).toMatch(/^message_(not_json|invalid)$/);
      }
      expect(await conversation.call("echo", { text: "alive" })).toBe("alive");
    });

    it("MESSAGE-4: another type is refused", async () => {
      const { sseUrl } = await serve(options);
      const conversation = await converse(sseUrl);
      const body = JSON.stringify(toolCall(5, "echo", { text: "x" }));
      for (const type of ["text/plain", "application/x-www-form-urlencoded"]) {
        const answer = await sendBody(conversation, body, { "content-type": type });
        expect(answer.status).toBe(415);
        expect(answer.json.error.data.code).toBe("unsupported_media_type");
      }
    });

    it.each(["content-length", "transfer-encoding"])(
      "MESSAGE-5: maxMessageSize holds for a body with %s",
      async (framing) => {
        const { sseUrl } = await serve({ ...options, maxMessageSize: 1000 });
        const conversation = await converse(sseUrl);
        const sendCall = (bytes: number) =>
          sendBody(conversation, callOf(bytes), {
            [framing]: framing === "content-length" ? String(bytes) : "chunked",
          });
        expect((await sendCall(1000)).status).toBe(202);
        await conversation.stream.nextMessage();
        const answer = await sendCall(1001);
        expect(answer.status).toBe(413);
        expect(answer.json.error.data.code).toBe("message_too_large");
      },
    );

    it.each(["content-length", "transfer-encoding"])(
      "MESSAGE-7, MESSAGE-9: a deep nest with %s is carried",
      async (framing) => {
        const { sseUrl } = await serve({ ...options });
        const conversation = await converse(sseUrl);
        const deep = "[".repeat(20_000) + "]".repeat(20_000);
        const body = JSON.stringify(toolCall(8, "echo", { text: "x", deep: 0 })).replace(
          '"deep":0',
          `"deep":${deep}`,
        );
        const answer = await sendBody(conversation, body, {
          [framing]: framing === "content-length" ? String(body.length) : "chunked",
        });
        expect(answer.status).toBe(202);
        expect(await conversation.stream.nextMessage()).toMatchObject({ id: 8 });
      },
    );
  });

  it.each([
    ["drops it", drain],
    ["puts it elsewhere", keepElsewhere],
  ])(
    "MESSAGE-6: a parser that reads the body and %s is named as the cause",
    async (_name, parser) => {
      const { sseUrl } = await serve({
        before: [onlyWith("drained", parser)],
      });
      const conversation = await converse(sseUrl);
      const url = `${conversation.postUrl}&drained=1`;
      const message = toolCall(1, "echo", { text: "x" });
      const answer = await post(url, message, conversation.headers);
      expect(answer.status).toBe(400);
      expect(answer.json).toMatchObject({
        id: null,
        error: {
          data: { code: "message_unreadable" },
          message: expect.stringContaining("express.json"),
        },
      });
      expect(await conversation.call("echo", { text: "alive" })).toBe("alive");
    },
  );

  it.each([
    ["undefined", undefined],
    ["an empty object", {}],
  ])(
    "MESSAGE-9: what an app has put into req.body unread, %s, says nothing",
    async (_name, body) => {
      const assign: RequestHandler = (req, _res, next) => {
        Object.assign(req, { body });
        next();
      };
      const { sseUrl } = await serve({ before: [assign] });
      const conversation = await converse(sseUrl);
      expect(await conversation.call("echo", { text: "x" })).toBe("x");
    },
  );

  it.each([
    ["a number", 7],
    ["a function", () => undefined],
    ["a date", new Date(0)],
    ["a map", new Map([["jsonrpc", "2.0"]])],
    ["a bigint", 1n],
  ])("MESSAGE-7: %s that a parser has put into req.body is no message", async (_name, body) => {
    const parser: RequestHandler = (req, res, next) => {
      drain(req, res, () => {
        Object.assign(req, { body });
        next();
      });
    };
    const { sseUrl } = await serve({
      before: [onlyWith("odd", parser)],
    });
    const conversation = await converse(sseUrl);
    for (const framing of [{}, { "transfer-encoding": "chunked" }] as Record<string, string>[]) {
      const { postUrl, headers } = conversation;
      const answer = await sendBody({ postUrl: `${postUrl}&odd=1`, headers }, "{}", framing);
      expect(answer.status).toBe(400);
      expect(answer.json.error.data.code).toBe("message_invalid");
    }
  });

  it("MESSAGE-6: a body that breaks off in the app's parser is the app's, and harms no session", async () => {
    const { sseUrl, port } = await serve({ before: [express.json()] });
    const conversation = await converse(sseUrl);
    const { pathname, search, host } = new URL(conversation.postUrl);
    const connection = await RawConnection.open(port);
    connection.write(
      `POST ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n` +
        `Expect: 100-continue\r\nContent-Length: 5000\r\n\r\n`,
    );
    await connection.nextAnswer();
    connection.write('{"jsonrpc"');
    connection.destroy();
    await connection.ended();
    expect(await conversation.call("echo", { text: "alive" })).toBe("alive");
  });

  it("AUTH-1: a parser in front changes nothing about authentication", async () => {
    const { sseUrl } = await serve({ before: [express.json()] });
    const { postUrl } = await converse(sseUrl);
    expect((await post(postUrl, toolCall(1, "whoami"), {})).status).toBe(401);
    expect((await post(postUrl, toolCall(1, "whoami"), asCaller({ sub: "bob" }))).status).toBe(404);
  });
});
