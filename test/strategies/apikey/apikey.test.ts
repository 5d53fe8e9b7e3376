import { hash } from "node:crypto";
import { inspect } from "node:util";
import { apikey } from "../../../strategies/apikey.js";
import type { ApiKeyOptions } from "../../../strategies/apikey.js";
import type { PrincipalInit } from "../../../src/auth/principal.js";
import { ask, withToken, principalOfAnswer, reasonOf, withKey } from "../../kit/auth-probe.js";
import { cleanUpAfterEach } from "../../kit/clean-up.js";

const KEY = "first-key-0123456789";
const OTHER = "other-key-0123456789";
const UNKNOWN = "the API key is not known";
const UNUSABLE = "the API key is empty, or sent more than once";
const sha256 = (text: string): string => hash("sha256", text, "hex");

cleanUpAfterEach();

describe("options of apikey that are wrong", () => {
  const cases: Record<string, [options: unknown, message: RegExp]> = {
    "no options": [undefined, /^auth\.options must be an object\. It takes: keys, verify,/],
    "no keys": [{}, /^auth\.options has no keys\. Write keys: \["…"\], or verify/],
    "keys as text": [{ keys: "a,b" }, /^auth\.options\.keys must be an array\. .*split/],
    "an empty list": [{ keys: [] }, /keys is an empty list/],
    "an unset key": [{ keys: [KEY, undefined] }, /keys\[1\] is undefined\. .*environment/],
    "an empty key": [{ keys: [""] }, /keys\[0\] must be a non-empty string/],
    "a key with a line break": [{ keys: [`${KEY}\n`] }, /keys\[0\] holds a character .* Trim it/],
    "a key beyond ASCII": [{ keys: ["schlüssel-0123456789"] }, /keys\[0\] holds a character/],
    "the same key twice": [
      { keys: [KEY, OTHER, KEY] },
      /holds the same key twice, at \[0\] and \[2\]/,
    ],
    "the same key, once as its digest": [
      { keys: [KEY, { id: "x", sha256: sha256(KEY) }] },
      /holds the same key twice/,
    ],
    "an entry without an id": [{ keys: [{ key: KEY }] }, /keys\[0\]\.id is undefined/],
    "an entry without a key": [{ keys: [{ id: "x" }] }, /keys\[0\]\.key is undefined/],
    "an entry with both": [
      { keys: [{ id: "x", key: KEY, sha256: sha256(KEY) }] },
      /keys\[0\] has both key and sha256/,
    ],
    "a digest that is none": [{ keys: [{ id: "x", sha256: KEY }] }, /sha256 is no SHA-256/],
    "an expiry in milliseconds": [
      { keys: [{ id: "x", key: KEY, expiresAt: Date.now() }] },
      /expiresAt is no time in seconds/,
    ],
    "an expiry that is no date": [
      { keys: [{ id: "x", key: KEY, expiresAt: new Date("soon") }] },
      /expiresAt is no time in seconds/,
    ],
    "a misspelt entry": [{ keys: [{ id: "x", key: KEY, scope: "a" }] }, /scope is not an option/],
    "verify that is no function": [{ verify: true }, /verify must be a function/],
    "a header name with a space": [
      { keys: [KEY], headerName: "X API Key" },
      /is not a header name/,
    ],
    "a header name with a line break": [
      { keys: [KEY], headerName: "X-A\r\nB" },
      /not a header name/,
    ],
    "the header Authorization": [
      { keys: [KEY], headerName: "authorization" },
      /must not be Authorization\. Leave it out/,
    ],
    "the transport's own parameter": [
      { keys: [KEY], queryParam: "sessionId" },
      /queryParam must not be sessionId/,
    ],
    "a parameter name that parsers read differently": [
      { keys: [KEY], queryParam: "key[a]" },
      /queryParam is no plain parameter name/,
    ],
    "an empty parameter name": [{ keys: [KEY], queryParam: "" }, /queryParam must be a non-empty/],
    "a misspelt option": [{ keys: [KEY], header: "X-Key" }, /header is not an option/],
  };

  test.each(Object.entries(cases))(
    "%s: a TypeError says what to write",
    (_what, [options, message]) => {
      const build = () => apikey(options as ApiKeyOptions);
      expect(build).toThrow(TypeError);
      expect(build).toThrow(message);
    },
  );

  test.each(Object.entries(cases))("%s: the error shows no key", (_what, [options]) => {
    let printed = "";
    try {
      apikey(options as ApiKeyOptions);
    } catch (error) {
      printed = inspect(error, { depth: null, showHidden: true });
    }
    expect(printed).not.toContain(KEY);
    expect(printed).not.toContain(sha256(KEY));
  });
});

