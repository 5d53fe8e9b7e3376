import { jwt } from "../../../strategies/jwt.js";
import type { AuthMethod } from "../../../src/auth/auth-method.js";
import { JwksServer } from "../../kit/jwks-server.js";
import type { JwksBehaviour } from "../../kit/jwks-server.js";
import { rsaKeyPair } from "../../kit/key-pairs.js";
import { ecKey, forgedToken, keyToken, rsaKey, secretToken } from "../../kit/tokens.js";
import type { TestKey } from "../../kit/tokens.js";
import { withToken, principalOfAnswer, probe, reasonOf } from "../../kit/auth-probe.js";
import { cleanUpAfterEach } from "../../kit/clean-up.js";

const MINUTE = 60_000;
const UNKNOWN_KEY = "the token's key is not one of its issuer's";

const first = rsaKey("key-1");
const second = rsaKey("key-2");
const ec = ecKey("key-ec");

let elapsed = 0;
const hosts: JwksServer[] = [];

beforeEach(() => {
  elapsed = 0;
  jest.spyOn(performance, "now").mockImplementation(() => elapsed);
});
cleanUpAfterEach();
afterEach(async () => {
  jest.restoreAllMocks();
  await Promise.all(hosts.splice(0).map((host) => host.stop()));
});

function wait(ms: number): void {
  elapsed += ms;
}

async function startHost(...keys: readonly TestKey[]): Promise<JwksServer> {
  const host = await JwksServer.start(...keys);
  hosts.push(host);
  return host;
}

/** A key host, and a server that verifies tokens with its keys. */
async function setUp(...keys: readonly TestKey[]) {
  const host = await startHost(...keys);
  const method: AuthMethod = jwt({ jwksUri: host.url, algorithms: ["RS256", "PS256", "ES256"] });
  const server = await probe(method);
  const send = (key: TestKey, header?: object) => server.send(withToken(keyToken(key, {}, header)));
  return { host, send };
}

describe("the keys of an issuer", () => {
  test("are fetched at the first token, once for all that wait", async () => {
    const { host, send } = await setUp(first, second);
    expect(host.requests).toBe(0);
    host.behaviour = "held";
    const asked = host.asked();
    const answers = [send(first), send(second), send(first)];
    await asked;
    host.release();
    for (const answer of await Promise.all(answers)) {
      expect(principalOfAnswer(answer).id).toBe("alice");
    }
    expect(host.requests).toBe(1);
  });

  test("are fetched again after 10 minutes", async () => {
    const { host, send } = await setUp(first);
    await send(first);
    wait(10 * MINUTE - 1);
    await send(first);
    expect(host.requests).toBe(1);
    wait(1);
    await send(first);
    expect(host.requests).toBe(2);
  });

  test("are no longer good once the issuer withdrew them", async () => {
    const { host, send } = await setUp(first, second);
    await send(first);
    host.rotate(second);
    wait(10 * MINUTE);
    expect(reasonOf(await send(first))).toBe(UNKNOWN_KEY);
    expect(principalOfAnswer(await send(second)).id).toBe("alice");
  });

  test("may be rotated: a new key is fetched at its first token", async () => {
    const { host, send } = await setUp(first);
    await send(first);
    host.rotate(first, second);
    wait(30_000);
    expect(principalOfAnswer(await send(second)).id).toBe("alice");
    expect(host.requests).toBe(2);
  });

  test("a flood of invented key ids costs one fetch in 30 seconds, and hides no new key", async () => {
    const { host, send } = await setUp(first);
    await send(first);
    const flood = async (): Promise<void> => {
      const sent = Array.from({ length: 50 }, (_, index) => send(first, { kid: `kid-${index}` }));
      for (const answer of await Promise.all(sent)) expect(reasonOf(answer)).toBe(UNKNOWN_KEY);
    };
    await flood();
    expect(host.requests).toBe(1);
    wait(30_000);
    await flood();
    expect(host.requests).toBe(2);
    host.rotate(first, second);
    await flood();
    expect(reasonOf(await send(second))).toBe(UNKNOWN_KEY);
    wait(30_000);
    expect(principalOfAnswer(await send(second)).id).toBe("alice");
    expect(host.requests).toBe(3);
  });

  test.each(["__proto__", "constructor", "toString", "", "../../etc/passwd", "' OR 1=1"])(
    "the key id %p finds nothing",
    async (kid) => {
      const { send } = await setUp(first, second);
      expect(reasonOf(await send(first, { kid }))).toBe(UNKNOWN_KEY);
    },
  );

  test("credentials that are no acceptable token are refused without asking the host", async () => {
    const host = await startHost(first);
    const server = await probe(jwt({ jwksUri: host.url, algorithms: ["RS256"] }));
    expect(reasonOf(await server.send(withToken("an-api-key")))).toBe("the token is malformed");
    for (const token of [
      keyToken(ec),
      secretToken(),
      forgedToken({ alg: "none", kid: "key-1" }, {}),
    ]) {
      expect(reasonOf(await server.send(withToken(token)))).toBe(
        "the token's algorithm is not allowed",
      );
    }
    expect(host.requests).toBe(0);
  });
});

