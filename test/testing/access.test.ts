import { AssertionError } from "node:assert";
import { EventEmitter, once } from "node:events";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import express from "express";
import type { RequestHandler } from "express";
import { createMcpRouter } from "express-mcp-sse";
import type { McpRouter, McpRouterOptions } from "express-mcp-sse";
import { accessOf, createTestIssuer, expectAccess } from "express-mcp-sse/testing";
import type { ExpectedAccess, TestCaller, TestIssuer } from "express-mcp-sse/testing";
import { z } from "zod";
import { describeDifferences } from "../../src/testing/access-table.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { guardedV1, guardedV2, Ran, RULES } from "../kit/guarded-servers.js";
import { recordingLogger } from "../kit/leak-watch.js";

cleanUpAfterEach();

let issuer: TestIssuer;
beforeAll(async () => {
  issuer = await createTestIssuer({ algorithm: "ES256" });
});
afterEach(() => issuer.answer());
afterAll(() => issuer.close());

function serve(change: Partial<McpRouterOptions>): McpRouter {
  const router = createMcpRouter({
    auth: issuer.auth,
    logger: recordingLogger(),
    createServer: () => guardedV1.create(new Ran()),
    policy: RULES,
    ...change,
  });
  onDispose(() => router.close({ timeoutMs: 0 }));
  return router;
}

/** Without a policy. */
function serveFreely(createServer: () => McpServer): McpRouter {
  const logger = recordingLogger();
  const router = createMcpRouter({ auth: issuer.auth, logger, createServer });
  onDispose(() => router.close({ timeoutMs: 0 }));
  return router;
}

function callers() {
  const [ada, bob] = [issuer.sign({ sub: "ada", scope: "admin" }), issuer.sign({ sub: "bob" })];
  return { ada, bob: { bearer: bob }, stranger: undefined };
}

/** What {@link RULES} come to. */
const EXPECTED = {
  tools: { look: ["ada", "bob"], delete: ["ada"] },
  resources: { "file:///public/a": ["ada", "bob"], "db://salaries": ["ada"] },
  prompts: { greet: ["ada", "bob"], hr_plan: ["ada"] },
} as const;

/** What `expectAccess` says; fails when it says nothing. */
async function failureOf<C extends string>(
  router: McpRouter,
  options: ExpectedAccess<C>,
): Promise<AssertionError> {
  const error: unknown = await expectAccess(router, options).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(AssertionError);
  return error as AssertionError;
}

test.each([guardedV1, guardedV2])(
  "TESTING-9: who may use what of a server of SDK $sdk is told without running anything",
  async (kit) => {
    const ran = new Ran();
    const router = serve({ createServer: () => kit.create(ran) });
    await expectAccess(router, { callers: callers(), ...EXPECTED });
    expect(await accessOf(router, { callers: callers() })).toEqual({ ...EXPECTED, refused: [] });
    expect(ran.list).toEqual([]);
    expect(router.sessions.size).toBe(0);
  },
);

test("TESTING-9: it is the same over HTTP+SSE, at another path, for a policy that conceals", async () => {
  const router = serve({ policy: { ...RULES, conceal: true } });
  const app = express().use("/api", router);
  const options = { callers: callers(), transport: "sse", path: "/api/sse" } as const;
  await expectAccess(app, { ...options, ...EXPECTED });
  const calls = { delete: {}, look: {} };
  await expectAccess(app, { ...options, calls, reads: ["db://salaries"], ...EXPECTED });
});

test("TESTING-9: its failure shows a table of all that differs, and what is not named", async () => {
  const error = await failureOf(serve({}), {
    callers: callers(),
    tools: { delete: ["ada", "bob"], gone: ["stranger"] },
    prompts: { ...EXPECTED.prompts },
  });
  expect(error.message).toBe(`Who may use what is not as expected:
             caller    expected   found
tool delete  bob       yes        no
tool gone    stranger  yes        no
tool look    ada       not named  yes
tool look    bob       not named  yes
stranger was refused: 401 missing_credential: No credential was sent. Searched: Authorization: Bearer.
`);
  expect(error.actual).toEqual({ tools: EXPECTED.tools, prompts: EXPECTED.prompts });
});

test("TESTING-9: a credential that is refused is a failure, and one that should be and is not", async () => {
  const expired = issuer.sign({ sub: "eve" }, { expiresIn: -60 });
  const closed = { callers: { eve: expired }, tools: {} };
  const error = await failureOf(serve({}), closed);
  expect(error.message).toMatch(/^the endpoint {2}eve {5}let in {4}refused$/m);
  expect(error.message).toMatch(/^eve was refused: 401 .*expired/m);
  await expectAccess(serve({}), { ...closed, refused: ["eve"] });
  const wrong = await failureOf(serve({}), { callers: callers(), refused: ["bob"] });
  expect(wrong.message).toMatch(/^the endpoint {2}bob {5}refused {3}let in$/m);
});

test("TESTING-9: calls are made where arguments decide, and a tool that fails was permitted", async () => {
  const calls: string[] = [];
  const createServer = (): McpServer => {
    const server = new McpServer({ name: "refunds", version: "1.0.0" });
    const refund = { inputSchema: { amount: z.number() } };
    server.registerTool("refund", refund, ({ amount }) => {
      calls.push(`refund ${amount}`);
      throw new Error("the bank was not found");
    });
    return server;
  };
  const router = serve({
    createServer,
    policy: {
      tools: {
        refund: {
          when: ({ scopes }, { arguments: { amount } }) =>
            Number(amount) <= 100 || scopes.includes("admin"),
        },
      },
    },
  });
  const tools = { refund: ["ada", "bob"] } as const;
  await expectAccess(router, { callers: callers(), calls: { refund: { amount: 20 } }, tools });
  const large = { callers: callers(), calls: { refund: { amount: 500 }, none: {} } };
  await expectAccess(router, { ...large, tools: { refund: ["ada"] } });
  expect(calls).toEqual(["refund 20", "refund 20", "refund 500"]);
});

