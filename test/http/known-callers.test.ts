import type { IncomingMessage } from "node:http";
import { fromPassport } from "../../src/index.js";
import type { AuthMethod, FromPassportOptions } from "../../src/index.js";
import { apikey } from "../../strategies/apikey.js";
import { asCaller } from "../kit/conversation.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { BOTH_CLOCKS, later } from "../kit/clock.js";
import { JWT_AUTH } from "../kit/serve.js";
import { KNOWN_WIRES, postKnown } from "../kit/known-callers.js";
import type { KnownClient } from "../kit/known-callers.js";
import { RawConnection } from "../kit/raw-http.js";
import { toolCall } from "../kit/raw-sse.js";
import { secretToken } from "../kit/tokens.js";

cleanUpAfterEach();

const call = toolCall(2, "echo", { text: "hello" });

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

async function again(client: KnownClient, times = 3): Promise<number[]> {
  const answers: number[] = [];
  for (let index = 0; index < times; index++) {
    answers.push((await postKnown(client, call)).status);
  }
  return answers;
}

/** A POST as bytes. */
function bytesOf({ postUrl, fixed }: KnownClient, fields: readonly string[]): string {
  const { pathname, search, host } = new URL(postUrl);
  const body = JSON.stringify(call);
  return [
    `POST ${pathname}${search} HTTP/1.1`,
    `Host: ${host}`,
    ...Object.entries(fixed).map(([name, value]) => `${name}: ${value}`),
    ...fields,
    "Content-Type: application/json",
    `Content-Length: ${body.length}`,
    "",
    body,
  ].join("\r\n");
}

/** The same, all on one connection. */
async function againOn(
  connection: RawConnection,
  client: KnownClient,
  times = 3,
): Promise<number[]> {
  const answers: number[] = [];
  for (let index = 0; index < times; index++) {
    connection.write(bytesOf(client, [`Authorization: ${client.credential["authorization"]}`]));
    answers.push((await connection.nextAnswer()).status);
  }
  return answers;
}