describe("a token's choice of key", () => {
  test("needs no key id when there is one key only", async () => {
    const { send } = await setUp(first);
    expect(principalOfAnswer(await send(first, { kid: undefined })).id).toBe("alice");
  });

  test("needs a key id when there are several", async () => {
    const { send } = await setUp(first, second);
    expect(reasonOf(await send(first, { kid: undefined }))).toBe(
      "the token names no key, and its issuer has several",
    );
  });

  test("of an RSA key for ES256 is refused", async () => {
    const { send } = await setUp(first, ec);
    expect(reasonOf(await send(ec, { kid: first.kid }))).toBe(
      "the token's key is not for its algorithm",
    );
  });

  test("of a key for another algorithm than the key's own is refused", async () => {
    const { send } = await setUp(first);
    const pss = { ...first, algorithm: "PS256" } as const;
    expect(reasonOf(await send(pss))).toBe("the token's key is not for its algorithm");
  });

  test("is free when the key names no algorithm", async () => {
    const { host, send } = await setUp();
    host.keys = [{ ...first.jwk, alg: undefined }];
    const pss = { ...first, algorithm: "PS256" } as const;
    expect(principalOfAnswer(await send(pss)).id).toBe("alice");
    expect(principalOfAnswer(await send(first)).id).toBe("alice");
  });

  test("tells keys of different types apart although they share an id", async () => {
    const { host, send } = await setUp();
    host.keys = [
      { ...first.jwk, kid: "same" },
      { ...ec.jwk, kid: "same" },
    ];
    expect(principalOfAnswer(await send(first, { kid: "same" })).id).toBe("alice");
    expect(principalOfAnswer(await send(ec, { kid: "same" })).id).toBe("alice");
  });

  test("never falls on keys that are short, secret, or for encryption", async () => {
    const { host, send } = await setUp();
    const short = rsaKey("short", 1024);
    const secret = rsaKeyPair().privateKey;
    host.keys = [
      short.jwk,
      { kty: "oct", k: "c2VjcmV0", kid: "oct", alg: "HS256" },
      { ...first.jwk, kid: "enc", use: "enc" },
      { ...secret.export({ format: "jwk" }), kid: "private" },
      second.jwk,
    ];
    const sign = { ...first, kid: "enc" };
    expect(reasonOf(await send(sign))).toBe(UNKNOWN_KEY);
    expect(reasonOf(await send(sign, { kid: "short" }))).toBe(UNKNOWN_KEY);
    expect(reasonOf(await send(sign, { kid: "private" }))).toBe(UNKNOWN_KEY);
    expect(principalOfAnswer(await send(second)).id).toBe("alice");
  });
});

