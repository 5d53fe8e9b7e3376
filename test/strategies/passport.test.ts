import type { IncomingMessage } from "node:http";
import { BasicStrategy } from "passport-http";
import { Strategy as LocalStrategy } from "passport-local";
import type { PassportStrategy } from "../../src/auth/auth-method.js";
import { McpSseError, retryAfter } from "../../src/shared/errors.js";
import { fromPassport } from "../../strategies/passport.js";
import type { FromPassportOptions } from "../../strategies/passport.js";
import { ask, withToken, principalOfAnswer, reasonOf } from "../kit/auth-probe.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";

cleanUpAfterEach();

/** All that Passport lets a strategy do. */
interface Actions {
  success(user: unknown, info?: unknown): void;
  fail(info?: unknown, status?: number): void;
  error(error: unknown): void;
  redirect(url: string): void;
  pass(): void;
}

function strategyThat(act: (actions: Actions, req: IncomingMessage) => unknown): PassportStrategy {
  return {
    name: "custom",
    authenticate(this: Actions, req: IncomingMessage) {
      return act(this, req);
    },
  };
}

const principal = (user: unknown) => ({ id: String((user as { id?: unknown }).id) });
const method = (act: (actions: Actions) => unknown, options: Partial<FromPassportOptions> = {}) =>
  fromPassport(strategyThat(act), { principal, ...options });

describe("an answer of a strategy", () => {
  const request = withToken("some-credential");

  test("success lets the caller in", async () => {
    const answer = await ask(
      method((self) => self.success({ id: "alice" })),
      request,
    );
    expect(principalOfAnswer(answer)).toMatchObject({ id: "alice", method: "custom" });
  });

  test("success twice counts once, and the first time", async () => {
    const twice = method((self) => {
      self.success({ id: "alice" });
      self.success({ id: "bob" });
      self.fail();
      self.error(new Error("late"));
    });
    expect(principalOfAnswer(await ask(twice, request)).id).toBe("alice");
  });

  test("a refusal is not undone by a success after it", async () => {
    const mixed = method((self) => {
      self.fail();
      self.success({ id: "alice" });
    });
    expect((await ask(mixed, request)).status).toBe(401);
  });

  test.each([undefined, null, false, 0, ""])("success with %p lets nobody in", async (user) => {
    expect(
      (
        await ask(
          method((self) => self.success(user)),
          request,
        )
      ).status,
    ).toBe(401);
  });

  test("fail is 401, with the strategy's own challenge", async () => {
    const answer = await ask(
      method((self) => self.fail('Ticket realm="x"')),
      request,
    );
    expect(answer).toMatchObject({ status: 401, challenge: 'Ticket realm="x"' });
    expect(reasonOf(answer)).toBe("custom refused the credential");
  });

  test("fail with words for a person keeps them from the client", async () => {
    const info = { message: "password of alice is wrong" };
    const answer = await ask(
      method((self) => self.fail(info)),
      request,
    );
    expect(answer.status).toBe(401);
    expect(answer.everything).not.toContain("alice");
  });

  test("fail with an error of this package says more", async () => {
    const saying = (error: McpSseError) =>
      ask(
        method((self) => self.fail(error)),
        request,
      );
    expect(reasonOf(await saying(new McpSseError("invalid_token", "revoked")))).toBe("revoked");
    expect((await saying(new McpSseError("insufficient_scope", "no"))).status).toBe(403);
    const headers = retryAfter(7);
    const down = new McpSseError("temporarily_unavailable", "the directory is down", { headers });
    expect(await saying(down)).toMatchObject({ status: 503, retryAfter: "7" });
  });

  test("fail with 403 is 403, and with 400 is 401", async () => {
    const with403 = method((self) => self.fail(undefined, 403));
    expect((await ask(with403, request)).status).toBe(403);
    expect(
      (
        await ask(
          method((self) => self.fail(undefined, 400)),
          request,
        )
      ).status,
    ).toBe(401);
  });

  test("error is 503, and only its kind is told", async () => {
    const answer = await ask(
      method((self) => self.error(new Error("ldap: gone"))),
      request,
    );
    expect(answer).toMatchObject({ status: 503, challenge: "" });
    expect(answer.everything).not.toContain("ldap");
    expect(answer.outcome).toMatchObject({
      reason: "custom failed while checking the credential: Error",
    });
  });

  test.each([
    [
      "a throw",
      () => {
        throw new Error("bug");
      },
    ],
    ["a rejection", () => Promise.reject(new Error("bug"))],
  ])("%s is 503, never an invalid credential", async (_what, act) => {
    const answer = await ask(method(act), request);
    expect(answer).toMatchObject({ status: 503, challenge: "" });
  });

  test.each([undefined, null, 0, "", "down", { code: "E" }])("error(%p) is 503", async (error) => {
    const failing = method((self) => self.error(error));
    expect(await ask(failing, request)).toMatchObject({ status: 503, challenge: "" });
  });

  test("a failure without a challenge is answered with the strategy's name as the scheme", async () => {
    const answer = await ask(
      method((self) => self.fail(400)),
      request,
    );
    expect(answer).toMatchObject({ status: 401, challenge: 'custom realm="mcp"' });
  });

  test("redirect is 401, and nobody is sent anywhere", async () => {
    const answer = await ask(
      method((self) => self.redirect("https://login.example/")),
      request,
    );
    expect(reasonOf(answer)).toBe("custom wants an interactive login");
    expect(answer.everything).not.toContain("login.example");
  });

  test("pass is 401", async () => {
    expect(
      reasonOf(
        await ask(
          method((self) => self.pass()),
          request,
        ),
      ),
    ).toBe("custom did not decide");
  });

  test("no answer within timeoutMs is 503", async () => {
    const silent = method(() => undefined, { timeoutMs: 1 });
    expect(await ask(silent, request)).toMatchObject({ status: 503 });
  });
});

