import type { IncomingMessage } from "node:http";
import { fromPassport } from "../../src/index.js";
import type { AuthConfig, AuthMethod, FromPassportOptions } from "../../src/index.js";
import { asCaller, converse } from "../kit/conversation.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { describeEveryMount, JWT_AUTH, serveRouter } from "../kit/serve.js";

import { JwksServer } from "../kit/jwks-server.js";
import { send } from "../kit/raw-http.js";
import type { RawAnswer } from "../kit/raw-http.js";
import { openStream } from "../kit/raw-sse.js";
import { keyToken, rsaKey } from "../kit/tokens.js";

cleanUpAfterEach();

/** What Passport gives a strategy for one request. */
interface Actions {
  readonly success: (user: unknown, info?: unknown) => void;
  readonly fail: (info?: unknown, status?: number) => void;
  readonly error: (error?: unknown) => void;
  readonly redirect: (url: string, status?: number) => void;
  readonly pass: () => void;
}

type Decide = (actions: Actions, req: IncomingMessage) => unknown;

/** A third party's strategy that does what a test says, as a method. */
function method(decide: Decide, options: Partial<FromPassportOptions> = {}): AuthMethod {
  const strategy = {
    name: "third-party",
    authenticate(this: Actions, req: IncomingMessage): unknown {
      return decide(this, req);
    },
  };
  return fromPassport(strategy, {
    principal: (user) => ({ id: (user as { id: string }).id }),
    ...options,
  });
}

const ALICE = { id: "alice" };
const SENT = { authorization: "Custom the-credential-0123456789" };

/** The answers to GET and POST, with a credential. */
async function ask(auth: AuthConfig, headers: Record<string, string> = SENT): Promise<RawAnswer[]> {
  const { sseUrl, messagesUrl } = await serveRouter({ auth });
  const answers = [
    await send(sseUrl, { headers }),
    await send(`${messagesUrl}?sessionId=x`, { method: "POST", headers, body: "x" }),
  ];
  for (const { headers: answered } of answers) expect(answered.location).toBeUndefined();
  return answers;
}

const REFUSALS: [string, Decide][] = [
  ["fails", ({ fail }) => fail()],
  ["fails with a challenge", ({ fail }) => fail('Custom realm="x"')],
  ["fails with an object", ({ fail }) => fail({ message: "no" }, 400)],
  ["fails with a status that is no refusal", ({ fail }) => fail("no", 200)],
  ["fails with an error", ({ fail }) => fail(new Error("the-credential-0123456789"))],
  ["redirects", ({ redirect }) => redirect("https://login.example/")],
  ["redirects with a status", ({ redirect }) => redirect("/login?next=/sse", 307)],
  ["passes", ({ pass }) => pass()],
  ["succeeds with nobody", ({ success }) => success(undefined)],
  ["succeeds with false", ({ success }) => success(false)],
  ["succeeds with null", ({ success }) => success(null)],
  [
    "succeeds after it has failed",
    ({ fail, success }) => {
      fail();
      success(ALICE);
    },
  ],
  [
    "succeeds after it has redirected",
    ({ redirect, success }) => {
      redirect("/login");
      success(ALICE);
    },
  ],
  [
    "succeeds after it has passed",
    ({ pass, success }) => {
      pass();
      success(ALICE);
    },
  ],
];

it.each(REFUSALS)("AUTH-7: a strategy that %s lets nobody in: 401", async (_name, decide) => {
  for (const answer of await ask(method(decide))) {
    expect(answer.status).toBe(401);
    expect(answer.json.error).toBe("invalid_token");
  }
});

