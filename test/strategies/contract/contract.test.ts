import { hash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { BasicStrategy } from "passport-http";
import type { FoundCredential } from "../../../src/auth/auth-method.js";
import { McpSseError } from "../../../src/shared/errors.js";
import { apikey } from "../../../strategies/apikey.js";
import { authMethodContract } from "../../../strategies/contract.js";
import type { AuthMethodFixture, ContractRequest } from "../../../strategies/contract.js";
import { jwt } from "../../../strategies/jwt.js";
import { fromPassport } from "../../../strategies/passport.js";
import type { ActiveStrategy } from "../../../strategies/shared/translate-failures.js";
import { JwksServer } from "../../kit/jwks-server.js";
import { ecKey, keyToken, rsaKey, SECRET, secretToken } from "../../kit/tokens.js";
import { withToken, withKey } from "../../kit/auth-probe.js";

const rsa = rsaKey("rsa-1");
const ec = ecKey("ec-1");
const stranger = rsaKey("rsa-1");
let host: JwksServer;

beforeAll(async () => {
  host = await JwksServer.start(rsa, ec);
});
afterAll(async () => {
  await host.stop();
});

const jwtSecret: AuthMethodFixture = {
  create: () => jwt({ secret: SECRET, algorithms: ["HS256"] }),
  heldSecrets: [SECRET],
  good: () => withToken(secretToken()),
  refreshed: () => withToken(secretToken({ exp: Math.floor(Date.now() / 1000) + 900 })),
  other: () => withToken(secretToken({ sub: "bob" })),
  refused: {
    "a token signed with another secret": () =>
      withToken(secretToken({}, { secret: "x".repeat(32) })),
    "an expired token": () => withToken(secretToken({ exp: 1_700_000_000 })),
    "an opaque token": () => withToken("opaque-access-token"),
  },
  lackingScope: {
    create: () => jwt({ secret: SECRET, algorithms: ["HS256"], scopes: ["mcp:write"] }),
    request: () => withToken(secretToken({ scope: "mcp:read mcp:writer" })),
  },
  outage: { notApplicable: "the secret is at hand" },
};

const jwtPublicKey: AuthMethodFixture = {
  ...jwtSecret,
  create: () => jwt({ publicKey: rsa.publicPem, algorithms: ["RS256"] }),
  good: () => withToken(keyToken(rsa)),
  refreshed: () => withToken(keyToken(rsa)),
  other: () => withToken(keyToken(rsa, { sub: "bob" })),
  refused: { "a token signed with another key": () => withToken(keyToken(stranger)) },
  lackingScope: {
    create: () => jwt({ publicKey: rsa.publicPem, algorithms: ["RS256"], scopes: ["mcp:write"] }),
    request: () => withToken(keyToken(rsa)),
  },
};

const jwtJwks: AuthMethodFixture = {
  ...jwtPublicKey,
  create: () => jwt({ jwksUri: host.url, algorithms: ["RS256", "ES256"] }),
  refreshed: () => withToken(keyToken(ec)),
  refused: {
    ...jwtPublicKey.refused,
    "a token with an unknown key id": () => withToken(keyToken(rsa, {}, { kid: "made-up" })),
  },
  lackingScope: { notApplicable: "the same as with a public key" },
  outage: { notApplicable: "its end is a matter of time; see issuer-keys.test.ts" },
};

const ALICE_KEY = "alice-key-0123456789";
const BOB_KEY = "bob-key-0123456789";
const digest = (text: string): string => hash("sha256", text, "hex");

const apiKeyHeader: AuthMethodFixture = {
  create: () =>
    apikey({
      keys: [
        { id: "alice", key: ALICE_KEY },
        { id: "alice", sha256: digest("alice-key-of-tomorrow") },
        BOB_KEY,
        { id: "carol", key: "carol-key-0123456789", expiresAt: 1_700_000_000 },
      ],
    }),
  heldSecrets: [ALICE_KEY, BOB_KEY, digest(ALICE_KEY)],
  good: () => withKey(ALICE_KEY),
  refreshed: () => withKey("alice-key-of-tomorrow", "x-api-KEY"),
  other: () => withKey(BOB_KEY),
  refused: {
    "an unknown key": () => withKey("nobody-key-0123456789"),
    "a key that begins with a real one": () => withKey(`${ALICE_KEY}x`),
    "an expired key": () => withKey("carol-key-0123456789"),
  },
  lackingScope: {
    create: () => apikey({ keys: [ALICE_KEY], scopes: ["mcp:write"] }),
    request: () => withKey(ALICE_KEY),
  },
  outage: { notApplicable: "the keys are at hand" },
};

const inQuery = (key: string): ContractRequest => ({ path: `/?api_key=${key}`, secrets: [key] });

const apiKeyQuery: AuthMethodFixture = {
  ...apiKeyHeader,
  create: () => apikey({ keys: [ALICE_KEY, BOB_KEY], queryParam: "api_key" }),
  good: () => inQuery(ALICE_KEY),
  refreshed: { notApplicable: "a plain key is a caller of its own" },
  other: () => inQuery(BOB_KEY),
  refused: { "an unknown key": () => inQuery("nobody-key") },
  lackingScope: { notApplicable: "the same as in the header" },
};

let database: "up" | "down" = "up";
const holders = new Map([
  [ALICE_KEY, "alice"],
  ["alice-key-of-tomorrow", "alice"],
  [BOB_KEY, "bob"],
]);

const apiKeyVerify: AuthMethodFixture = {
  ...apiKeyHeader,
  create: () =>
    apikey({
      verify: (key) => {
        if (database === "down") return Promise.reject(new Error(`cannot look up ${key}`));
        const id = holders.get(key);
        return Promise.resolve(id === undefined ? null : { id });
      },
    }),
  heldSecrets: [],
  good: () => withToken(ALICE_KEY),
  refreshed: () => withKey("alice-key-of-tomorrow"),
  other: () => withToken(BOB_KEY),
  refused: { "an unknown key": () => withToken("nobody-at-all") },
  lackingScope: { notApplicable: "the same as with a list" },
  outage: { begin: () => void (database = "down"), end: () => void (database = "up") },
};

const basicAuth = (user: string, password: string): ContractRequest => {
  const encoded = Buffer.from(`${user}:${password}`).toString("base64");
  return { headers: { authorization: `Basic ${encoded}` }, secrets: [encoded] };
};

const basic: AuthMethodFixture = {
  create: () =>
    fromPassport(
      new BasicStrategy({ realm: "staff" }, (user, password, done) => {
        if (database === "down") done(new Error(`cannot look up ${user}:${password}`));
        else done(null, password.endsWith("secret-of-old") ? { user } : false);
      }),
      { principal: (user) => ({ id: (user as { user: string }).user }) },
    ),
  heldSecrets: [],
  good: () => basicAuth("alice", "alice-secret-of-old"),
  refreshed: () => basicAuth("alice", "new-secret-of-old"),
  other: () => basicAuth("bob", "bob-secret-of-old"),
  refused: { "a wrong password": () => basicAuth("alice", "wrong") },
  lackingScope: {
    create: () =>
      fromPassport(new BasicStrategy((_user, _password, done) => done(null, {})), {
        principal: () => ({ id: "alice", scopes: ["read"] }),
        scopes: ["write"],
      }),
    request: () => basicAuth("alice", "anything"),
  },
  outage: { begin: () => void (database = "down"), end: () => void (database = "up") },
};

/** A strategy as someone writes it in ten lines, asynchronous and with a header of its own. */
class TicketStrategy {
  readonly name = "ticket";
  async authenticate(this: ActiveStrategy, req: IncomingMessage): Promise<void> {
    const ticket = String(req.headers["x-ticket"]);
    await new Promise((resolve) => setImmediate(resolve));
    if (database === "down") throw new Error("no connection");
    if (/^ticket-of-(alice|bob)-\d$/.test(ticket)) this.success({ holder: ticket.split("-")[2] });
    else this.fail(new McpSseError("invalid_token", "the ticket is not known"));
  }
}

const ticket: AuthMethodFixture = {
  create: () =>
    fromPassport(new TicketStrategy(), {
      principal: (user) => Promise.resolve({ id: (user as { holder: string }).holder }),
      challenge: 'Ticket realm="mcp"',
      searched: "X-Ticket",
      findCredential: ({ headers }): FoundCredential | undefined => {
        const text = headers["x-ticket"];
        return typeof text === "string" ? { place: "header", name: "x-ticket", text } : undefined;
      },
    }),
  heldSecrets: [],
  good: () => withKey("ticket-of-alice-1", "X-Ticket"),
  refreshed: () => withKey("ticket-of-alice-2", "X-Ticket"),
  other: () => withKey("ticket-of-bob-1", "X-Ticket"),
  refused: { "an unknown ticket": () => withKey("ticket-of-nobody", "X-Ticket") },
  lackingScope: { notApplicable: "tickets have no scopes" },
  outage: { begin: () => void (database = "down"), end: () => void (database = "up") },
};

describe.each(
  Object.entries({
    "jwt with a secret": jwtSecret,
    "jwt with a public key": jwtPublicKey,
    "jwt with a key set": jwtJwks,
    "apikey in a header": apiKeyHeader,
    "apikey in the query": apiKeyQuery,
    "apikey with verify, as a bearer": apiKeyVerify,
    "passport-http's Basic": basic,
    "a strategy written by hand": ticket,
  }),
)("%s", (_name, fixture) => {
  for (const check of authMethodContract(fixture)) test(check.name, check.run);
});