test("TESTING-9: a tool that ran is open, whatever it says was not found", async () => {
  const texts = [
    "note 1 not found",
    "Tool note not found in the database",
    "unknown tool for note",
  ];
  for (const text of texts) {
    const createServer = (): McpServer => {
      const server = new McpServer({ name: "notes", version: "1.0.0" });
      server.registerTool("note", {}, () => ({ isError: true, content: [{ type: "text", text }] }));
      return server;
    };
    const { tools } = await accessOf(serveFreely(createServer), {
      callers: { ada: callers().ada },
      calls: { note: {} },
    });
    expect(tools).toEqual({ note: ["ada"] });
  }
});

describe("what cannot be told", () => {
  test("TESTING-9: is no refusal: a host that is not allowed, which shuts out everybody", async () => {
    const router = serve({ allowedHosts: ["mcp.example.com"] });
    for (const caller of [undefined, callers().ada]) {
      const asked = { callers: { caller }, refused: ["caller"], tools: {} } as const;
      await expect(expectAccess(router, asked)).rejects.toMatchObject({
        name: "TestClientError",
        status: 403,
      });
    }
  });

  test("TESTING-9: is no refusal: a list that fails while another request gets 403", async () => {
    const createServer = () => {
      const server = new McpServer({ name: "notes", version: "1.0.0" });
      server.registerTool("note", {}, () => ({ content: [] }));
      server.server.setRequestHandler(ListToolsRequestSchema, async () => {
        await refused;
        throw new Error("the database is away");
      });
      return server;
    };
    const streams = new EventEmitter();
    const refused = once(streams, "refused");
    const refuseStreams: RequestHandler = (req, res, next) => {
      if (req.method !== "GET") {
        next();
        return;
      }
      res.on("close", () => setImmediate(() => streams.emit("refused")));
      res.sendStatus(403);
    };
    const app = express().use(refuseStreams).use("/mcp", serveFreely(createServer));
    const options = { callers: { ada: callers().ada }, tools: {} };
    await expect(expectAccess(app, options)).rejects.toThrow("the database is away");
  });

  test("TESTING-9: is no refusal: an outage of the issuer fails", async () => {
    const router = serve({});
    issuer.stopAnswering();
    await expect(expectAccess(router, { callers: callers(), tools: {} })).rejects.toMatchObject({
      name: "TestClientError",
      status: 503,
    });
  });

  test("TESTING-9: is no refusal: a rule that throws, and a limit that is reached", async () => {
    const unavailable = () => {
      throw new Error("the database is away");
    };
    const broken = serve({ policy: { tools: { look: { when: unavailable } } } });
    const options = { callers: callers(), calls: { look: {} } };
    await expect(accessOf(broken, options)).rejects.toThrow(/^Whether "look" is permitted cannot/);
    const limited = serve({ policy: { tools: { look: { perMinute: 1 } } } });
    const twice: Readonly<Record<string, TestCaller>> = { a: callers().ada, b: callers().ada };
    await expect(accessOf(limited, { ...options, callers: twice })).rejects.toThrow(/too often/);
  });
});

test("TESTING-9: names of callers that are nobody, and options that do not exist, are refused", async () => {
  const options = { callers: callers(), tools: { look: ["eve"] } } as never;
  await expect(expectAccess(serve({}), options)).rejects.toThrow(/^options names a caller "eve"/);
  const wrong = { callers: {}, expected: {} } as never;
  await expect(expectAccess(serve({}), wrong)).rejects.toThrow(/^options\.expected is not/);
});

test.each([
  ["nobody", { callers: {}, tools: {} }, "options.callers names nobody"],
  ["nothing", { callers: { ada: "x" } }, "options expects nothing"],
  [
    "calls that count for nothing",
    { callers: { ada: "x" }, resources: {}, calls: { a: {} } },
    "options.calls is",
  ],
  [
    "reads that count for nothing",
    { callers: { ada: "x" }, tools: {}, reads: ["a:b"] },
    "options.reads is",
  ],
  [
    "null as a credential",
    { callers: { ada: null }, tools: {} },
    "options.callers.ada is no credential",
  ],
])(
  "TESTING-9: an assertion about %s is refused: it would always pass",
  async (_name, options, says) => {
    const failing = expectAccess(serve({}), options as never);
    await expect(failing).rejects.toThrow(TypeError);
    await expect(failing).rejects.toThrow(says);
  },
);

test("TESTING-9: names that all objects have are names like others", () => {
  const nothing = { tools: {}, resources: {}, prompts: {}, refused: [] };
  const tools = Object.fromEntries([["__proto__", ["ada"]]]);
  const found = { ...nothing, tools };
  expect(describeDifferences(found, { tools }, new Map())).toBe("");
  expect(describeDifferences(found, { tools: { constructor: ["bob"] } }, new Map())).toMatch(
    /^tool __proto__ {4}ada .*^tool constructor {2}bob /ms,
  );
});
