import {
  TokenIntrospection,
  claimsOf,
  countsUntil,
} from "../../../strategies/oauth/introspection.js";
import type { TokenIntrospectionOptions } from "../../../strategies/oauth/introspection.js";
import { IssuerDiscovery } from "../../../strategies/oauth/discovery.js";
import { faults, startFakeIssuer } from "../../kit/fake-issuer.js";
import type { FakeIssuer } from "../../kit/fake-issuer.js";
import { printed } from "../../kit/leak-watch.js";
import { rejectionOf } from "../../kit/auth-probe.js";

const TOKEN = "opaque-token-8f2c";
const SECRET = "rs-secret-5d1e";

let issuer: FakeIssuer;
let clock = 0;

beforeEach(async () => {
  clock = 1_800_000_000_000;
  issuer = await startFakeIssuer({ path: "/realms/a" });
  issuer.clients.set("resource-server", SECRET);
  issuer.tokens.set(TOKEN, { active: true, sub: "user-1", scope: "mcp:read" });
});
afterEach(async () => await issuer.stop());

function introspection(options: Partial<TokenIntrospectionOptions> = {}): TokenIntrospection {
  const discovery = new IssuerDiscovery({ issuerUrl: issuer.url, now: () => clock });
  return new TokenIntrospection({
    metadata: async () => await discovery.metadata(),
    clientId: "resource-server",
    clientSecret: SECRET,
    now: () => clock,
    ...options,
  });
}

/** How long the issuer is waited for; nothing else here waits as long. */
const PATIENCE_MS = 4_999;

/** Has these waits end soon, until the returned function is called. */
function losePatience(): () => void {
  const timeout = AbortSignal.timeout.bind(AbortSignal);
  const spy = jest
    .spyOn(AbortSignal, "timeout")
    .mockImplementation((ms) => timeout(ms === PATIENCE_MS ? 20 : ms));
  return () => spy.mockRestore();
}

const asked = () => issuer.requestsTo("introspection").length;

describe("OAUTH-10: an introspection request", () => {
  it("is a form with the token and a hint, which asks for JSON", async () => {
    await rejectionOf(introspection().introspect("a token/with+signs=&more"));

    const request = await issuer.received("introspection");
    expect(request.method).toBe("POST");
    expect(request.body).toBe(
      "token=a+token%2Fwith%2Bsigns%3D%26more&token_type_hint=access_token",
    );
    expect(request.headers["content-type"]).toBe("application/x-www-form-urlencoded");
    expect(request.headers.accept).toBe("application/json");
  });

  it("authenticates in the header unless the issuer says otherwise", async () => {
    await introspection().introspect(TOKEN);

    const { headers, form } = await issuer.received("introspection");
    const basic = Buffer.from(`resource-server:${SECRET}`).toString("base64");
    expect(headers.authorization).toBe(`Basic ${basic}`);
    expect(form.has("client_secret")).toBe(false);
  });

  it("encodes id and secret before it joins them with a colon", async () => {
    const clientId = "https://mcp.example.com:8443/a b";
    const clientSecret = "s:e%c+r/e t~é";
    issuer.clients.set(clientId, clientSecret);

    await introspection({ clientId, clientSecret }).introspect(TOKEN);

    const { headers } = await issuer.received("introspection");
    expect(Buffer.from(headers.authorization!.slice(6), "base64").toString()).toBe(
      "https%3A%2F%2Fmcp.example.com%3A8443%2Fa+b:s%3Ae%25c%2Br%2Fe+t%7E%C3%A9",
    );
  });

  it.each([
    ["the introspection endpoint", "introspection_endpoint_auth_methods_supported"],
    ["the token endpoint", "token_endpoint_auth_methods_supported"],
  ])("authenticates in the body when %s takes only that", async (_, field) => {
    issuer.metadata = { [field]: ["private_key_jwt", "client_secret_post"] };

    expect(await introspection().introspect(TOKEN)).toMatchObject({ sub: "user-1" });

    const { headers, form } = await issuer.received("introspection");
    expect(headers.authorization).toBeUndefined();
    expect(form.get("client_id")).toBe("resource-server");
    expect(form.get("client_secret")).toBe(SECRET);
  });

  it("prefers the header when the issuer takes both", async () => {
    issuer.metadata = {
      introspection_endpoint_auth_methods_supported: ["client_secret_post", "client_secret_basic"],
      token_endpoint_auth_methods_supported: ["client_secret_post"],
    };

    await introspection().introspect(TOKEN);

    expect((await issuer.received("introspection")).headers.authorization).toMatch(/^Basic /);
  });

  it("is not sent when the issuer takes no client secret", async () => {
    issuer.metadata = { introspection_endpoint_auth_methods_supported: ["private_key_jwt"] };

    const error = await rejectionOf(introspection().introspect(TOKEN));

    expect(error.code).toBe("temporarily_unavailable");
    expect(String(error.cause)).toContain("neither client_secret_basic nor client_secret_post");
    expect(asked()).toBe(0);
  });

  it.each([
    ["an empty text", ""],
    ["a line break", "a\nb"],
    ["a control character", "a\0"],
    ["text beyond ASCII", "tökén"],
  ])("is not sent for %s, which is no token", async (_, token) => {
    const error = await rejectionOf(introspection().introspect(token));

    expect(error.code).toBe("invalid_token");
    expect(asked()).toBe(0);
  });
});