describe.each(KNOWN_WIRES)("$name that knows its caller", ({ taken, serve }) => {
  const thrice = [taken, taken, taken];

  it("KNOWN-1: asks a strategy that may be remembered once, and again after revalidateAfterMs", async () => {
    const counting = new Counting({ remember: true });
    const { port, begin } = await serve({ auth: counting.method });
    const conversation = await begin(custom);
    const connection = await RawConnection.open(port);
    const before = counting.asked;
    expect(await againOn(connection, conversation)).toEqual(thrice);
    // Without findCredential every header and the connection count, and they are new.
    const asked = before + 1;
    expect(counting.asked).toBe(asked);
    later(29_000, BOTH_CLOCKS);
    await againOn(connection, conversation);
    expect(counting.asked).toBe(asked);
    later(2_000, BOTH_CLOCKS);
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
    const { begin } = await serve({ auth: counting.method });
    const client = await begin(custom);
    await postKnown(client, call, { ...custom, "x-request-id": "another each time" });
    expect(counting.asked).toBe(1);
  });

  it.each([
    ["a strategy that may not be remembered", {}],
    ["any method with revalidateAfterMs 0", { revalidateAfterMs: 0 }],
  ])("KNOWN-1: asks %s each time", async (_what, advanced) => {
    const isOff = "revalidateAfterMs" in advanced;
    const counting = new Counting({ remember: isOff });
    const { begin } = await serve({ auth: counting.method, advanced });
    const conversation = await begin(custom);
    const { asked } = counting;
    await again(conversation);
    expect(counting.asked).toBe(asked + 3);
    counting.known.clear();
    expect(await again(conversation)).toEqual([401, 401, 401]);
  });

  it("KNOWN-2: takes no other bytes for the same", async () => {
    const { begin } = await serve({ auth: JWT_AUTH });
    const conversation = await begin();
    const token = conversation.credential["authorization"]!;
    const flipped = token.replace(/.$/, (last) => (last === "A" ? "B" : "A"));
    const statuses = async (...values: string[]) =>
      await Promise.all(
        values.map(async (value) => {
          return (await postKnown(conversation, call, { authorization: value })).status;
        }),
      );
    expect(await statuses(token, token.toLowerCase(), `${token}x`, token.slice(0, -1))).toEqual([
      taken,
      401,
      401,
      401,
    ]);
    // The last character of a signature may have bits that do not count.
    expect([taken, 401]).toContain((await statuses(flipped))[0]);
    expect(await statuses(`Bearer ${secretToken({ sub: "bob" })}`)).toEqual([404]);
    expect((await postKnown(conversation, call, {})).status).toBe(401);
    expect(await statuses(`Bearer ${secretToken({ jti: "another" })}`)).toEqual([taken]);
    expect(await again(conversation)).toEqual(thrice);
  });

  it("KNOWN-2: refuses a second Authorization header, wherever it stands", async () => {
    const { port, begin } = await serve({ auth: JWT_AUTH });
    const client = await begin();
    const good = `Authorization: ${client.credential["authorization"]}`;
    const other = "Authorization: Bearer another-token-0123456789";
    for (const fields of [
      [good, other],
      [other, good],
      [good, good],
    ]) {
      const connection = await RawConnection.open(port);
      connection.write(bytesOf(client, [...fields, "Connection: close"]));
      expect((await connection.nextAnswer()).status).toBe(401);
    }
  });

  it("KNOWN-3: looks at the expiry each time", async () => {
    const auth = { ...JWT_AUTH, options: { ...JWT_AUTH.options, clockTolerance: 0 } };
    const { begin } = await serve({ auth, sessions: { onTokenExpiry: "keep" } });
    const exp = Math.floor(Date.now() / 1000) + 20;
    const conversation = await begin(asCaller({ exp }));
    expect(await again(conversation, 1)).toEqual([taken]);
    later(21_000, BOTH_CLOCKS);
    const refused = await postKnown(conversation, call);
    expect(refused.status).toBe(401);
    expect(refused.headers.get("www-authenticate")).toContain("expired");
  });

  it("KNOWN-4: refuses an API key as soon as it is taken out of the list", async () => {
    let keys = ["a-key-0123456789", "another-key-0123456789"];
    const { begin } = await serve({ auth: { type: "apikey", options: { keys: () => keys } } });
    const conversation = await begin({ "x-api-key": "a-key-0123456789" });
    expect(await again(conversation)).toEqual(thrice);
    keys = ["another-key-0123456789"];
    expect(await again(conversation)).toEqual([401, 401, 401]);
  });

  it("KNOWN-4: refuses an API key as soon as it is taken out of the list in place", async () => {
    const keys = ["a-key-0123456789", "another-key-0123456789"];
    const { begin } = await serve({ auth: { type: "apikey", options: { keys: () => keys } } });
    const conversation = await begin({ "x-api-key": "a-key-0123456789" });
    expect(await again(conversation)).toEqual(thrice);
    keys.shift();
    expect(await again(conversation)).toEqual([401, 401, 401]);
    keys.push("a-key-0123456789");
    expect(await again(conversation)).toEqual(thrice);
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
    const { begin } = await serve({ auth: apikey({ verify, remember }) });
    const conversation = await begin({ "x-api-key": "a-key-0123456789" });
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
    const { begin } = await serve({ auth: { type: "apikey", options: { keys } } });
    const conversation = await begin({ "x-api-key": "a-key-0123456789" });
    isBroken = true;
    expect(await again(conversation, 1)).toEqual([503]);
  });

  it("KNOWN-5: asks those before the one that let the caller in, when they get a credential too", async () => {
    const auth = [{ type: "apikey", options: { keys: ["a-key-0123456789"] } }, JWT_AUTH] as const;
    const { begin } = await serve({ auth });
    const client = await begin();
    // The key's owner, and nobody's session is that owner's.
    const both = { ...client.credential, "x-api-key": "a-key-0123456789" };
    expect((await postKnown(client, call, both)).status).toBe(404);
    expect((await postKnown(client, call)).status).toBe(taken);
  });

  it("KNOWN-7: a session that has ended is known no more", async () => {
    const { begin, sessions } = await serve({ auth: JWT_AUTH });
    const conversation = await begin();
    expect(await again(conversation, 1)).toEqual([taken]);
    sessions.close(conversation.sessionId);
    expect(await again(conversation, 1)).toEqual([404]);
  });

  it("KNOWN-7: nor one of somebody who was shut out", async () => {
    const { begin, sessions } = await serve({ auth: JWT_AUTH });
    const [first, second] = [await begin(), await begin()];
    expect(await again(first, 1)).toEqual([taken]);
    expect(sessions.closeFor({ id: "alice", method: "jwt" } as never)).toBe(2);
    expect([...(await again(first, 1)), ...(await again(second, 1))]).toEqual([404, 404]);
  });
});
