import { createSecretKey } from "node:crypto";
import type { AuthMethod } from "../../../src/auth/auth-method.js";
import { findBearer } from "../../../src/auth/auth-method.js";
import type { PrincipalInit } from "../../../src/auth/principal.js";
import { McpSseError } from "../../../src/shared/errors.js";
import { createJwtStrategy } from "../../../strategies/jwt/jwt-strategy.js";
import type { JwtRules } from "../../../strategies/jwt/jwt-strategy.js";
import { forgedToken, SECRET, secretToken } from "../../kit/tokens.js";
import { ask, withToken, principalOfAnswer, reasonOf } from "../../kit/auth-probe.js";
import { cleanUpAfterEach } from "../../kit/clean-up.js";

const key = createSecretKey(SECRET, "utf8");

cleanUpAfterEach();

/** A method whose one strategy follows these rules. */
function methodOf(change: Partial<JwtRules>): AuthMethod {
  const rules: JwtRules = {
    keys: () => key,
    algorithms: ["HS256"],
    issuer: undefined,
    audience: undefined,
    clockTolerance: 0,
    requireExp: true,
    ...change,
  };
  return {
    name: "jwt",
    strategies: [createJwtStrategy(rules)],
    principal: (user) => user as PrincipalInit,
    findCredential: findBearer,
  };
}

describe("the source of a strategy's keys", () => {
  test("is asked with the header and the token, and may take its time", async () => {
    const keys = jest.fn(() => Promise.resolve(key));
    const token = secretToken();
    const answer = await ask(methodOf({ keys }), withToken(token));
    expect(principalOfAnswer(answer).id).toBe("alice");
    expect(keys.mock.calls).toEqual([[{ alg: "HS256", kid: undefined, typ: "JWT" }, token, true]]);
  });

  test.each(["opaque", forgedToken({ alg: "none" }, {}), forgedToken({ alg: "HS256" }, {})])(
    "is not asked about a token that cannot be good (%#)",
    async (token) => {
      const keys = jest.fn(() => key);
      expect((await ask(methodOf({ keys }), withToken(token))).status).toBe(401);
      expect(keys).not.toHaveBeenCalled();
    },
  );

  test("refuses a token with its own reason", async () => {
    const keys = () => Promise.reject(new McpSseError("invalid_token", "the key was revoked"));
    expect(reasonOf(await ask(methodOf({ keys }), withToken(secretToken())))).toBe(
      "the key was revoked",
    );
  });

  test.each([
    [
      "throws",
      () => {
        throw new Error("bug");
      },
    ],
    ["rejects", () => Promise.reject(new Error("bug"))],
  ])("that %s is an outage, never an invalid token", async (_how, keys) => {
    const answer = await ask(methodOf({ keys }), withToken(secretToken()));
    expect(answer).toMatchObject({ status: 503, retryAfter: "5" });
  });

  test("may take its time with a payload that jsonwebtoken chokes on", async () => {
    const token = forgedToken({ alg: "HS256", typ: "JWT" }, null, SECRET);
    const answer = await ask(methodOf({ keys: () => Promise.resolve(key) }), withToken(token));
    expect(reasonOf(answer)).toBe("the token is malformed");
  });
});

describe("a rule for claims", () => {
  test("sees verified claims only", async () => {
    const accept = jest.fn();
    await ask(methodOf({ accept }), withToken(secretToken({}, { secret: "another" })));
    await ask(methodOf({ accept }), withToken(secretToken({ exp: 1 })));
    expect(accept).not.toHaveBeenCalled();
    await ask(methodOf({ accept }), withToken(secretToken()));
    expect(accept).toHaveBeenCalledWith(expect.objectContaining({ sub: "alice" }));
  });

  test("refuses a token with its own reason", async () => {
    const accept = () => {
      throw new McpSseError("invalid_token", "that is no access token");
    };
    const answer = await ask(methodOf({ accept }), withToken(secretToken()));
    expect(reasonOf(answer)).toBe("that is no access token");
  });

  test("that has a bug lets nobody in, and calls no token invalid", async () => {
    const accept = () => {
      throw new Error("bug");
    };
    expect((await ask(methodOf({ accept }), withToken(secretToken()))).status).toBe(503);
  });
});