describe("OAUTH-10: an introspection answer", () => {
  it("gives the claims of an active token", async () => {
    const exp = clock / 1000 + 60;
    issuer.tokens.set(TOKEN, { active: true, sub: "user-1", aud: ["a"], exp, realm: { id: 1 } });

    const claims = await introspection().introspect(TOKEN);

    expect(claims).toEqual({ sub: "user-1", aud: ["a"], exp, realm: { id: 1 } });
  });

  it("cannot be changed by those who share it", async () => {
    issuer.tokens.set(TOKEN, { active: true, aud: ["a"], realm: { roles: ["user"] } });

    const claims = await introspection().introspect(TOKEN);

    expect(Object.isFrozen(claims)).toBe(true);
    expect(() => (claims["aud"] as string[]).push("b")).toThrow(TypeError);
    const realm = claims["realm"] as { roles: string[] };
    expect(() => realm.roles.push("admin")).toThrow(TypeError);
  });

  it("refuses a token that is not active", async () => {
    issuer.tokens.set(TOKEN, { active: false });

    const error = await rejectionOf(introspection().introspect(TOKEN));

    expect(error.code).toBe("invalid_token");
    expect(error.message).toBe("the issuer says that the token is not active");
  });

  it.each([{}, { active: "true" }, { active: 1 }, { active: null }, { active: "false" }])(
    "is an outage and no verdict when it is %j",
    async (answer) => {
      issuer.tokens.set(TOKEN, { ...answer, sub: "user-1" });

      const error = await rejectionOf(introspection().introspect(TOKEN));

      expect(error.code).toBe("temporarily_unavailable");
      expect(String(error.cause)).toContain('answered without a boolean "active"');
    },
  );

  it.each([
    ["401", faults.status(401), "answered 401, asked as a client with client_secret_basic"],
    ["403", faults.status(403), "answered 403, asked as a client with client_secret_basic"],
    ["500", faults.status(500), "answered 500"],
    ["a page instead of JSON", faults.invalidJson(), "answered something that is no JSON"],
    ["a signed answer", faults.body("eyJhbGciOiJSUzI1NiJ9.e30.c2ln"), "that is no JSON"],
    ["a list", faults.body('[{"active":true}]'), "answered JSON that is no object"],
    ["an endless body", faults.endless(), "answered more than 65536 bytes"],
    ["a redirect", faults.redirect("http://127.0.0.1:9/"), "answered 302"],
    ["a reset", faults.reset(), "could not be reached"],
    ["no answer", faults.hang(), `did not answer within ${PATIENCE_MS} ms`],
    ["half an answer", faults.stall(), `did not answer within ${PATIENCE_MS} ms`],
  ])("that is %s leaves the token unjudged", async (_, fault, cause) => {
    issuer.fail("introspection", fault);
    const asking = introspection({ timeoutMs: PATIENCE_MS });

    const regainPatience = cause.startsWith("did not answer") ? losePatience() : undefined;
    const error = await rejectionOf(asking.introspect(TOKEN));
    regainPatience?.();

    expect(error.code).toBe("temporarily_unavailable");
    expect(error.headers).toEqual({ "Retry-After": "5" });
    expect(error.message).toBe("the issuer cannot be asked about the token");
    expect(String(error.cause)).toContain(`${issuer.url}/introspect `);
    expect(String(error.cause)).toContain(cause);

    issuer.heal();
    expect(await asking.introspect(TOKEN)).toMatchObject({ sub: "user-1" });
  });

  it("takes no token and no secret elsewhere with a redirect", async () => {
    const elsewhere = await startFakeIssuer();
    issuer.fail("introspection", faults.status(307, { location: `${elsewhere.url}/introspect` }));

    await rejectionOf(introspection().introspect(TOKEN));

    expect(elsewhere.requests).toHaveLength(0);
    await elsewhere.stop();
  });

  it("is an outage when the issuer cannot be found, or names no endpoint for it", async () => {
    issuer.metadata = { introspection_endpoint: undefined };
    const without = await rejectionOf(introspection().introspect(TOKEN));
    expect(String(without.cause)).toContain("names no introspection_endpoint");

    await issuer.stop();
    const down = await rejectionOf(introspection().introspect(TOKEN));
    expect(down.message).toBe("the issuer cannot be reached");
    expect([without.code, down.code]).toEqual([
      "temporarily_unavailable",
      "temporarily_unavailable",
    ]);
  });
});