describe("a key in the header", () => {
  test("is expected in X-API-Key unless another name is given, in any case", async () => {
    const method = apikey({ keys: [KEY] });
    expect((await ask(method, withKey(KEY, "x-api-KEY"))).outcome.kind).toBe("authenticated");
    const renamed = apikey({ keys: [KEY], headerName: "X-Team.Key" });
    expect(renamed.requestHeaders).toEqual(["X-Team.Key"]);
    expect((await ask(renamed, withKey(KEY, "x-team.key"))).outcome.kind).toBe("authenticated");
    expect((await ask(renamed, withKey(KEY))).outcome.kind).toBe("no-credential");
  });

  test("names its holder by the entry's id, or by a fingerprint", async () => {
    const method = apikey({ keys: [{ id: "team-a", key: KEY, scopes: ["read"] }, OTHER] });
    expect(principalOfAnswer(await ask(method, withKey(KEY)))).toMatchObject({
      id: "team-a",
      method: "apikey",
      scopes: ["read"],
    });
    const { id } = principalOfAnswer(await ask(method, withKey(OTHER)));
    expect(id).toBe(`key-${sha256(OTHER).slice(0, 12)}`);
  });

  test("may be configured as its digest, in either case", async () => {
    const method = apikey({
      keys: [
        { id: "a", sha256: sha256(KEY).toUpperCase() },
        { id: "b", sha256: sha256(OTHER) },
      ],
    });
    expect(principalOfAnswer(await ask(method, withKey(KEY))).id).toBe("a");
    expect(principalOfAnswer(await ask(method, withKey(OTHER))).id).toBe("b");
    expect(reasonOf(await ask(method, withKey(sha256(KEY))))).toBe(UNKNOWN);
  });

  test.each([
    ["a key with a prefix of a real one", `${KEY}x`],
    ["a prefix of a real key", KEY.slice(0, -1)],
    ["another case", KEY.toUpperCase()],
    ["two keys in one", `${KEY}, ${OTHER}`],
    ["__proto__", "__proto__"],
    ["constructor", "constructor"],
    ["a key of 60 kB", "k".repeat(60_000)],
  ])("is refused when it is %s", async (_what, key) => {
    const answer = await ask(apikey({ keys: [KEY, OTHER] }), withKey(key));
    expect(reasonOf(answer)).toBe(UNKNOWN);
    expect(answer.status).toBe(401);
    expect(answer.challenge).toBe('ApiKey realm="mcp"');
  });

  test("is refused when it is longer than any credential", async () => {
    const verify = jest.fn(() => ({ id: "anyone" }));
    const answer = await ask(apikey({ verify }), withKey("k".repeat(70_000)));
    expect(reasonOf(answer)).toBe("the API key is too long");
    expect(verify).not.toHaveBeenCalled();
  });

  test("is refused when it is empty or sent twice, even if both are good", async () => {
    const method = apikey({ keys: [KEY, `${KEY}, ${KEY}`] });
    expect(reasonOf(await ask(method, { headers: { "x-api-key": "" }, secrets: [] }))).toBe(
      UNUSABLE,
    );
    const twice = { headers: { "x-api-key": [KEY, KEY] }, secrets: [KEY] };
    expect(reasonOf(await ask(method, twice))).toBe(UNUSABLE);
  });

  test.each(["constructor", "toString", "hasOwnProperty"])(
    "is not found in the header object's own %s",
    async (headerName) => {
      const method = apikey({ keys: [KEY], headerName });
      expect((await ask(method, { secrets: [] })).outcome.kind).toBe("no-credential");
      expect((await ask(method, withKey(KEY, headerName))).outcome.kind).toBe("authenticated");
    },
  );
});

