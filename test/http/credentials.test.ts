import { createHmac } from "node:crypto";
import type { AuthConfig } from "../../src/index.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { converse } from "../kit/conversation.js";
import { describeEveryMount, JWT_AUTH, serveMcpServer, serveRouter } from "../kit/serve.js";
import type { Serve } from "../kit/serve.js";
import { RawConnection, send } from "../kit/raw-http.js";
import type { RawAnswer } from "../kit/raw-http.js";
import { openStream } from "../kit/raw-sse.js";
import {
  claims,
  ecKey,
  forgedToken,
  keyToken,
  rsaKey,
  SECRET,
  secretToken,
} from "../kit/tokens.js";

cleanUpAfterEach();

const RSA = rsaKey("rsa-1");
const OTHER_RSA = rsaKey("rsa-1");
const EC = ecKey("ec-1");

const ISSUER = "https://issuer.example";
const AUDIENCE = "https://mcp.example";
const GOOD_CLAIMS = { iss: ISSUER, aud: AUDIENCE };

const WITH_SECRET = {
  type: "jwt",
  options: { ...JWT_AUTH.options, issuer: ISSUER, audience: AUDIENCE },
} satisfies AuthConfig;
const WITH_PUBLIC_KEY = {
  type: "jwt",
  options: {
    publicKey: RSA.publicPem,
    algorithms: ["RS256"],
    issuer: ISSUER,
    audience: AUDIENCE,
  },
} satisfies AuthConfig;

const NOW = () => Math.floor(Date.now() / 1000);

type Headers = Readonly<Record<string, string | readonly string[]>>;

const bearer = (token: string): Headers => ({ authorization: `Bearer ${token}` });

/** The bad credentials of one kind of key, made when they are used. */
function badCredentials(sign: (change: object) => string): Readonly<Record<string, () => Headers>> {
  const signed = (change: object): Headers => bearer(sign({ ...GOOD_CLAIMS, ...change }));
  const good = (): string => sign(GOOD_CLAIMS);
  const [none, body] = [{ alg: "none", typ: "JWT" }, claims(GOOD_CLAIMS)];
  return {
    "an expired token": () => signed({ exp: NOW() - 60 }),
    "a token that is not valid yet": () => signed({ nbf: NOW() + 60 }),
    "a token of another issuer": () => signed({ iss: "https://evil.example" }),
    "a token without issuer": () => signed({ iss: undefined }),
    "a token for another audience": () => signed({ aud: "https://other.example" }),
    "a token without audience": () => signed({ aud: undefined }),
    "a token without exp": () => signed({ exp: undefined }),
    "alg none": () => bearer(forgedToken(none, body)),
    "alg none with a signature": () => bearer(forgedToken(none, body, SECRET)),
    "alg NoNe": () => bearer(forgedToken({ alg: "NoNe" }, body)),
    "an unknown alg": () => bearer(forgedToken({ alg: "XX256" }, body, SECRET)),
    "alg __proto__": () => bearer(forgedToken({ alg: "__proto__" }, body, SECRET)),
    "a header that is no object": () => bearer(forgedToken(null, body, SECRET)),
    "a payload that is null": () => bearer(forgedToken({ alg: "HS256" }, null, SECRET)),
    "a payload that is text": () => bearer(forgedToken({ alg: "HS256" }, "x", SECRET)),
    "HS256 with another secret": () => bearer(secretToken(GOOD_CLAIMS, { secret: `${SECRET}!` })),
    "HS256 with the public key's text": () =>
      bearer(forgedToken({ alg: "HS256" }, body, RSA.publicPem)),
    "HS384, which is not listed": () => bearer(secretToken(GOOD_CLAIMS, { algorithm: "HS384" })),
    "another RSA key": () => bearer(keyToken(OTHER_RSA, GOOD_CLAIMS)),
    "an EC key": () => bearer(keyToken(EC, GOOD_CLAIMS)),
    "a cut token": () => bearer(good().slice(0, -2)),
    "a token without signature": () => bearer(good().replace(/[^.]+$/, "")),
    "a changed payload": () => bearer(good().replace(/\.[^.]+\./, `.${encoded(body)}.`)),
    "two parts": () => bearer(good().split(".", 2).join(".")),
    "four parts": () => bearer(`${good()}.x`),
    "an opaque token": () => bearer("opaque-token-0123456789"),
    "an empty bearer": () => ({ authorization: "Bearer" }),
    "a blank bearer": () => ({ authorization: "Bearer  " }),
    "two tokens in one header": () => bearer(`${good()} ${good()}`),
    "two tokens with a comma": () => bearer(`${good()}, Bearer ${good()}`),
    "a bad token behind lower-case bearer": () => ({ authorization: "bearer x.y.z" }),
    "two Authorization headers, both good": () => ({
      authorization: [`Bearer ${good()}`, `Bearer ${good()}`],
    }),
    "a good one and a bad one": () => ({ authorization: [`Bearer ${good()}`, "Bearer x"] }),
    "a bad one and a good one": () => ({ authorization: ["Bearer x", `Bearer ${good()}`] }),
  };
}