const OUTAGES: [string, Decide, Partial<FromPassportOptions>?][] = [
  ["calls error", ({ error }) => error(new Error("the-credential-0123456789"))],
  ["calls error with nothing", ({ error }) => error()],
  ["calls error with null", ({ error }) => error(null)],
  ["calls error with text", ({ error }) => error("the-credential-0123456789")],
  [
    "throws",
    () => {
      throw new Error("the-credential-0123456789");
    },
  ],
  [
    "throws nothing",
    () => {
      // eslint-disable-next-line @typescript-eslint/only-throw-error -- strangers do
      throw undefined;
    },
  ],
  ["rejects", () => Promise.reject(new Error("the-credential-0123456789"))],
  // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- strangers do
  ["rejects with nothing", () => Promise.reject()],
  ["never answers", () => undefined, { timeoutMs: 20 }],
  ["returns a promise that never settles", () => new Promise(() => undefined), { timeoutMs: 20 }],
  [
    "succeeds after an error",
    ({ error, success }) => {
      error(new Error("x"));
      success(ALICE);
    },
  ],
  [
    "succeeds with somebody whom principal() throws at",
    ({ success }) => success(ALICE),
    {
      principal: () => {
        throw new Error("the-credential-0123456789");
      },
    },
  ],
  [
    "succeeds with somebody whom principal() rejects",
    ({ success }) => success(ALICE),
    { principal: () => Promise.reject(new Error("x")) },
  ],
  [
    "succeeds with somebody whom principal() never finds",
    ({ success }) => success(ALICE),
    { principal: () => new Promise<never>(() => undefined), timeoutMs: 20 },
  ],
  ...[undefined, null, {}, { id: "" }, { id: 7 }, "alice"].map(
    (init): [string, Decide, Partial<FromPassportOptions>] => [
      `succeeds with somebody who has no id: ${JSON.stringify(init)}`,
      ({ success }) => success(ALICE),
      { principal: () => init as never },
    ],
  ),
  ...[
    { scopes: "read" },
    { scopes: ["read", 7] },
    // Would never be over: it is no number of seconds.
    { expiresAt: new Date(0) },
    { expiresAt: "1" },
    { expiresAt: NaN },
  ].map((wrong): [string, Decide, Partial<FromPassportOptions>] => [
    `succeeds with somebody of whom something wrong is said: ${JSON.stringify(wrong)}`,
    ({ success }) => success(ALICE),
    { principal: () => ({ id: "alice", ...wrong }) as never },
  ]),
];

it.each(OUTAGES)("AUTH-6: a strategy that %s is an outage: 503", async (...outage) => {
  const [, decide, options] = outage;
  for (const answer of await ask(method(decide, options))) {
    expect(answer.status).toBe(503);
    expect(answer.json).toEqual({
      error: "temporarily_unavailable",
      error_description: expect.any(String),
    });
    expect(answer.headers["retry-after"]).toMatch(/^[1-9]\d*$/);
    expect(answer.headers["www-authenticate"]).toBeUndefined();
  }
});

it("AUTH-6: an outage of one caller is nobody else's, and ends by itself", async () => {
  let isDown = false;
  const decide: Decide = ({ success, error }, { headers }) => {
    const id = headers.authorization?.split(" ")[1];
    if (isDown && id === "bob-0123456789") error(new Error("down"));
    // What identifies a caller is shown in logs; it must not be the credential.
    else success({ id: id?.split("-")[0] });
  };
  const { sseUrl } = await serveRouter({ auth: method(decide) });
  const alice = await converse(sseUrl, { authorization: "Custom alice-0123456789" });
  const bob = { authorization: "Custom bob-0123456789" };
  isDown = true;
  expect((await send(sseUrl, { headers: bob })).status).toBe(503);
  expect(await alice.call("echo", { text: "alive" })).toBe("alive");
  isDown = false;
  expect((await openStream(sseUrl, bob)).status).toBe(200);
});

it("AUTH-6: what a strategy says later does not count, and harms nobody", async () => {
  const late: Actions[] = [];
  const decide: Decide = (actions) => void late.push(actions);
  const { sseUrl, sessions } = await serveRouter({ auth: method(decide, { timeoutMs: 20 }) });
  expect((await send(sseUrl, { headers: SENT })).status).toBe(503);
  late[0]!.success(ALICE);
  late[0]!.error(new Error("late"));
  expect(sessions.size).toBe(0);
});

it("AUTH-7: a strategy that succeeds twice lets in whom it named first", async () => {
  const decide: Decide = ({ success }) => {
    success(ALICE);
    success({ id: "mallory" });
  };
  const { sseUrl } = await serveRouter({ auth: method(decide) });
  const conversation = await converse(sseUrl, SENT);
  expect(JSON.parse(await conversation.call("whoami"))).toMatchObject({
    id: "alice",
    method: "third-party",
  });
});

it("AUTH-2: a third party's failure without a credential is a challenge without error=", async () => {
  const [get] = await ask(
    method(({ fail }) => fail('Custom realm="x"')),
    {},
  );
  expect(get).toMatchObject({
    status: 401,
    json: { error: "missing_credential" },
    headers: { "www-authenticate": 'Custom realm="x"' },
  });
});

it("AUTH-7: a challenge with a line break starts no header of its own", async () => {
  const decide: Decide = ({ fail }) => fail('Custom realm="x"\r\nSet-Cookie: a=b\u0100');
  const [get] = await ask(method(decide));
  expect(get!.headers["set-cookie"]).toBeUndefined();
  expect(get!.headers["www-authenticate"]).toMatch(/^Custom realm="x" {2}Set-Cookie: a=b ?$/);
});

