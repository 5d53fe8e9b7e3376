import { AsyncLocalStorage } from "node:async_hooks";
import { once } from "node:events";
import { request } from "node:http";
import express from "express";
import type { RequestHandler } from "express";
import { McpServer as McpServerV1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { McpServer as McpServerV2 } from "@modelcontextprotocol/server";
import { createSseRouter, fromPassport, SSEServerTransport } from "../../src/index.js";
import type { McpServerLike, SseRouter } from "../../src/index.js";
import { asCaller, converse } from "../kit/conversation.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { JWT_AUTH } from "../kit/serve.js";
import type { Conversation } from "../kit/conversation.js";
import { listen } from "../kit/listen.js";
import { AUDIENCE, fakeIssuer, oauthFor, tokenOf } from "../kit/resource-server.js";
import { bearer } from "../kit/tokens.js";
import { openSession, toolCall } from "../kit/raw-sse.js";

cleanUpAfterEach();

/** What an app's middleware leaves for everything behind it: here, the request's own name. */
const context = new AsyncLocalStorage<string>();

const inContext: RequestHandler = (req, _res, next) => {
  context.run(req.get("x-name") ?? req.method, next);
};

const seen = () => ({ content: [{ type: "text" as const, text: context.getStore() ?? "lost" }] });

const SERVERS: Record<string, () => McpServerLike> = {
  "SDK v1": () => {
    const server = new McpServerV1({ name: "v1", version: "1" });
    server.registerTool("context", {}, seen);
    return server;
  },
  "SDK v2": () => {
    const server = new McpServerV2({ name: "v2", version: "2" });
    server.registerTool("context", {}, seen);
    return server;
  },
};

/** How the body of a POST may come: all at once, or when the server waits for it already. */
const BODIES: Record<string, (body: string) => readonly string[]> = {
  "one piece, with its head": (body) => [body],
  "one piece, after its head": (body) => ["", body],
  "two pieces": (body) => [body.slice(0, 20), body.slice(20)],
  "two pieces, after its head": (body) => ["", body.slice(0, 20), body.slice(20)],
};

interface Host {
  readonly url: string;
  readonly router: SseRouter;
  /** Resolves when the next POST waits for its body. */
  readonly waits: () => Promise<void>;
}

type Options = Partial<Parameters<typeof createSseRouter>[0]>;

async function serve(options: Options, isAhead = false): Promise<Host> {
  const router = createSseRouter({
    auth: JWT_AUTH,
    createServer: SERVERS["SDK v1"]!,
    ...options,
  });
  onDispose(() => router.close({ timeoutMs: 0 }));
  const app = express();
  if (!isAhead) app.use(inContext);
  app.use("/mcp", router);
  const ahead = router.ahead(app);
  const { url, server } = await listen((req, res) => {
    // Whoever answers ahead of the app sets up its context there.
    if (isAhead) context.run(String(req.headers["x-name"]), () => ahead(req, res));
    else app(req, res);
  });
  const waits = async (): Promise<void> => {
    await once(server, "request");
    // The steps up to the body take their time, one that asks a method included.
    for (let turns = 0; turns < 10; turns++) await new Promise(setImmediate);
  };
  return { url: `${url}/mcp/sse`, router, waits };
}

/** Posts a call of the tool whose pieces each come when everything before them was seen. */
async function postInPieces(
  { postUrl, headers }: Pick<Conversation, "postUrl" | "headers">,
  name: string,
  pieces: readonly string[],
  waits: () => Promise<void>,
): Promise<number> {
  const length = Buffer.byteLength(pieces.join(""));
  const sent = request(postUrl, {
    method: "POST",
    headers: {
      ...headers,
      "x-name": name,
      "content-type": "application/json",
      "content-length": length,
    },
  });
  const answered = once(sent, "response");
  const [first = "", ...rest] = pieces;
  const arrived = waits();
  if (first === "") sent.flushHeaders();
  else sent.write(first);
  for (const piece of rest) {
    await arrived;
    sent.write(piece);
  }
  sent.end();
  const [response] = (await answered) as [{ statusCode: number; resume(): void }];
  response.resume();
  return response.statusCode;
}

describe.each(Object.keys(SERVERS))("with a server of %s", (sdk) => {
  describe.each(Object.keys(BODIES))("and a body that comes in %s", (form) => {
    const body = (id: number) => BODIES[form]!(JSON.stringify(toolCall(id, "context")));

    it.each([
      ["in an app", false],
      ["ahead of an app", true],
    ])("HOST-1: a tool has the async context of its POST, %s", async (_where, isAhead) => {
      const host = await serve({ createServer: SERVERS[sdk]! }, isAhead);
      const conversation = await converse(host.url);
      // The first goes the ordinary way, later ones that of known POSTs.
      for (const id of [11, 12, 13]) {
        expect(await postInPieces(conversation, `post ${id}`, body(id), host.waits)).toBe(202);
        expect(await conversation.stream.nextMessage()).toMatchObject({
          id,
          result: { content: [{ text: `post ${id}` }] },
        });
      }
    });

    it("HOST-1: a tool behind the drop-in has it too", async () => {
      let transport: SSEServerTransport | undefined;
      const { url, server } = await listen((req, res) => {
        context.run(String(req.headers["x-name"]), () => {
          if (req.method === "POST") void transport?.handlePostMessage(req, res);
          else {
            transport = new SSEServerTransport("/messages", res);
            void SERVERS[sdk]!().connect(transport);
          }
        });
      });
      const { stream, postUrl } = await openSession(`${url}/sse`);
      const waits = async (): Promise<void> => {
        await once(server, "request");
        await new Promise(setImmediate);
      };
      await postInPieces({ postUrl, headers: {} }, "the post", body(7), waits);
      expect(await stream.nextMessage()).toMatchObject({
        result: { content: [{ text: "the post" }] },
      });
    });
  });
});

describe("HOST-1: what else an app hands over runs in the context of its request", () => {
  /** What ran, and in which context. */
  let ran: string[];
  const note = (what: string) => void ran.push(`${what}: ${context.getStore() ?? "lost"}`);
  beforeEach(() => (ran = []));

  async function call(host: Host, headers: Record<string, string>): Promise<void> {
    const conversation = await converse(host.url, { ...headers, "x-name": "client" });
    await conversation.call("context");
    conversation.stream.close();
  }

  const createServer = () => {
    note("createServer");
    return SERVERS["SDK v1"]!();
  };

  it("HOST-1: createServer, verify functions of API keys", async () => {
    const verify = async (key: string) => {
      note("verify");
      await new Promise(setImmediate);
      return { id: key };
    };
    const host = await serve({ createServer, auth: { type: "apikey", options: { verify } } });
    await call(host, { "x-api-key": "key-1" });
    expect(new Set(ran)).toEqual(new Set(["createServer: client", "verify: client"]));
  });

  it("HOST-1: strategies of others, and who their users are", async () => {
    const strategy = {
      name: "slow",
      authenticate(this: { success(user: object): void }) {
        note("strategy");
        setImmediate(() => this.success({ id: "ada" }));
      },
    };
    const principal = () => {
      note("principal");
      return { id: "ada" };
    };
    const host = await serve({ createServer, auth: fromPassport(strategy, { principal }) });
    await call(host, { authorization: "Slow yes" });
    expect(new Set(ran)).toEqual(
      new Set(["createServer: client", "strategy: client", "principal: client"]),
    );
  });

  it("HOST-1: rules for audiences and scopes, also when several callers' tokens are looked up at once", async () => {
    const issuer = await fakeIssuer();
    const auth = oauthFor(issuer, {
      scopes: ["read"],
      audience: (names) => {
        note("audience");
        return names.includes(AUDIENCE);
      },
      satisfiesScope: () => {
        note("satisfiesScope");
        return true;
      },
    });
    const host = await serve({ createServer, auth });
    const token = await tokenOf(issuer);
    await Promise.all(
      ["first", "second"].map(async (name) => {
        const { stream } = await openSession(host.url, { ...bearer(token), "x-name": name });
        stream.close();
      }),
    );
    for (const what of ["createServer", "audience", "satisfiesScope"]) {
      expect(ran.filter((line) => line.startsWith(what)).sort()).toEqual([
        `${what}: first`,
        `${what}: second`,
      ]);
    }
  });

  it.each<[string, (host: Host, conversation: Conversation) => void]>([
    ["its client leaves", (_host, { stream }) => stream.close()],
    ["the app ends it", ({ router }) => router.sessions.list()[0]?.close()],
    ["everything is closed", ({ router }) => void router.close({ timeoutMs: 0 })],
  ])(
    "HOST-1, SESSION-3: the end of a session has the context of its GET when %s",
    async (_how, end) => {
      let tellClosed: () => void;
      const closed = new Promise<void>((resolve) => (tellClosed = resolve));
      const host = await serve({
        resume: false,
        createServer: ({ signal }) => {
          signal.addEventListener("abort", () => note("signal"));
          const server = new McpServerV1({ name: "v1", version: "1" });
          server.server.onclose = () => {
            note("onclose");
            tellClosed();
          };
          return server;
        },
      });
      host.router.sessions.on("closed", () => note("closed"));
      const conversation = await converse(host.url, { ...asCaller(), "x-name": "client" });
      end(host, conversation);
      await closed;
      expect(new Set(ran)).toEqual(
        new Set(["signal: client", "closed: client", "onclose: client"]),
      );
    },
  );
});