describe("OAUTH-10: how often an issuer is asked about a token", () => {
  it("joins look-ups of one token that happen together, and only of one", async () => {
    issuer.tokens.set("other", { active: true, sub: "user-2" });
    const asking = introspection({ cacheMs: 0 });
    const release = issuer.hold("introspection");
    const same = Array.from({ length: 50 }, async () => await asking.introspect(TOKEN));
    const other = asking.introspect("other");
    await issuer.received("introspection", 2);
    release();

    for (const claims of await Promise.all(same)) expect(claims["sub"]).toBe("user-1");
    expect((await other)["sub"]).toBe("user-2");
    expect(asked()).toBe(2);
  });

  it("joins those that fail, and asks again afterwards", async () => {
    const asking = introspection();
    issuer.fail("introspection", faults.status(500));
    const release = issuer.hold("introspection");
    const lookups = Array.from(
      { length: 5 },
      async () => await rejectionOf(asking.introspect(TOKEN)),
    );
    await issuer.received("introspection");
    release();
    await Promise.all(lookups);
    expect(asked()).toBe(1);

    issuer.heal();
    await asking.introspect(TOKEN);
    expect(asked()).toBe(2);
  });

  it("counts an answer for 30 seconds from the question, and a revoked token no longer than that", async () => {
    const asking = introspection();
    const release = issuer.hold("introspection");
    const first = asking.introspect(TOKEN);
    await issuer.received("introspection");
    clock += 10_000;
    release();
    await first;
    issuer.tokens.set(TOKEN, { active: false });

    clock += 19_999;
    expect(await asking.introspect(TOKEN)).toMatchObject({ sub: "user-1" });
    expect(asked()).toBe(1);

    clock += 1;
    expect((await rejectionOf(asking.introspect(TOKEN))).code).toBe("invalid_token");
    expect(asked()).toBe(2);
  });

  it("never counts an answer past the token's exp", async () => {
    issuer.tokens.set(TOKEN, { active: true, exp: clock / 1000 + 10 });
    const asking = introspection();
    await asking.introspect(TOKEN);

    clock += 9999;
    await asking.introspect(TOKEN);
    expect(asked()).toBe(1);

    clock += 1;
    await asking.introspect(TOKEN);
    await asking.introspect(TOKEN);
    expect(asked()).toBe(3);
  });

  it("counts nothing with introspectionCacheMs 0", async () => {
    const asking = introspection({ cacheMs: 0 });
    await asking.introspect(TOKEN);
    await asking.introspect(TOKEN);
    issuer.tokens.set(TOKEN, { active: false });
    await rejectionOf(asking.introspect(TOKEN));
    await rejectionOf(asking.introspect(TOKEN));

    expect(asked()).toBe(4);
  });

  it("counts nothing after the clock was set back", async () => {
    const asking = introspection();
    await asking.introspect(TOKEN);

    clock -= 3_600_000;
    await asking.introspect(TOKEN);

    expect(asked()).toBe(2);
  });

  it("remembers for 5 seconds that a token is not active", async () => {
    issuer.tokens.set(TOKEN, { active: false });
    const asking = introspection();
    await rejectionOf(asking.introspect(TOKEN));
    clock += 4999;
    expect((await rejectionOf(asking.introspect(TOKEN))).code).toBe("invalid_token");
    expect(asked()).toBe(1);

    issuer.tokens.set(TOKEN, { active: true, sub: "user-1" });
    clock += 1;
    expect(await asking.introspect(TOKEN)).toMatchObject({ sub: "user-1" });
  });

  it("forgets the oldest answer when there are too many", async () => {
    const asking = introspection({ maxEntries: 2 });
    for (const token of ["one", "two", "three"]) {
      issuer.tokens.set(token, { active: true });
      await asking.introspect(token);
    }

    await asking.introspect("three");
    await asking.introspect("two");
    expect(asked()).toBe(3);
    await asking.introspect("one");
    expect(asked()).toBe(4);
  });

  it("keeps what it knows of real tokens in a flood of invented ones", async () => {
    const asking = introspection({ maxEntries: 3 });
    await asking.introspect(TOKEN);
    for (let count = 0; count < 20; count++) {
      await rejectionOf(asking.introspect(`invented-${count}`));
    }

    await asking.introspect(TOKEN);

    expect(asked()).toBe(21);
  });
});