it("AUTH-5: a strategy that fails with 403 knows the caller", async () => {
  for (const answer of await ask(method(({ fail }) => fail("no", 403)))) {
    expect([answer.status, answer.json.error]).toEqual([403, "insufficient_scope"]);
  }
});

it("AUTH-6: a key host that is down means 503 from the start, until it is back", async () => {
  const key = rsaKey("k1");
  const host = await JwksServer.start(key);
  onDispose(() => host.stop());
  const auth = { type: "jwt", options: { jwksUri: host.url, algorithms: ["RS256"] } } as const;
  const headers = { authorization: `Bearer ${keyToken(key)}` };
  host.behaviour = "error";
  for (const answer of await ask(auth, headers)) {
    expect([answer.status, answer.json.error]).toEqual([503, "temporarily_unavailable"]);
    expect(answer.headers["retry-after"]).toMatch(/^[1-9]\d*$/);
  }
  host.behaviour = "good";
  const { sseUrl } = await serveRouter({ auth });
  const conversation = await converse(sseUrl, headers);
  host.behaviour = "reset";
  expect(JSON.parse(await conversation.call("whoami"))).toMatchObject({ id: "alice" });
});

describeEveryMount((serve) => {
  const KEY = "an-api-key-0123456789";
  const BOTH = [
    { type: "apikey", options: { keys: [{ id: "robot", key: KEY }] } },
    JWT_AUTH,
  ] satisfies AuthConfig;

  it("AUTH-8: any one of several methods lets the caller in", async () => {
    const { sseUrl } = await serve({ auth: BOTH });
    const robot = await converse(sseUrl, { "x-api-key": KEY });
    expect(JSON.parse(await robot.call("whoami"))).toMatchObject({ id: "robot", method: "apikey" });
    const keyAsBearer = await converse(sseUrl, { authorization: `bearer ${KEY}` });
    expect(JSON.parse(await keyAsBearer.call("whoami"))).toMatchObject({ method: "apikey" });
    const alice = await converse(sseUrl, asCaller());
    expect(JSON.parse(await alice.call("whoami"))).toMatchObject({ id: "alice", method: "jwt" });
  });

  it("AUTH-8: one refusal names all methods, Bearer first", async () => {
    const { sseUrl, messagesUrl } = await serve({ auth: BOTH });
    for (const answer of [await send(sseUrl), await send(messagesUrl, { method: "POST" })]) {
      const lines = answer.rawHeaders.filter((_line, index, all) =>
        /^www-authenticate$/i.test(all[index - 1] ?? ""),
      );
      expect(lines).toEqual(['Bearer realm="mcp"', 'ApiKey realm="mcp"']);
      expect(answer.json.error_description).toContain("X-API-Key, Authorization: Bearer");
    }
  });

  it("AUTH-3, AUTH-8: bad keys beside bad tokens get 401", async () => {
    const { sseUrl } = await serve({ auth: BOTH });
    const bad: Record<string, string>[] = [
      { "x-api-key": "" },
      { "x-api-key": KEY.slice(0, -1) },
      { "x-api-key": `${KEY}x` },
      { "x-api-key": KEY.toUpperCase() },
      { "x-api-key": "__proto__" },
      { "x-api-key": "unknown-key-0123456789", authorization: "Bearer x.y.z" },
      { authorization: `Bearer ${KEY}x` },
    ];
    for (const headers of bad) {
      const answer = await send(sseUrl, { headers });
      expect([answer.status, answer.json.error]).toEqual([401, "invalid_token"]);
    }
  });

  it("AUTH-1: of 200 requests at once, each gets its own principal", async () => {
    const { sseUrl, sessions } = await serve({ auth: BOTH });
    const answers = await Promise.all(
      Array.from({ length: 200 }, async (_unused, index) => {
        if (index % 10 === 9) return (await send(sseUrl, { headers: SENT })).status;
        const sub = `caller-${index}`;
        const headers = index % 10 === 5 ? { "x-api-key": KEY } : asCaller({ sub });
        const conversation = await converse(sseUrl, headers);
        const { id } = JSON.parse(await conversation.call("whoami")) as { id: string };
        return id === (index % 10 === 5 ? "robot" : sub) ? "own" : `${sub} got ${id}`;
      }),
    );
    expect(new Set(answers)).toEqual(new Set(["own", 401]));
    expect(sessions.size).toBe(180);
  });
});