describe("while the key host is down", () => {
  const faults: readonly JwksBehaviour[] = [
    "error",
    "reset",
    "garbage",
    "empty",
    "huge",
    "redirect",
  ];

  test.each(faults)("(%s) from the start: 503, and it recovers by itself", async (fault) => {
    const { host, send } = await setUp(first);
    host.behaviour = fault;
    const answer = await send(first);
    expect(answer).toMatchObject({ status: 503, retryAfter: "5", challenge: "" });
    expect(answer.outcome).toMatchObject({
      reason: "the issuer's keys cannot be fetched at the moment",
    });
    host.behaviour = "good";
    wait(5_000);
    expect(principalOfAnswer(await send(first)).id).toBe("alice");
  });

  test("it is asked at most once in 5 seconds, and callers are told when to come back", async () => {
    const { host, send } = await setUp(first);
    host.behaviour = "error";
    await send(first);
    wait(3_000);
    const answers = await Promise.all(Array.from({ length: 20 }, () => send(first)));
    for (const answer of answers) expect(answer).toMatchObject({ status: 503, retryAfter: "2" });
    expect(host.requests).toBe(1);
    wait(2_000);
    await send(first);
    expect(host.requests).toBe(2);
  });

  test("the keys it published last remain good", async () => {
    const { host, send } = await setUp(first);
    await send(first);
    host.behaviour = "error";
    wait(10 * MINUTE);
    expect(principalOfAnswer(await send(first)).id).toBe("alice");
    expect(host.requests).toBe(2);
    wait(4_999);
    expect(principalOfAnswer(await send(first)).id).toBe("alice");
    expect(host.requests).toBe(2);
  });

  test("nobody with a known key waits for the next attempt", async () => {
    const { host, send } = await setUp(first);
    await send(first);
    host.behaviour = "error";
    wait(10 * MINUTE);
    await send(first);
    host.behaviour = "silent";
    wait(5_000);
    const asked = host.asked();
    expect(principalOfAnswer(await send(first)).id).toBe("alice");
    await asked;
    expect(principalOfAnswer(await send(first)).id).toBe("alice");
    expect(host.requests).toBe(3);
  });

  test("an unknown key id is not invalid: it may have been published since", async () => {
    const { host, send } = await setUp(first);
    await send(first);
    host.behaviour = "error";
    host.rotate(first, second);
    wait(30_000);
    expect(await send(second)).toMatchObject({ status: 503, retryAfter: "5" });
    expect(await send(second)).toMatchObject({ status: 503 });
    expect(host.requests).toBe(2);
    host.behaviour = "good";
    wait(5_000);
    expect(principalOfAnswer(await send(second)).id).toBe("alice");
  });

  test("a bad signature with a kept key is still invalid", async () => {
    const { host, send } = await setUp(first);
    await send(first);
    host.behaviour = "error";
    wait(10 * MINUTE);
    expect(reasonOf(await send(rsaKey(first.kid)))).toBe("the token's signature is wrong");
  });

  test("the operator hears why", async () => {
    const { host, send } = await setUp(first);
    host.behaviour = "error";
    const { outcome } = await send(first);
    expect(outcome).toMatchObject({ cause: expect.objectContaining({ message: "answered 500" }) });
  });

  test("a host that does not answer is given up after 5 seconds", async () => {
    const { host, send } = await setUp(first);
    host.behaviour = "silent";
    const timeout = jest
      .spyOn(AbortSignal, "timeout")
      .mockReturnValue(AbortSignal.abort(new DOMException("late", "TimeoutError")));
    const answer = await send(first);
    expect(timeout).toHaveBeenCalledWith(5_000);
    expect(answer.status).toBe(503);
    expect(answer.outcome).toMatchObject({
      cause: expect.objectContaining({ message: "did not answer within 5000 ms" }),
    });
  });
});