describe("OAUTH-10: secrets", () => {
  it("are in no error and no print, whatever goes wrong", async () => {
    const all = [
      faults.status(401),
      faults.status(500),
      faults.invalidJson(),
      faults.body(JSON.stringify({ error: `${SECRET} ${TOKEN}` })),
      faults.body(`${SECRET} ${TOKEN}`),
      faults.redirect(`https://evil.example/${TOKEN}`),
      faults.reset(),
      faults.hang(),
    ];
    const encoded = Buffer.from(`resource-server:${SECRET}`).toString("base64");
    for (const fault of all) {
      issuer.fail("introspection", fault);
      const asking = introspection({ timeoutMs: 200 });
      const error = await rejectionOf(asking.introspect(TOKEN));
      for (const secret of [TOKEN, SECRET, encoded]) {
        expect(printed(error)).not.toContain(secret);
        expect(printed(asking)).not.toContain(secret);
      }
    }
  });

  it("are in no print of an object that holds answers", async () => {
    const asking = introspection();
    await asking.introspect(TOKEN);

    for (const secret of [TOKEN, SECRET, "user-1"]) expect(printed(asking)).not.toContain(secret);
  });
});

describe("OAUTH-10: claimsOf", () => {
  it("freezes an answer however deep it is nested", () => {
    const depth = 20_000;
    const deep = JSON.parse(`{"active":true,"x":${"[".repeat(depth)}${"]".repeat(depth)}}`);

    expect(Object.isFrozen(claimsOf(deep)?.["x"])).toBe(true);
  });

  it("takes a claim named __proto__ for a claim", () => {
    const claims = claimsOf(JSON.parse('{"active":true,"__proto__":{"admin":true}}'));

    expect(claims).not.toHaveProperty("admin");
    expect(Object.getPrototypeOf(claims)).toBe(Object.prototype);
  });

  it("does not take an inherited active", () => {
    expect(() => claimsOf(JSON.parse('{"__proto__":{"active":true}}'))).toThrow("boolean");
  });
});

describe("OAUTH-10: countsUntil", () => {
  it.each<[string, unknown, number]>([
    ["no exp", undefined, 1030],
    ["a later exp", 2, 1030],
    ["an earlier exp", 1.01, 1010],
    ["a past exp", 0, 0],
    ["an exp that is text", "2", 1000],
    ["an exp that is null", null, 1000],
  ])("is right for %s", (_, exp, expected) => {
    expect(countsUntil(exp === undefined ? {} : { exp }, 1000, 30)).toBe(expected);
  });
});
