import type { IncomingMessage } from "node:http";
import { fromPassport } from "../../src/index.js";
import type { AuthConfig, AuthMethod, FromPassportOptions } from "../../src/index.js";
import { apikey } from "../../strategies/apikey.js";
import { asCaller, converse } from "../kit/conversation.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { createToolServer } from "../kit/tools.js";
import { JWT_AUTH, serveMcpServer, serveRouter } from "../kit/serve.js";
import type { Conversation } from "../kit/conversation.js";
import type { Serve, Served } from "../kit/serve.js";
import { RawConnection } from "../kit/raw-http.js";
import { openSession, openStream, post, toolCall } from "../kit/raw-sse.js";
import { secretToken } from "../kit/tokens.js";

cleanUpAfterEach();

/** Where a known caller's POST is answered: in the app, and before it. */
const PLACES: [string, Serve][] = [
  ["a router", serveRouter],
  ["MCPServer", serveMcpServer],
];

const call = toolCall(2, "echo", { text: "hello" });

/** Moves both clocks. */
let later = 0;
beforeEach(() => {
  later = 0;
  const [now, wall] = [performance.now.bind(performance), Date.now.bind(Date)];
  jest.spyOn(performance, "now").mockImplementation(() => now() + later);
  jest.spyOn(Date, "now").mockImplementation(() => wall() + later);
});
afterEach(() => jest.restoreAllMocks());

/** A third party's strategy that counts how often it is asked; whoever it knows is let in. */
class Counting {
  asked = 0;
  readonly known = new Set(["alice"]);
  readonly method: AuthMethod;

  constructor(options: Partial<FromPassportOptions> = {}) {
    const authenticate = (actions: Actions, req: IncomingMessage): void => {
      this.asked++;
      const name = req.headers.authorization?.replace("Custom ", "") ?? "";
      if (this.known.has(name)) actions.success({ id: name });
      else actions.fail();
    };
    const strategy = {
      name: "third-party",
      authenticate(this: Actions, req: IncomingMessage) {
        authenticate(this, req);
      },
    };
    const principal = (user: unknown) => user as { id: string };
    this.method = fromPassport(strategy, { principal, ...options });
  }
}

interface Actions {
  readonly success: (user: unknown) => void;
  readonly fail: () => void;
}

const custom = { authorization: "Custom alice" };

async function again({ postUrl, headers }: Conversation, times = 3): Promise<number[]> {
  const answers: number[] = [];
  for (let index = 0; index < times; index++) {
    answers.push((await post(postUrl, call, headers)).status);
  }
  return answers;
}

/** The same, all on one connection. */
async function againOn(
  connection: RawConnection,
  { postUrl, headers }: Conversation,
  times = 3,
): Promise<number[]> {
  const { pathname, search, host } = new URL(postUrl);
  const body = JSON.stringify(call);
  const head = [
    `POST ${pathname}${search} HTTP/1.1`,
    `Host: ${host}`,
    `Authorization: ${headers["authorization"]}`,
    "Content-Type: application/json",
    `Content-Length: ${body.length}`,
  ];
  const answers: number[] = [];
  for (let index = 0; index < times; index++) {
    connection.write([...head, "", body].join("\r\n"));
    answers.push((await connection.nextAnswer()).status);
  }
  return answers;
}

