import type { IncomingMessage } from "node:http";
import type { AuthMethod } from "../../../src/auth/auth-method.js";
import { authMethodContract } from "../../../strategies/contract.js";
import type { AuthMethodFixture } from "../../../strategies/contract.js";
import type { ActiveStrategy } from "../../../strategies/shared/translate-failures.js";
import { McpSseError } from "../../../src/shared/errors.js";
import { withToken } from "../../kit/auth-probe.js";

let isDown = false;

const HOLDERS = new Map([
  ["alice-token-1", "alice"],
  ["alice-token-2", "alice"],
  ["bob-token-1", "bob"],
]);

const tokenOf = (req: IncomingMessage): string => (req.headers.authorization ?? "").slice(7);

/** A method that is right, as far as the contract goes. */
const sound: AuthMethod = {
  name: "sound",
  strategies: [
    {
      async authenticate(this: ActiveStrategy, req: IncomingMessage): Promise<void> {
        await new Promise((resolve) => setImmediate(resolve));
        if (isDown) throw new Error("down");
        const holder = HOLDERS.get(tokenOf(req));
        if (holder !== undefined) this.success(holder);
        else this.fail(tokenOf(req) && new McpSseError("invalid_token", "unknown"));
      },
    },
  ],
  principal: (user) => ({ id: user as string }),
  challenge: { scheme: "Bearer" },
};

function fixtureOf(
  change: Partial<AuthMethod>,
  heldSecrets: readonly string[] = [],
): AuthMethodFixture {
  return {
    create: () => ({ ...sound, ...change }),
    heldSecrets,
    good: () => withToken("alice-token-1"),
    refreshed: () => withToken("alice-token-2"),
    other: () => withToken("bob-token-1"),
    refused: { "an unknown token": () => withToken("nobody-token-1") },
    lackingScope: {
      create: () => ({ ...sound, scopes: { required: ["write"] }, ...change }),
      request: () => withToken("alice-token-1"),
    },
    outage: { begin: () => void (isDown = true), end: () => void (isDown = false) },
  };
}

async function failuresOf(fixture: AuthMethodFixture): Promise<readonly string[]> {
  const failures: string[] = [];
  for (const { name, run } of authMethodContract(fixture)) {
    await run().catch(() => failures.push(name));
  }
  return failures;
}

/** A strategy that answers as the function says. */
function answering(act: (strategy: ActiveStrategy, token: string) => void): Partial<AuthMethod> {
  return {
    strategies: [
      {
        authenticate(this: ActiveStrategy, req: IncomingMessage): void {
          act(this, tokenOf(req));
        },
      },
    ],
  };
}

test("a method that keeps the contract passes every check", async () => {
  expect(await failuresOf(fixtureOf({}))).toEqual([]);
});

test.each<[what: string, change: Partial<AuthMethod>, check: string]>([
  [
    "lets everyone in",
    answering((self) => self.success("alice")),
    "refuses an unknown token with 401, and shows nothing of it",
  ],
  [
    "lets nobody in",
    answering((self) => self.fail()),
    "lets a good credential in, with a frozen principal that has an id",
  ],
  [
    "judges by a prefix",
    answering((self, token) =>
      /^(alice|bob)/.test(token) ? self.success(token.split("-")[0]) : self.fail(),
    ),
    "refuses a credential that was cut off",
  ],
  [
    "counts milliseconds",
    { principal: (user) => ({ id: user as string, expiresAt: Date.now() }) },
    "lets a good credential in, with a frozen principal that has an id",
  ],
  [
    "gives every caller one id",
    { principal: () => ({ id: "user" }) },
    "tells callers apart, also at the same time",
  ],
  [
    "makes the token the id",
    answering((self, token) => (HOLDERS.has(token) ? self.success(token) : self.fail())),
    "knows a caller again by another credential",
  ],
  [
    "echoes the token in its reason",
    answering((self, token) => self.fail(new McpSseError("invalid_token", `unknown: ${token}`))),
    "refuses an unknown token with 401, and shows nothing of it",
  ],
  [
    "keeps the token in the claims",
    {
      ...answering((self, token) => self.success(token)),
      principal: (user) => ({ id: "x", claims: { user } }),
    },
    "keeps a good credential out of the principal",
  ],
  [
    "calls an outage invalid",
    answering((self) => (isDown ? self.fail() : self.success("alice"))),
    "answers an outage with 503, and recovers by itself",
  ],
  [
    "takes a bad credential for an outage",
    answering((self) => self.error(new Error("unknown"))),
    "refuses malformed requests with 401",
  ],
  [
    "writes on the request",
    { findCredential: (req) => void ((req as { user?: unknown }).user = "alice") },
    "leaves no trace of Passport on the request",
  ],
  [
    "forgets its scopes",
    { scopes: { required: ["write"], satisfies: () => true } },
    "answers a caller without a needed scope with 403",
  ],
])("a method that %s is caught", async (_what, change, check) => {
  expect(await failuresOf(fixtureOf(change))).toContain(check);
});

test("a method that keeps one request's caller on the shared strategy is caught", async () => {
  let lastHolder: string | undefined;
  const strategy = {
    async authenticate(this: ActiveStrategy, req: IncomingMessage): Promise<void> {
      lastHolder = HOLDERS.get(tokenOf(req));
      await new Promise((resolve) => setImmediate(resolve));
      if (lastHolder === undefined) this.fail();
      else this.success(lastHolder);
    },
  };
  expect(await failuresOf(fixtureOf({ strategies: [strategy] }))).toContain(
    "tells callers apart, also at the same time",
  );
});

test("a method that shows what it holds is caught", async () => {
  const leaking = { keys: ["held-secret-1"] } as Partial<AuthMethod>;
  expect(await failuresOf(fixtureOf(leaking, ["held-secret-1"]))).toEqual([
    "shows none of its secrets when it is printed",
  ]);
});

test("a part that does not apply has no check", () => {
  const none = { notApplicable: "in this test" };
  const fixture = {
    ...fixtureOf({}),
    refreshed: none,
    other: none,
    lackingScope: none,
    outage: none,
  };
  const names = authMethodContract(fixture).map(({ name }) => name);
  expect(names).toHaveLength(authMethodContract(fixtureOf({})).length - 4);
  expect(names).not.toContain("answers an outage with 503, and recovers by itself");
});

test("a fixture that refuses nothing is refused itself", () => {
  expect(() => authMethodContract({ ...fixtureOf({}), refused: {} })).toThrow(/refuses nothing/);
});