function encoded(body: object): string {
  return Buffer.from(JSON.stringify({ ...body, sub: "root" })).toString("base64url");
}

const KINDS: [string, AuthConfig, (change: object) => string][] = [
  ["secret", WITH_SECRET, (change) => secretToken(change)],
  ["publicKey", WITH_PUBLIC_KEY, (change) => keyToken(RSA, change)],
];

function expectInvalid(answer: RawAnswer): void {
  expect(answer.json).toEqual({ error: "invalid_token", error_description: expect.any(String) });
  expect(answer.status).toBe(401);
  expect(answer.headers["content-type"]).toBe("application/json");
  expect(answer.headers["cache-control"]).toBe("no-store");
  expect(answer.headers["www-authenticate"]).toMatch(
    /^Bearer realm="mcp", error="invalid_token", error_description="[^"]+"$/,
  );
}

/** A POST whose body would be refused, if anybody looked at it. */
function postAnything(url: string, headers: Headers): Promise<RawAnswer> {
  return send(url, { method: "POST", headers, body: "x" });
}

describe.each(KINDS)("tokens with %s", (_kind, auth, sign) => {
  it.each(Object.entries(badCredentials(sign)))(
    "AUTH-3, AUTH-4: %s gets 401 on GET and on POST, whatever the session id",
    async (_name, make) => {
      const { sseUrl, messagesUrl, sessions } = await serveRouter({ auth });
      const good = await converse(sseUrl, { authorization: `Bearer ${sign(GOOD_CLAIMS)}` });
      expectInvalid(await send(sseUrl, { headers: make() }));
      expectInvalid(await postAnything(messagesUrl, make()));
      expectInvalid(await postAnything(`${messagesUrl}?sessionId=unknown`, make()));
      expectInvalid(await postAnything(good.postUrl, make()));
      expect(sessions.size).toBe(1);
      expect(await good.call("echo", { text: "alive" })).toBe("alive");
    },
  );

  it.each(["Bearer", "bearer", "BEARER", "bEaReR", "Bearer  "])(
    "AUTH-4: the scheme may be written %j",
    async (scheme) => {
      const { sseUrl } = await serveRouter({ auth });
      const { status } = await openStream(sseUrl, {
        authorization: `${scheme} ${sign(GOOD_CLAIMS)}`,
      });
      expect(status).toBe(200);
    },
  );
});

it("AUTH-3: a bad token's reasons are told apart, and no value of it is repeated", async () => {
  const { sseUrl } = await serveRouter({ auth: WITH_SECRET });
  const reasons = new Set<string>();
  const changes = [
    { exp: NOW() - 60 },
    { nbf: NOW() + 60 },
    { iss: "https://evil.example" },
    { aud: "https://evil.example" },
    { exp: undefined },
  ];
  for (const change of changes) {
    const answer = await send(sseUrl, {
      headers: bearer(secretToken({ ...GOOD_CLAIMS, ...change })),
    });
    expect(answer.text + String(answer.rawHeaders)).not.toContain("evil");
    reasons.add(answer.json.error_description as string);
  }
  expect(reasons.size).toBe(changes.length);
});

describe("AUTH-3: a token of 100 kB", () => {
  const huge = (): Headers => bearer(secretToken({ ...GOOD_CLAIMS, pad: "x".repeat(75_000) }));

  const SERVERS: [string, Serve][] = [
    ["MCPServer", serveMcpServer],
    [
      "an app with room for such headers",
      (options) => serveRouter({ ...options, maxHeaderSize: 200_000 }),
    ],
  ];

  it.each(SERVERS)("gets 401 from %s, on GET and POST", async (_name, serve) => {
    const { sseUrl, messagesUrl } = await serve({ auth: WITH_SECRET });
    expect(String(huge()["authorization"]).length).toBeGreaterThan(100_000);
    expectInvalid(await send(sseUrl, { headers: huge() }));
    expectInvalid(await postAnything(messagesUrl, huge()));
  });
});