describe.each(PLACES)("%s that knows its caller", (_name, serve) => {
  it("KNOWN-1: asks a strategy that may be remembered once, and again after revalidateAfterMs", async () => {
    const counting = new Counting({ remember: true });
    const { sseUrl, port } = await serve({ auth: counting.method });
    const conversation = await converse(sseUrl, custom);
    const connection = await RawConnection.open(port);
    const before = counting.asked;
    expect(await againOn(connection, conversation)).toEqual([202, 202, 202]);
    // Without findCredential every header and the connection count, and they are new.
    const asked = before + 1;
    expect(counting.asked).toBe(asked);
    later = 29_000;
    await againOn(connection, conversation);
    expect(counting.asked).toBe(asked);
    later = 31_000;
    await againOn(connection, conversation);
    expect(counting.asked).toBe(asked + 1);
    await againOn(await RawConnection.open(port), conversation);
    expect(counting.asked).toBe(asked + 2);
  });

  it("KNOWN-1: looks at nothing but the credential that findCredential finds", async () => {
    const counting = new Counting({
      remember: true,
      findCredential: ({ headers }) =>
        headers.authorization === undefined
          ? undefined
          : { place: "header", name: "authorization", text: headers.authorization },
    });
    const { sseUrl } = await serve({ auth: counting.method });
    const { postUrl } = await converse(sseUrl, custom);
    await post(postUrl, call, { ...custom, "x-request-id": "another each time" });
    expect(counting.asked).toBe(1);
  });

  it.each<[string, AuthConfig | undefined, object]>([
    ["a strategy that may not be remembered", undefined, {}],
    ["any method with revalidateAfterMs 0", undefined, { revalidateAfterMs: 0 }],
  ])("KNOWN-1: asks %s each time", async (_what, _auth, advanced) => {
    const isOff = "revalidateAfterMs" in advanced;
    const counting = new Counting({ remember: isOff });
    const { sseUrl } = await serve({ auth: counting.method, advanced });
    const conversation = await converse(sseUrl, custom);
    const { asked } = counting;
    await again(conversation);
    expect(counting.asked).toBe(asked + 3);
    counting.known.clear();
    expect(await again(conversation)).toEqual([401, 401, 401]);
  });

  it("KNOWN-2: takes no other bytes for the same", async () => {
    const { sseUrl } = await serve({ auth: JWT_AUTH });
    const conversation = await converse(sseUrl);
    const { postUrl, headers } = conversation;
    const token = headers["authorization"]!;
    const flipped = token.replace(/.$/, (last) => (last === "A" ? "B" : "A"));
    const statuses = async (...values: string[]) =>
      await Promise.all(
        values.map(async (authorization) => (await post(postUrl, call, { authorization })).status),
      );
    expect(await statuses(token, token.toLowerCase(), `${token}x`, token.slice(0, -1))).toEqual([
      202, 401, 401, 401,
    ]);
    // The last character of a signature may have bits that do not count.
    expect([202, 401]).toContain((await statuses(flipped))[0]);
    expect(await statuses(`Bearer ${secretToken({ sub: "bob" })}`)).toEqual([404]);
    expect((await post(postUrl, call)).status).toBe(401);
    expect(await statuses(`Bearer ${secretToken({ jti: "another" })}`)).toEqual([202]);
    expect(await again(conversation)).toEqual([202, 202, 202]);
  });

  it("KNOWN-2: refuses a second Authorization header, wherever it stands", async () => {
    const { sseUrl, port } = await serve({ auth: JWT_AUTH });
    const { postUrl, headers } = await converse(sseUrl);
    const good = `Authorization: ${headers["authorization"]}`;
    const other = "Authorization: Bearer another-token-0123456789";
    const body = JSON.stringify(call);
    for (const fields of [
      [good, other],
      [other, good],
      [good, good],
    ]) {
      const connection = await RawConnection.open(port);
      const { pathname, search } = new URL(postUrl);
      connection.write(
        [
          `POST ${pathname}${search} HTTP/1.1`,
          `Host: 127.0.0.1:${port}`,
          ...fields,
          "Content-Type: application/json",
          `Content-Length: ${body.length}`,
          "Connection: close",
          "",
          body,
        ].join("\r\n"),
      );
      expect((await connection.nextAnswer()).status).toBe(401);
    }
  });

  it("KNOWN-3: looks at the expiry each time", async () => {
    const auth = { ...JWT_AUTH, options: { ...JWT_AUTH.options, clockTolerance: 0 } };
    const { sseUrl } = await serve({ auth, sessions: { onTokenExpiry: "keep" } });
    const exp = Math.floor(Date.now() / 1000) + 20;
    const conversation = await converse(sseUrl, asCaller({ exp }));
    expect(await again(conversation, 1)).toEqual([202]);
    later = 21_000;
    const { postUrl, headers } = conversation;
    const refused = await post(postUrl, call, headers);
    expect(refused.status).toBe(401);
    expect(refused.headers.get("www-authenticate")).toContain("expired");
  });

  it("KNOWN-4: refuses an API key as soon as it is taken out of the list", async () => {
    let keys = ["a-key-0123456789", "another-key-0123456789"];
    const { sseUrl } = await serve({ auth: { type: "apikey", options: { keys: () => keys } } });
    const conversation = await converse(sseUrl, { "x-api-key": "a-key-0123456789" });
    expect(await again(conversation)).toEqual([202, 202, 202]);
    keys = ["another-key-0123456789"];
    expect(await again(conversation)).toEqual([401, 401, 401]);
  });

  it("KNOWN-4: refuses an API key as soon as it is taken out of the list in place", async () => {
    const keys = ["a-key-0123456789", "another-key-0123456789"];
    const { sseUrl } = await serve({ auth: { type: "apikey", options: { keys: () => keys } } });
    const conversation = await converse(sseUrl, { "x-api-key": "a-key-0123456789" });
    expect(await again(conversation)).toEqual([202, 202, 202]);
    keys.shift();
    expect(await again(conversation)).toEqual([401, 401, 401]);
    keys.push("a-key-0123456789");
    expect(await again(conversation)).toEqual([202, 202, 202]);
  });

  it("KNOWN-4: refuses an API key that is taken out while its session is opened", async () => {
    let keys = ["a-key-0123456789"];
    const { sseUrl } = await serveRouter({
      auth: { type: "apikey", options: { keys: () => keys } },
      createServer: () => {
        keys = [];
        return createToolServer();
      },
    });
    const headers = { "x-api-key": "a-key-0123456789" };
    expect((await openStream(sseUrl, headers)).status).toBe(503);
    expect((await openStream(sseUrl, headers)).status).toBe(401);
  });

  it.each([
    [true, 0],
    [false, 3],
  ])("KNOWN-4: asks verify each time unless remember is set: %s", async (remember, more) => {
    let asked = 0;
    const verify = (key: string) => {
      asked++;
      return { id: key.slice(0, 5) };
    };
    const { sseUrl } = await serve({ auth: apikey({ verify, remember }) });
    const conversation = await converse(sseUrl, { "x-api-key": "a-key-0123456789" });
    const before = asked;
    await again(conversation);
    expect(asked).toBe(before + more);
  });

  it("KNOWN-4: asks again when the keys cannot be told", async () => {
    const list = ["a-key-0123456789"];
    let isBroken = false;
    const keys = () => {
      if (isBroken) throw new Error("the store is away");
      return list;
    };
    const { sseUrl } = await serve({ auth: { type: "apikey", options: { keys } } });
    const conversation = await converse(sseUrl, { "x-api-key": "a-key-0123456789" });
    isBroken = true;
    expect(await again(conversation, 1)).toEqual([503]);
  });

  it("KNOWN-5: asks those before the one that let the caller in, when they get a credential too", async () => {
    const auth = [{ type: "apikey", options: { keys: ["a-key-0123456789"] } }, JWT_AUTH] as const;
    const { sseUrl } = await serve({ auth });
    const { postUrl, headers } = await converse(sseUrl);
    // The key's owner, and nobody's session is that owner's.
    const both = { ...headers, "x-api-key": "a-key-0123456789" };
    expect((await post(postUrl, call, both)).status).toBe(404);
    expect((await post(postUrl, call, headers)).status).toBe(202);
  });

  it("KNOWN-6: any other form of the URL is judged as ever", async () => {
    const served: Served = await serve({ auth: JWT_AUTH });
    const { postUrl, headers, sessionId } = await converse(served.sseUrl);
    const { messagesUrl } = served;
    const forms: [string, number][] = [
      [`${messagesUrl}/?sessionId=${sessionId}`, 202],
      [`${messagesUrl}?a=b&sessionId=${sessionId}`, 202],
      [`${postUrl}&r=7`, 202],
      [`${postUrl}&r=7&sessionId=${sessionId}`, 400],
      [`${postUrl}&sessionId=${sessionId}`, 400],
      [`${postUrl}x`, 404],
      [`${messagesUrl}?sessionId=${sessionId.toUpperCase()}`, 404],
    ];
    for (const [url, status] of forms) {
      expect([url, (await post(url, call, headers)).status]).toEqual([url, status]);
      expect([url, (await post(url, call)).status]).toEqual([url, 401]);
    }
  });

  it("KNOWN-6: the session's path is the one at which it was opened", async () => {
    const served = await serveRouter({
      configure: (app) => app.use("/elsewhere", (_req, res) => void res.status(418).end()),
    });
    const { sessionId, headers } = await converse(served.sseUrl);
    const url = `${served.origin}/elsewhere/messages?sessionId=${sessionId}`;
    expect((await post(url, call, headers)).status).toBe(418);
  });

  it("KNOWN-7: a session that has ended is known no more", async () => {
    const { sseUrl, sessions } = await serve({ auth: JWT_AUTH });
    const conversation = await converse(sseUrl);
    sessions.close(conversation.sessionId);
    expect(await again(conversation, 1)).toEqual([404]);
  });
});

describe("a router ahead of its app", () => {
  it("KNOWN-8: ahead() leaves everything to the app but the POSTs of its sessions", async () => {
    const seen: string[] = [];
    const served = await serveRouter({
      configure: (app) =>
        app.use((req, res, next) => {
          seen.push(`${req.method} ${req.path}`);
          res.setHeader("X-App", "seen");
          next();
        }),
      ahead: true,
    });
    const { stream, postUrl } = await openSession(served.sseUrl, asCaller());
    expect(stream.headers["x-app"]).toBe("seen");
    expect((await post(postUrl, call, asCaller())).headers.get("x-app")).toBeNull();
    expect((await post(postUrl, call)).status).toBe(401);
    expect((await post(`${served.origin}/other`, call)).status).toBe(404);
    expect(seen).toEqual(["GET /sse", "POST /messages", "POST /other"]);
  });

  it("KNOWN-8: ahead() without an app is a mistake that says what to write", async () => {
    await serveRouter({
      after: (_app, router) =>
        expect(() => router.ahead(undefined as never)).toThrow(
          "ahead() takes the app: ahead(app).",
        ),
    });
  });
});
