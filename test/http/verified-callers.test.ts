import { apikey } from "../../strategies/apikey.js";
import { jwt } from "../../strategies/jwt.js";
import { principalOf } from "../../src/index.js";
import type { AuthConfig, AuthInfo, AuthMethod } from "../../src/index.js";
import { asCaller } from "../kit/conversation.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { createModernServer, modernCall, postModern } from "../kit/modern.js";
import { send } from "../kit/raw-http.js";
import { toolCall } from "../kit/raw-sse.js";
import { JWT_AUTH } from "../kit/serve.js";
import { begin, serveMcp, textOf } from "../kit/streamable.js";
import { secretToken, SECRET } from "../kit/tokens.js";
import { createToolServer } from "../kit/tools.js";
import { signal, until } from "../kit/waiting.js";

cleanUpAfterEach();
afterEach(() => jest.restoreAllMocks());

const KEY = "a-key-0123456789";
const OTHER = "a-key-0123456780";
const whoami = modernCall(1, "whoami");

/** A method that counts how often it is asked, and can be held. */
function counting(method: AuthMethod) {
  const asked = { times: 0, hold: undefined as Promise<void> | undefined };
  const principal: AuthMethod["principal"] = async (user, info) => {
    asked.times++;
    await asked.hold;
    return method.principal(user, info);
  };
  return { asked, method: { ...method, principal } };
}

/** Who a request is from, to a server of 2026-07-28, and to a route behind the guard. */
async function serve(auth: AuthConfig, more: object = {}) {
  const served = await serveMcp({
    auth,
    createServer: () => createModernServer(),
    configure: (app) => {
      app.get("/guarded", (req, res, next) => served.router.guard(req, res, next));
      app.get("/guarded", (req, res) => void res.json((req as { user?: unknown }).user ?? null));
    },
    ...more,
  });
  const modern = async (headers: Record<string, string>) => {
    const { status, json } = await postModern(served.mcpUrl, whoami, headers);
    return status === 200 ? (JSON.parse(textOf(json)) as { id: string }).id : status;
  };
  const guarded = async (headers: Record<string, string>) => {
    const { status, json } = await send(`${served.url}/guarded`, { headers });
    return status === 200 ? (json as { id: string }).id : status;
  };
  return { router: served.router, ways: { modern, guarded } };
}

describe.each(["modern", "guarded"] as const)("a caller without a session, %s", (way) => {
  const serveWay = async (auth: AuthConfig, more?: object) => {
    const { router, ways } = await serve(auth, more);
    return { router, who: ways[way] };
  };

  it("KNOWN-9: is verified once, and is who they are", async () => {
    const { asked, method } = counting(jwt(JWT_AUTH.options));
    const { who } = await serveWay(method);
    const [alice, bob] = [asCaller(), asCaller({ sub: "bob" })];
    for (let times = 0; times < 3; times++) {
      expect([await who(alice), await who(bob)]).toEqual(["alice", "bob"]);
    }
    expect(asked.times).toBe(2);
    expect(await who({})).toBe(401);
    expect(await who({ authorization: `${alice.authorization}x` })).toBe(401);
    expect(await who({ authorization: alice.authorization.slice(0, -1) })).toBe(401);
    expect(await who({ authorization: alice.authorization.toLowerCase() })).toBe(401);
  });

  it.each<[string, AuthMethod, object]>([
    ["revalidateAfterMs is 0", jwt(JWT_AUTH.options), { advanced: { revalidateAfterMs: 0 } }],
    ["its keys may be withdrawn", apikey({ verify: () => ({ id: "alice" }) }), {}],
    [
      "a credential does not decide alone",
      { ...jwt(JWT_AUTH.options), credentialDecides: false },
      {},
    ],
  ])("KNOWN-9: is verified each time where %s", async (_why, plain, more) => {
    const { asked, method } = counting(plain);
    const { who } = await serveWay(method, more);
    const headers = plain.name === "apikey" ? { "x-api-key": KEY } : asCaller();
    for (const times of [1, 2, 3]) {
      expect(await who(headers)).toBe("alice");
      expect(asked.times).toBe(times);
    }
  });

  it("KNOWN-4: a key counts until it is taken out of the list, or the list is another", async () => {
    let keys: readonly { id: string; key: string }[] = [
      { id: "alice", key: KEY },
      { id: "bob", key: OTHER },
    ];
    const { who } = await serveWay({ type: "apikey", options: { keys: () => keys } });
    const [alice, bob] = [{ "x-api-key": KEY }, { "x-api-key": OTHER }];
    for (let round = 0; round < 2; round++) {
      expect([await who(alice), await who(bob)]).toEqual(["alice", "bob"]);
    }
    keys = [{ id: "carol", key: OTHER }];
    expect([await who(alice), await who(bob)]).toEqual([401, "carol"]);
    expect(await who({ "x-api-key": `${OTHER}, ${OTHER}` })).toBe(401);
  });

  it("KNOWN-3: an expired token is refused, although it was good", async () => {
    const auth = { ...JWT_AUTH, options: { ...JWT_AUTH.options, clockTolerance: 0 } };
    const { who } = await serveWay(auth);
    const token = secretToken({ exp: Math.floor(Date.now() / 1000) + 20 });
    const headers = { authorization: `Bearer ${token}` };
    expect([await who(headers), await who(headers)]).toEqual(["alice", "alice"]);
    const wall = Date.now.bind(Date);
    jest.spyOn(Date, "now").mockImplementation(() => wall() + 21_000);
    expect(await who(headers)).toBe(401);
  });

  it("KNOWN-5: a credential for a method before it is looked at", async () => {
    const { who } = await serveWay([
      { type: "apikey", options: { keys: [{ id: "keyholder", key: KEY }] } },
      { type: "jwt", options: { secret: SECRET, algorithms: ["HS256"] } },
    ]);
    expect([await who(asCaller()), await who(asCaller())]).toEqual(["alice", "alice"]);
    expect(await who({ ...asCaller(), "x-api-key": KEY })).toBe("keyholder");
    expect(await who(asCaller())).toBe("alice");
  });

  it("THROTTLE-1, KNOWN-9: who guesses beside a good credential is counted each time", async () => {
    const { router, who } = await serveWay(
      [
        { type: "apikey", options: { keys: [KEY] } },
        { type: "jwt", options: { secret: SECRET, algorithms: ["HS256"] } },
      ],
      { throttle: { maxFailures: 2 } },
    );
    const limits: string[] = [];
    router.sessions.on("limited", ({ limit, outcome }) => limits.push(`${limit} ${outcome}`));
    const guess = { ...asCaller(), "x-api-key": "guess-0123456789" };
    for (let times = 0; times < 4; times++) expect(await who(guess)).toBe("alice");
    expect(limits.length).toBeGreaterThan(0);
  });

  it("KNOWN-11: closeFor has everything of a principal verified anew, what is being verified included", async () => {
    const { asked, method } = counting(jwt(JWT_AUTH.options));
    const { router, who } = await serveWay(method);
    const token = asCaller();
    await who(token);
    router.sessions.closeFor({ id: "alice", method: "jwt" } as never);
    const held = signal();
    asked.hold = held.promise;
    const pending = who(token);
    await until(() => asked.times === 2);
    router.sessions.closeFor({ id: "alice", method: "jwt" } as never);
    held.resolve();
    expect(await pending).toBe("alice");
    expect(await who(token)).toBe("alice");
    expect(asked.times).toBe(3);
    expect(await who(token)).toBe("alice");
    expect(asked.times).toBe(3);
  });
});