describeEveryMount((serve) => {
  const NONE: [string, Headers][] = [
    ["no header at all", {}],
    ["a query parameter that nobody reads", { "x-api-key": "an-api-key-0123456789" }],
    ["another scheme", { authorization: "Basic YWxpY2U6c2VjcmV0LXBhc3N3b3Jk" }],
    ["a scheme that only begins like Bearer", { authorization: "Bearerish abcdefgh" }],
    ["an empty header", { authorization: "" }],
  ];

  it.each(NONE)("AUTH-2: %s is no credential: 401 without error=", async (_name, headers) => {
    const { sseUrl, messagesUrl } = await serve();
    for (const answer of [
      await send(sseUrl, { headers }),
      await postAnything(messagesUrl, headers),
      await postAnything(`${messagesUrl}?sessionId=x`, headers),
    ]) {
      expect(answer.status).toBe(401);
      expect(answer.json).toEqual({
        error: "missing_credential",
        error_description: "No credential was sent. Searched: Authorization: Bearer.",
      });
      expect(answer.headers["www-authenticate"]).toBe('Bearer realm="mcp"');
      expect(answer.headers["cache-control"]).toBe("no-store");
    }
  });

  it("AUTH-1: a POST is refused before any of its body has come", async () => {
    const { messagesUrl, port } = await serve();
    const { pathname } = new URL(messagesUrl);
    for (const authorization of ["", "Authorization: Bearer x.y.z\r\n"]) {
      for (const framing of ["Content-Length: 4000000", "Transfer-Encoding: chunked"]) {
        const connection = await RawConnection.open(port);
        connection.write(
          `POST ${pathname}?sessionId=x HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n` +
            `Content-Type: application/json\r\n${authorization}${framing}\r\n\r\n`,
        );
        expect((await connection.nextAnswer()).status).toBe(401);
      }
    }
  });

  it("AUTH-1: a session id opens nothing by itself", async () => {
    const { sseUrl, messagesUrl } = await serve();
    const { postUrl, sessionId } = await converse(sseUrl);
    for (const url of [postUrl, `${messagesUrl}?sessionId=${sessionId}`]) {
      expect((await postAnything(url, {})).status).toBe(401);
    }
    expect((await send(`${sseUrl}?sessionId=${sessionId}`)).status).toBe(401);
  });

  it("AUTH-5: a known caller without a needed scope gets 403 with all that are needed", async () => {
    const auth = {
      type: "jwt",
      options: { ...JWT_AUTH.options, scopes: ["mcp:read", "mcp:write"] },
    } as const;
    const { sseUrl, messagesUrl } = await serve({ auth });
    const some = bearer(secretToken({ scope: "mcp:read other" }));
    for (const answer of [
      await send(sseUrl, { headers: some }),
      await postAnything(messagesUrl, some),
    ]) {
      expect(answer.status).toBe(403);
      expect(answer.json.error).toBe("insufficient_scope");
      expect(answer.headers["www-authenticate"]).toBe(
        'Bearer realm="mcp", error="insufficient_scope", scope="mcp:read mcp:write"',
      );
    }
    const all = secretToken({ scope: "mcp:write mcp:read" });
    expect((await openStream(sseUrl, { authorization: `Bearer ${all}` })).status).toBe(200);
  });

  it("AUTH-13: each refusal is one line with the method, the places and the reason", async () => {
    const { sseUrl, messagesUrl, lines } = await serve();
    const expired = bearer(secretToken({ exp: NOW() - 60 }));
    await send(sseUrl);
    await postAnything(messagesUrl, expired);
    await postAnything(messagesUrl, bearer(secretToken()));
    expect(lines).toEqual([
      "info: refused GET: 401 missing_credential: no credential (searched: Authorization: Bearer)",
      "info: refused POST: 401 invalid_token: the token has expired (searched: Authorization: Bearer)",
      expect.stringMatching(/^info: refused POST: 400 session_id_required: /),
    ]);
  });
});

it("AUTH-3: an HMAC over the PEM is refused, however its text is written", async () => {
  const { sseUrl } = await serveRouter({ auth: WITH_PUBLIC_KEY });
  const body = Buffer.from(JSON.stringify(claims(GOOD_CLAIMS))).toString("base64url");
  for (const alg of ["HS256", "HS384", "HS512"]) {
    const head = Buffer.from(JSON.stringify({ alg, kid: RSA.kid })).toString("base64url");
    for (const text of [RSA.publicPem, RSA.publicPem.trim(), RSA.publicPem.replace(/\n/g, "")]) {
      const mac = createHmac(`sha${alg.slice(2)}`, text).update(`${head}.${body}`);
      const token = `${head}.${body}.${mac.digest("base64url")}`;
      expectInvalid(await send(sseUrl, { headers: bearer(token) }));
    }
  }
});