describe("a key elsewhere", () => {
  const query = apikey({ keys: [KEY, OTHER], queryParam: "api_key" });

  test("is accepted as a bearer, but tools do not see it", async () => {
    const { outcome } = await ask(apikey({ keys: [KEY] }), withToken(KEY));
    expect(outcome).toMatchObject({ caller: { exposesToken: false, authInfo: { token: "" } } });
  });

  test("is accepted in the query only where that is configured", async () => {
    const request = { path: `/?a=1&api_key=${KEY}`, secrets: [KEY] };
    const { outcome } = await ask(query, request);
    expect(outcome).toMatchObject({
      caller: { credential: { place: "query", name: "api_key", text: KEY } },
    });
    expect((await ask(apikey({ keys: [KEY] }), request)).outcome.kind).toBe("no-credential");
    expect(query).toMatchObject({ queryParameter: "api_key" });
  });

  test("is read as the query writes it", async () => {
    const method = apikey({ keys: ["a+b&c=d%26 0123456789"], queryParam: "key" });
    const path = `/?key=${encodeURIComponent("a+b&c=d%26 0123456789")}`;
    expect((await ask(method, { path, secrets: [] })).outcome.kind).toBe("authenticated");
  });

  test.each([
    "/?api_key=",
    "/?api_key",
    `/?api_key=${KEY}&api_key=${KEY}`,
    `/?api_key=&api_key=${KEY}`,
  ])("is refused in %s", async (path) => {
    expect(reasonOf(await ask(query, { path, secrets: [KEY] }))).toBe(UNUSABLE);
  });

  test.each([`/?API_KEY=${KEY}`, `/?api_key[]=${KEY}`, `/api_key=${KEY}`])(
    "is not found in %s",
    async (path) => {
      expect((await ask(query, { path, secrets: [KEY] })).outcome.kind).toBe("no-credential");
    },
  );

  test.each(["__proto__", "constructor"])("may be in a parameter called %s", async (queryParam) => {
    const method = apikey({ keys: [KEY], queryParam });
    expect((await ask(method, { secrets: [] })).outcome.kind).toBe("no-credential");
    const path = `/?${queryParam}=${KEY}`;
    expect((await ask(method, { path, secrets: [] })).outcome.kind).toBe("authenticated");
  });

  test("counts only after the header: a bad key there is not passed over", async () => {
    const path = `/?api_key=${KEY}`;
    const headers = { "x-api-key": "wrong", authorization: `Bearer ${KEY}` };
    expect(reasonOf(await ask(query, { path, headers, secrets: [KEY] }))).toBe(UNKNOWN);
    const wrongQuery = { authorization: `Bearer ${KEY}` };
    const answer = await ask(query, {
      path: "/?api_key=wrong",
      headers: wrongQuery,
      secrets: [KEY],
    });
    expect(reasonOf(answer)).toBe(UNKNOWN);
  });

  test("counts as the header's when the same request has both", async () => {
    const request = { path: `/?api_key=${OTHER}`, headers: { "x-api-key": KEY }, secrets: [] };
    const { outcome } = await ask(query, request);
    expect(outcome).toMatchObject({ caller: { credential: { place: "header", text: KEY } } });
  });
});

