import type { AuthConfig, Principal } from "../../src/index.js";
import { asCaller, converse } from "../kit/conversation.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { describeEveryMount, JWT_AUTH, serveRouter } from "../kit/serve.js";
import { send } from "../kit/raw-http.js";
import type { RawAnswer } from "../kit/raw-http.js";
import { initialize, openStream, toolCall } from "../kit/raw-sse.js";
import { keyToken, rsaKey, SECRET } from "../kit/tokens.js";

cleanUpAfterEach();

const UNKNOWN = "00000000-0000-4000-8000-000000000000";
const KEY = "an-api-key-0123456789";

type Headers = Record<string, string>;

function postCall(url: string, headers: Headers, body: string | object = initialize) {
  return send(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

/** Everything about an answer but the time. */
function bytesOf({ status, rawHeaders, text }: RawAnswer): unknown[] {
  const date = rawHeaders.indexOf("Date");
  return [status, rawHeaders.filter((_line, index) => index !== date + 1 || date < 0), text];
}

/** The same request to another's session and to one that does not exist gets the same answer. */
async function expectUnknown(postUrl: string, headers: Headers): Promise<void> {
  const unknownUrl = postUrl.replace(/sessionId=[^&]+/, `sessionId=${UNKNOWN}`);
  for (const body of [initialize, toolCall(1, "whoami"), "no json", ""]) {
    const foreign = await postCall(postUrl, headers, body);
    const unknown = await postCall(unknownUrl, headers, body);
    expect(foreign.status).toBe(404);
    expect(foreign.json.error.data.code).toBe("session_not_found");
    expect(bytesOf(foreign)).toEqual(bytesOf(unknown));
  }
}

describeEveryMount((serve) => {
  it("MESSAGE-3, AUTH-9: another subject's session answers byte for byte as an unknown one", async () => {
    const { sseUrl } = await serve();
    const alice = await converse(sseUrl);
    const before = alice.stream.bytes;
    await expectUnknown(alice.postUrl, asCaller({ sub: "bob" }));
    await expectUnknown(alice.postUrl, asCaller({ sub: "ALICE" }));
    await expectUnknown(alice.postUrl, asCaller({ sub: "alice " }));
    await expectUnknown(alice.postUrl, asCaller({ sub: undefined }));
    await expectUnknown(alice.postUrl, asCaller({ sub: "" }));
    expect(alice.stream.bytes).toBe(before);
    expect(await alice.call("echo", { text: "alive" })).toBe("alive");
  });

  it("MESSAGE-3, AUTH-9: another client of the same subject gets 404", async () => {
    const { sseUrl } = await serve();
    const { postUrl } = await converse(sseUrl, asCaller({ client_id: "app" }));
    await expectUnknown(postUrl, asCaller({ client_id: "other" }));
    await expectUnknown(postUrl, asCaller({}));
  });

  it("MESSAGE-3, AUTH-9: the same subject of another issuer gets 404", async () => {
    const { sseUrl } = await serve();
    const { postUrl } = await converse(sseUrl, asCaller({ iss: "https://a.example" }));
    await expectUnknown(postUrl, asCaller({ iss: "https://b.example" }));
    await expectUnknown(postUrl, asCaller({}));
  });

  it("MESSAGE-3, AUTH-9: parts of an identity cannot be shifted into one another", async () => {
    const { sseUrl } = await serve();
    const { postUrl } = await converse(sseUrl, asCaller({ iss: "https://a", sub: 'b","c' }));
    await expectUnknown(postUrl, asCaller({ iss: 'https://a","b', sub: "c" }));
    await expectUnknown(postUrl, asCaller({ iss: "https://a", sub: "b", client_id: "c" }));
  });

  it("MESSAGE-3, AUTH-9: the same id by another method gets 404", async () => {
    const auth = [
      JWT_AUTH,
      { type: "apikey", options: { keys: [{ id: "alice", key: KEY }] } },
    ] satisfies AuthConfig;
    const { sseUrl } = await serve({ auth });
    const byToken = await converse(sseUrl, asCaller({ sub: "alice" }));
    const byKey = await converse(sseUrl, { "x-api-key": KEY });
    await expectUnknown(byToken.postUrl, { "x-api-key": KEY });
    await expectUnknown(byKey.postUrl, asCaller({ sub: "alice" }));
    expect(await byToken.call("echo", { text: "1" })).toBe("1");
    expect(await byKey.call("echo", { text: "2" })).toBe("2");
  });

  it("AUTH-9: a token without a subject is one caller, however its signature is written", async () => {
    const key = rsaKey("rsa-1");
    const options = { publicKey: key.publicPem, algorithms: ["RS256"] } as const;
    const { sseUrl } = await serve({ auth: { type: "jwt", options } });
    const token = keyToken(key, { sub: undefined });
    const { postUrl } = await converse(sseUrl, { authorization: `Bearer ${token}` });
    // The last of the 342 characters of a signature has four bits that mean nothing.
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const last = alphabet[alphabet.indexOf(token.at(-1)!) ^ 1]!;
    const loose = { authorization: `Bearer ${token.slice(0, -1)}${last}` };
    expect((await postCall(postUrl, loose)).status).toBe(202);
    const another = { authorization: `Bearer ${keyToken(key, { sub: undefined })}` };
    await expectUnknown(postUrl, another);
  });

  it("AUTH-9: a refreshed token of the same principal continues the session", async () => {
    const { sseUrl, sessions } = await serve();
    const alice = await converse(sseUrl, asCaller({ scope: "read" }));
    const exp = Math.floor(Date.now() / 1000) + 4000;
    alice.headers["authorization"] = asCaller({ scope: "read write", exp }).authorization;
    expect(JSON.parse(await alice.call("whoami"))).toMatchObject({
      id: "alice",
      scopes: ["read", "write"],
      expiresAt: exp,
    });
    expect(sessions.get(alice.sessionId)?.principal).toMatchObject({ expiresAt: exp });
  });

  it("AUTH-9: two keys of one id are one caller, and two ids are two", async () => {
    const auth = {
      type: "apikey",
      options: {
        keys: [
          { id: "robot", key: KEY },
          { id: "robot", key: `${KEY}-new` },
          { id: "other", key: `${KEY}-other` },
        ],
      },
    } satisfies AuthConfig;
    const { sseUrl } = await serve({ auth });
    const { postUrl } = await converse(sseUrl, { "x-api-key": KEY });
    expect((await postCall(postUrl, { "x-api-key": `${KEY}-new` })).status).toBe(202);
    await expectUnknown(postUrl, { "x-api-key": `${KEY}-other` });
  });

  it("AUTH-9: two tokens without a subject are two callers", async () => {
    const { sseUrl } = await serve();
    const first = await converse(sseUrl, asCaller({ sub: undefined }));
    await expectUnknown(first.postUrl, asCaller({ sub: undefined }));
    expect(await first.call("echo", { text: "own" })).toBe("own");
  });

  it("AUTH-9: an open endpoint's sessions belong to whoever knows their id", async () => {
    const { sseUrl } = await serve({ auth: false });
    const anybody = await converse(sseUrl, {});
    expect(await anybody.call("whoami")).toBe("null");
    expect((await postCall(anybody.postUrl, asCaller())).status).toBe(202);
  });

  it("MESSAGE-3: a session that has ended is unknown, even to its owner", async () => {
    const { sseUrl, sessions } = await serve();
    const alice = await converse(sseUrl);
    expect(sessions.close(alice.sessionId)).toBe(true);
    await alice.stream.ended;
    await expectUnknown(alice.postUrl, alice.headers);
    expect(sessions.size).toBe(0);
  });

  it("MESSAGE-3: a session id is never taken from outside", async () => {
    const { sseUrl } = await serve();
    for (const query of [`?sessionId=${UNKNOWN}`, `?sessionId=${UNKNOWN}&session_id=1`]) {
      const headers = { ...asCaller(), "mcp-session-id": UNKNOWN, "last-event-id": UNKNOWN };
      const stream = await openStream(sseUrl + query, headers);
      expect((await stream.nextEvent()).data).not.toContain(UNKNOWN);
    }
  });

  it("SESSION-5: closeFor ends all sessions of a principal, and no others", async () => {
    const { sseUrl, sessions } = await serve();
    const first = await converse(sseUrl);
    const second = await converse(sseUrl);
    const bob = await converse(sseUrl, asCaller({ sub: "bob" }));
    const otherClient = await converse(sseUrl, asCaller({ client_id: "app" }));
    const { principal } = sessions.get(first.sessionId) as { principal: Principal };
    expect(sessions.closeFor(principal)).toBe(2);
    await Promise.all([first.stream.ended, second.stream.ended]);
    expect(sessions.size).toBe(2);
    expect(await bob.call("echo", { text: "alive" })).toBe("alive");
    expect(await otherClient.call("echo", { text: "alive" })).toBe("alive");
    expect(sessions.closeFor(principal)).toBe(0);
  });
});

it("MESSAGE-3, AUTH-9: two keys of two issuers keep the same subject apart", async () => {
  const rsa = rsaKey("a");
  const auth = [
    {
      type: "jwt",
      options: { publicKey: rsa.publicPem, algorithms: ["RS256"], issuer: "https://a" },
    },
    { type: "jwt", options: { secret: SECRET, algorithms: ["HS256"], issuer: "https://b" } },
  ] satisfies AuthConfig;
  const { sseUrl } = await serveRouter({ auth });
  const ofA = await converse(sseUrl, {
    authorization: `Bearer ${keyToken(rsa, { iss: "https://a" })}`,
  });
  await expectUnknown(ofA.postUrl, asCaller({ iss: "https://b" }));
  const forged = await postCall(ofA.postUrl, asCaller({ iss: "https://a" }));
  expect(forged.status).toBe(401);
});

it("MESSAGE-3: the 404 of a browser is the same for both, CORS headers included", async () => {
  const { sseUrl } = await serveRouter({ cors: { allowOrigins: ["https://app.example"] } });
  const alice = await converse(sseUrl);
  await expectUnknown(alice.postUrl, {
    ...asCaller({ sub: "bob" }),
    origin: "https://app.example",
  });
});