describe("the principal of a user", () => {
  const accepting = strategyThat((self) => self.success({ id: 7 }, { scope: "read" }));

  test("is made of what the strategy succeeded with, also asynchronously", async () => {
    const made = fromPassport(accepting, {
      name: "staff",
      principal: async (user, info) => ({ ...principal(user), claims: { info } }),
    });
    expect(principalOfAnswer(await ask(made, { secrets: [] }))).toMatchObject({
      id: "7",
      method: "staff",
      claims: { info: { scope: "read" } },
    });
  });

  test("may be written for the strategy's own type of user", () => {
    const made = fromPassport(accepting, {
      principal: (user: { id: number }) => ({ id: `${user.id}` }),
    });
    expect(made.name).toBe("custom");
  });

  test.each([
    [
      "throws",
      () => {
        throw new Error("no such table");
      },
    ],
    ["rejects", () => Promise.reject(new Error("no such table"))],
    ["has no id", () => ({}) as { id: string }],
    ["is nothing", () => undefined as unknown as { id: string }],
  ])("that %s is a mistake of the server: 503, and nobody is let in", async (_what, broken) => {
    const answer = await ask(fromPassport(accepting, { principal: broken }), { secrets: [] });
    expect(answer.status).toBe(503);
    expect(answer.text).not.toContain("table");
  });
});

describe("passport-http's Basic", () => {
  const strategy = new BasicStrategy({ realm: "staff" }, (user, password, done) => {
    done(null, password === "right" ? { id: user } : false);
  });
  const send = (options: Partial<FromPassportOptions>, authorization?: string) =>
    ask(fromPassport(strategy, { principal, ...options }), {
      headers: authorization === undefined ? {} : { authorization },
      secrets: [],
    });
  const encode = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;

  test("lets a user in", async () => {
    expect(principalOfAnswer(await send({}, encode("alice:right")))).toMatchObject({
      method: "basic",
    });
  });

  test("challenges with its own realm", async () => {
    expect(await send({})).toMatchObject({ status: 401, challenge: 'Basic realm="staff"' });
    const wrong = await send({}, encode("alice:wrong"));
    expect(wrong).toMatchObject({ status: 401, challenge: 'Basic realm="staff"' });
    expect(wrong.outcome.kind).toBe("invalid");
  });

  test("challenges as the option says, also when the strategy says nothing", async () => {
    const challenge = 'Basic realm="mcp", charset="UTF-8"';
    for (const authorization of [undefined, encode("alice:wrong"), "Basic"]) {
      expect(await send({ challenge }, authorization)).toMatchObject({ status: 401, challenge });
    }
  });
});

describe("a strategy that reads a body", () => {
  test("finds none, and refuses", async () => {
    const local = new LocalStrategy((_user, _password, done) => done(null, { id: "anyone" }));
    const challenge = { scheme: "Form" };
    const made = fromPassport(local, { principal, challenge });
    expect((await ask(made, { secrets: [] })).status).toBe(401);
  });
});

describe("options of fromPassport that are wrong", () => {
  const good = strategyThat(() => undefined);
  const cases: Record<string, [strategy: unknown, options: unknown, message: RegExp]> = {
    "no strategy": [undefined, { principal }, /first argument must be a Passport strategy/],
    "a class": [BasicStrategy, { principal }, /Pass an instance: new BasicStrategy/],
    "no options": [good, undefined, /fromPassport options must be an object/],
    "no principal": [good, {}, /principal must be a function\. Write \(user\) =>/],
    "no name anywhere": [{ authenticate: () => undefined }, { principal }, /no name of its own/],
    "an empty name": [good, { principal, name: "" }, /name must be a non-empty string/],
    "a challenge that is none": [
      good,
      { principal, challenge: 'Basic realm=staff"' },
      /is no challenge/,
    ],
    "a challenge with a line break": [
      good,
      { principal, challenge: 'Basic realm="x"\r\nSet-Cookie: a=b' },
      /is no challenge/,
    ],
    "a scheme with a space": [good, { principal, challenge: { scheme: "a b" } }, /is no challenge/],
    "an empty challenge": [good, { principal, challenge: "" }, /is no challenge/],
    "a number as challenge": [good, { principal, challenge: 7 }, /is no challenge/],
    "findCredential as text": [good, { principal, findCredential: "x" }, /must be a function/],
    "nowhere to search": [good, { principal, searched: [] }, /searched is an empty list/],
    "a misspelt option": [good, { principal, scope: "x" }, /scope is not an option/],
  };

  test.each(Object.entries(cases))(
    "%s: a TypeError says what to write",
    (_what, [strategy, options, message]) => {
      const build = () =>
        fromPassport(strategy as PassportStrategy, options as FromPassportOptions);
      expect(build).toThrow(TypeError);
      expect(build).toThrow(message);
    },
  );
});

describe("options of fromPassport that are right", () => {
  test("become the members of the method", () => {
    const findCredential = () => undefined;
    const made = fromPassport(
      strategyThat(() => undefined),
      {
        principal,
        challenge: 'Digest realm="a b", qop="auth"',
        searched: "X-Ticket",
        requestHeaders: ["X-Ticket"],
        scopes: ["read"],
        timeoutMs: 500,
        findCredential,
      },
    );
    expect(made).toMatchObject({
      challenge: { scheme: "Digest", params: { realm: "a b", qop: "auth" } },
      searched: ["X-Ticket"],
      requestHeaders: ["X-Ticket"],
      scopes: { required: ["read"] },
      timeoutMs: 500,
    });
  });
});