describe("a key's life", () => {
  const seconds = 1_800_000_000;
  afterEach(() => jest.restoreAllMocks());

  test.each([seconds, new Date(seconds * 1000)])("ends at %p", async (expiresAt) => {
    const method = apikey({ keys: [{ id: "a", key: KEY, expiresAt }] });
    const clock = jest.spyOn(Date, "now").mockReturnValue(seconds * 1000 - 1);
    expect(principalOfAnswer(await ask(method, withKey(KEY))).expiresAt).toBe(seconds);
    clock.mockReturnValue(seconds * 1000);
    expect(reasonOf(await ask(method, withKey(KEY)))).toBe("the API key has expired");
  });

  test("may overlap with its successor's: both are the same caller", async () => {
    const method = apikey({
      keys: [
        { id: "a", key: KEY },
        { id: "a", key: OTHER },
      ],
    });
    const [old, next] = [await ask(method, withKey(KEY)), await ask(method, withKey(OTHER))];
    expect(principalOfAnswer(old).id).toBe(principalOfAnswer(next).id);
  });

  test("is reported at the start when the key is short, by its position", () => {
    const { warnings } = apikey({ keys: [KEY, "short", { id: "x", key: "shorter" }] });
    expect(warnings).toEqual([
      expect.stringMatching(/^auth\.options\.keys\[1\] is shorter than 16/),
      expect.stringMatching(/^auth\.options\.keys\[2\] is shorter than 16/),
    ]);
  });

  test("is reported at the start when keys may stand in URLs", () => {
    expect(apikey({ keys: [KEY], queryParam: "api_key" }).warnings).toEqual([
      expect.stringMatching(/^auth\.options\.queryParam puts keys into URLs/),
    ]);
  });
});

describe("verify", () => {
  const answering = (answer: unknown) =>
    apikey({ verify: () => answer as Promise<PrincipalInit | null> });

  test("is asked with the key, and only when no configured key matches", async () => {
    const verify = jest.fn((key: string) => Promise.resolve({ id: `holder of ${key.length}` }));
    const method = apikey({ keys: [KEY], verify });
    expect(principalOfAnswer(await ask(method, withKey(KEY))).id).toMatch(/^key-/);
    expect(verify).not.toHaveBeenCalled();
    expect(principalOfAnswer(await ask(method, withKey("1234"))).id).toBe("holder of 4");
    expect(verify.mock.calls).toEqual([["1234"]]);
  });

  test.each([null, undefined, Promise.resolve(null), Promise.resolve(undefined)])(
    "refuses a key with %p",
    async (answer) => {
      expect(reasonOf(await ask(answering(answer), withKey(KEY)))).toBe(UNKNOWN);
    },
  );

  test("lets a key in until it expires", async () => {
    expect((await ask(answering({ id: "a", expiresAt: 4e9 }), withKey(KEY))).status).toBe(200);
    const answer = await ask(answering({ id: "a", expiresAt: 1e9 }), withKey(KEY));
    expect(reasonOf(answer)).toBe("the API key has expired");
  });

  test.each([true, {}, { id: "" }, { id: 7 }, "alice"])(
    "lets nobody in without an id (%j), and that is no fault of the caller",
    async (answer) => {
      expect((await ask(answering(answer), withKey(KEY))).status).toBe(503);
    },
  );

  test("lets nobody in with false", async () => {
    expect((await ask(answering(false), withKey(KEY))).status).toBe(401);
  });

  test.each([
    [
      "throws",
      () => {
        throw new Error("database gone");
      },
    ],
    ["rejects", () => Promise.reject(new Error("database gone"))],
  ])("that %s is an outage, and only its kind is told", async (_how, verify) => {
    const answer = await ask(apikey({ verify }), withKey(KEY));
    expect(answer.status).toBe(503);
    expect(answer.everything).not.toContain("database");
    expect(answer.outcome).toMatchObject({
      kind: "unavailable",
      reason: "apikey failed while checking the credential: Error",
    });
  });

  test("whose error quotes the key does not bring it into the log", async () => {
    const failing = (key: string) => Promise.reject(new Error(`SELECT … WHERE key = '${key}'`));
    const answer = await ask(apikey({ verify: failing }), withKey(KEY));
    expect(answer.status).toBe(503);
    expect(answer.everything).not.toContain(KEY);
  });

  test.each([undefined, null])(
    "that rejects with %p is an outage all the same",
    async (nothing) => {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the case in question
      const answer = await ask(apikey({ verify: () => Promise.reject(nothing) }), withKey(KEY));
      expect(answer.status).toBe(503);
    },
  );

  test("that never answers is given up after timeoutMs", async () => {
    const verify = (): Promise<null> => new Promise(() => undefined);
    const answer = await ask(apikey({ verify, timeoutMs: 1 }), withKey(KEY));
    expect(answer.status).toBe(503);
  });
});