it("KNOWN-9: what is known of a caller is known on every way", async () => {
  const { asked, method } = counting(jwt(JWT_AUTH.options));
  const { ways } = await serve(method);
  const token = asCaller();
  expect([await ways.guarded(token), await ways.modern(token)]).toEqual(["alice", "alice"]);
  expect(asked.times).toBe(1);
});

it("KNOWN-9: what an application writes onto one request's caller is not on the next", async () => {
  const seen: unknown[] = [];
  const write = (authInfo: AuthInfo): void => {
    const { scopes, extra = {} } = authInfo;
    const roles = principalOf({ authInfo })?.claims["roles"] as string[];
    seen.push([scopes, Object.keys(extra), roles].map((list) => [...list]));
    scopes.push("admin");
    extra["tenant"] = "acme";
    try {
      roles.push("admin");
    } catch (error) {
      // Frozen, since two requests may have it at a time.
      expect(error).toBeInstanceOf(TypeError);
    }
  };
  const served = await serveMcp({
    createServer: () => {
      const server = createToolServer();
      server.registerTool("write", {}, ({ authInfo }) => {
        write(authInfo!);
        return { content: [] };
      });
      return server;
    },
    configure: (app) => {
      app.get("/guarded", (req, res, next) => served.router.guard(req, res, next));
      app.get("/guarded", (req, res) => {
        write((req as { auth?: AuthInfo }).auth!);
        res.end();
      });
    },
  });
  const token = asCaller({ scope: "notes", roles: ["user"] });
  for (let times = 0; times < 2; times++) {
    await send(`${served.url}/guarded`, { headers: token });
    const client = await begin(served.mcpUrl, token);
    for (const id of [2, 3]) await client.post(toolCall(id, "write"));
  }
  expect(seen).toEqual(Array(6).fill([["notes"], ["principal"], ["user"]]));
});

it("KNOWN-9: on an open endpoint nobody is asked, and an app's own user stays", async () => {
  const served = await serveMcp({
    auth: false,
    configure: (app) => {
      app.use("/theirs", (req, res, next) => {
        Object.assign(req, { user: "theirs" });
        served.router.guard(req, res, next);
      });
      app.get("/theirs", (req, res) => void res.json((req as { user?: unknown }).user));
    },
  });
  expect((await send(`${served.url}/theirs`)).json).toBe("theirs");
});
