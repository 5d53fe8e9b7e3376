import { createSseRouter, MCPServer, MemoryStorage, SSEServerTransport } from "../../src/index.js";
import { resolveOptions } from "../../src/options/resolve.js";
import { processBudget } from "../../src/session/byte-budget.js";

const MAX_TIMER_MS = 2_147_483_647;

/** An option with a path such as `sessions.stallMs`, as an object of options. */
function withOption(path: string, value: unknown): Record<string, unknown> {
  const [name, inner] = path.split(".") as [string, string?];
  return { [name]: inner === undefined ? value : { [inner]: value } };
}

const log = (): void => undefined;

/** Never called: options are looked at before anybody connects. */
const createServer = (): undefined => undefined;

const router = (options: Record<string, unknown>) =>
  createSseRouter({ auth: false, createServer, ...options } as never);
const server = (options: Record<string, unknown>) =>
  new MCPServer({ transport: { type: "sse", options: options } });

type Bad = [option: string, value: unknown, says: string];

const bad: Bad[] = [
  ...[
    "sse",
    "/sse/",
    "/",
    "",
    "/a b",
    "/a?b",
    "/a#b",
    "/:id",
    "/%41",
    "//a",
    "/a/../b",
    "/.",
    1,
    null,
  ].flatMap((value): Bad[] => [
    ["endpoint", value, "Write"],
    ["messageEndpoint", value, "Write"],
  ]),
  ["messageEndpoint", "/sse", "equals endpoint"],
  ["cors", [], "must be an object"],
  ["cors", "*", "must be an object"],
  ["cors", { origins: ["*"] }, "is not an option"],
  ["cors", { allowOrigins: "https://a.example" }, "cors.allowOrigins must be a list"],
  ["cors", { credentials: "yes" }, "cors.credentials must be true or false"],
  ["cors", { allowOrigins: ["*"], credentials: true }, "Name the origins"],
  ["cors.allowOrigins", ["a.example"], "scheme, host and port only"],
  ["cors.allowOrigins", ["https://*.example.com"], "scheme, host and port only"],
  ["cors.allowOrigins", ["https://a.example/"], "scheme, host and port only"],
  ["cors.allowOrigins", ["https://a.example/path"], "scheme, host and port only"],
  ["cors.allowOrigins", ["https://A.example"], "scheme, host and port only"],
  ["cors.allowOrigins", ["https://a.example:443"], "scheme, host and port only"],
  ["cors.allowOrigins", [undefined], "scheme, host and port only"],
  ...[0, -1, 0.5, Number.NaN, Infinity, "big", "", "-1mb", null, true, {}].map((value): Bad => [
    "maxMessageSize",
    value,
    'text such as "4mb"',
  ]),
  ["headers", "X-A: b", "must be an object"],
  ["headers", null, "must be an object"],
  ["headers", { "X A": "b" }, "no header"],
  ["headers", { "": "b" }, "no header"],
  ["headers", { "X-A": 1 }, "must be text"],
  ["headers", { "X-A": "b\r\nX-B: c" }, "no header"],
  ["headers", { "X-A": "b\0" }, "no header"],
  ...[
    "api.example.com",
    "/mcp",
    "ftp://a.example",
    "https://a.example/?b",
    "https://a.example/#b",
    "https://u:p@a.example",
  ].map((value): Bad => ["publicUrl", value, 'Write it like "https://api.example.com/mcp"']),
  ["publicUrl", "", "non-empty"],
  ["publicUrl", new URL("https://a.example"), "non-empty string"],
  ["allowedHosts", [], "empty list"],
  ["allowedHosts", [""], "allowedHosts[0]"],
  ["allowedHosts", ["a.example", undefined], "allowedHosts[1]"],
  ["allowedHosts", "", "non-empty"],
  ["allowedHosts", 1, "non-empty"],
  ...["*", "*.example.com", "https://a.example", "a.example/", "a.example:x", "a b"].map(
    (host): Bad => ["allowedHosts", [host], "no host"],
  ),
  ...[-1, Number.NaN, Infinity, "15000", null, MAX_TIMER_MS + 1].flatMap((value): Bad[] => [
    ["keepAliveMs", value, "a number from 0 to 2147483647"],
    ["sessions.stallMs", value, "a number from 0 to 2147483647"],
    ["sessions.openTimeoutMs", value, "a number from 1 to 2147483647"],
  ]),
  ["sessions.openTimeoutMs", 0, "Leave it out for the default, 10000"],
  ...[0, -1, "4mb", Infinity].map((value): Bad => [
    "sessions.maxQueuedBytes",
    value,
    "a number from 1 to",
  ]),
  ["sessions", { stall: 1 }, "It takes: openTimeoutMs, maxQueuedBytes, stallMs"],
  ["sessions", [], "must be an object"],
  ...["maxHeldBytes", "maxHeldBytesPerPrincipal"].flatMap((name): Bad[] => [
    [`sessions.${name}`, 1_000, "Write 8388608 or more"],
    ...[-1, "64mb", Infinity, null].map((value): Bad => [
      `sessions.${name}`,
      value,
      "must be a number of bytes. Leave it out for a share of the heap, or write 0 for no limit",
    ]),
  ]),
  ["sessions.boundClaims", "org_id", 'Write ["…"], or [] for none'],
  ["sessions.boundClaims", ["org_id", undefined], "boundClaims[1]"],
  ["sessions.boundClaims", null, 'Write ["…"], or [] for none'],
  ["sessions.boundHeaders", "X-Tenant", 'Write ["…"], or [] for none'],
  ["sessions.boundHeaders", ["X Tenant"], "no header name"],
  ...[
    ...["Authorization", "traceparent", "Content-Length", "Accept", "Cookie", "Origin"],
    ...["Mcp-Session-Id", "Mcp-Method", "Mcp-Name", "Mcp-Param-Region"],
  ].map((name): Bad => ["sessions.boundHeaders", [name], "differs from request to request"]),
  ["sessions", null, "must be an object"],
  ["advanced", { probe: 1 }, "It takes: maxUninitialized, revalidateAfterMs, probeMs"],
  ["advanced", [], "must be an object"],
  // The same check, wherever it is written.
  ...["advanced", "sessions"].flatMap((place): Bad[] => [
    [`${place}.maxUninitialized`, 0.5, "no whole number. Write 0 for no limit"],
    [`${place}.revalidateAfterMs`, -1, "a number from 0 to 2147483647"],
  ]),
  ...["advanced", "resume"].flatMap((place): Bad[] => [
    [`${place}.probeMs`, 0, "Leave it out for the default, 2000"],
    [`${place}.closeLostClients`, "no", "must be true or false. The default is true"],
  ]),
  ["logger", {}, "has no debug()"],
  ["logger", "console", "has no debug()"],
  ["logger", null, "has no debug()"],
  ["logger", { debug: log, info: log, warn: log }, "has no error()"],
];

describe.each([
  ["createSseRouter", "options", router],
  ["MCPServer", "transport.options", server],
] as const)("%s", (_name, prefix, create) => {
  it.each(bad)("names its option %s = %p and what to write instead", (option, value, says) => {
    const make = () => create(withOption(option, value));
    expect(make).toThrow(TypeError);
    expect(make).toThrow(prefix === "options" ? /^options\./ : /^transport\.options\./);
    expect(make).toThrow(`${prefix}.${option}`);
    expect(make).toThrow(says);
  });

  it("refuses bounds of which one leaves no room for the other", () => {
    const maxHeldBytes = 20_000_000;
    expect(() => create({ maxMessageSize: "16mb", sessions: { maxHeldBytes } })).toThrow(
      `${prefix}.maxMessageSize is more than half of sessions.maxHeldBytes, 20000000`,
    );
    expect(() =>
      create({ sessions: { maxHeldBytes, maxHeldBytesPerPrincipal: 2 * maxHeldBytes } }),
    ).toThrow(`${prefix}.sessions.maxHeldBytesPerPrincipal is more than maxHeldBytes, 20000000`);
    for (const held of [0, undefined, 32 * 1024 * 1024]) {
      const sessions = { maxHeldBytes: held };
      expect(() => create({ maxMessageSize: "16mb", sessions })).not.toThrow();
    }
  });

  it.each([
    ["sessions", "maxUninitialized", 1],
    ["sessions", "revalidateAfterMs", 0],
    ["resume", "probeMs", 1],
    ["resume", "closeLostClients", false],
  ])("takes %s.%s where it stood before, but not in both places", (place, name, value) => {
    expect(() => create({ [place]: { [name]: value } })).not.toThrow();
    expect(() => create({ [place]: { [name]: value }, advanced: { [name]: value } })).toThrow(
      `${prefix}.${place}.${name} is ${prefix}.advanced.${name} now, and written in both places`,
    );
  });

  it("takes no times of resuming where nothing is resumed", () => {
    expect(() => create({ resume: false, advanced: { probeMs: 1 } })).toThrow(
      `${prefix}.advanced.probeMs has no meaning with resume: false. Leave it out`,
    );
    expect(() => create({ resume: false, advanced: { maxUninitialized: 1 } })).not.toThrow();
  });

  it("says of an option of other wires who takes it, or what it would say", () => {
    const isRouter = prefix === "options";
    const instead = isRouter ? "createMcpRouter takes it" : 'It is what type: "sse" says';
    expect(() => create({ sse: true })).toThrow(`${prefix}.sse is not an option. ${instead}`);
    expect(() => create({ streamable: {} })).toThrow(
      isRouter
        ? `${prefix}.streamable is not an option. createMcpRouter takes it`
        : `${prefix}.streamable must be true or false`,
    );
  });

  it("refuses a name that it does not know, and tells those it knows", () => {
    expect(() => create({ keepAlive: 1 })).toThrow(
      `${prefix}.keepAlive is not an option. It takes: `,
    );
    expect(() => create({ keepAlive: 1 })).toThrow('Did you mean "keepAliveMs"?');
    expect(() => create({ ["__proto__x"]: 1 })).toThrow("is not an option");
  });
});

it("STREAM-6, STREAM-8, MESSAGE-5: every option has its documented default", () => {
  const { logger: _silent, ...defaults } = resolveOptions({}, "options");
  expect(defaults).toEqual({
    endpoint: "/sse",
    endsWithCredential: true,
    messageEndpoint: "/messages",
    maxMessageBytes: 4_194_304,
    headers: {},
    publicUrl: undefined,
    sourceRules: { allowedHosts: undefined, allowedOrigins: [], publicUrl: undefined },
    corsCredentials: false,
    stream: { keepAliveMs: 15_000, maxQueuedBytes: 4_194_304, stallMs: 30_000 },
    openTimeoutMs: 10_000,
    revalidateAfterMs: 30_000,
    limits: {
      maxSessions: 10_000,
      maxSessionsPerPrincipal: 100,
      maxUninitialized: 100,
      initTimeoutMs: 60_000,
      idleMs: 86_400_000,
      lifetimeMs: 0,
      streamlessIdleMs: 0,
      maxInFlight: 100,
    },
    bodyTimeoutMs: 30_000,
    bytes: {
      budget: processBudget(),
      maxBytesPerPrincipal: Math.floor(processBudget().maxBytes / 2),
    },
    resume: {
      graceMs: 60_000,
      maxBufferedBytes: 1_048_576,
      retryMs: 1_000,
      probeMs: 2_000,
      closeLostClients: true,
    },
    throttle: { maxFailures: 20, windowMs: 60_000 },
    boundClaims: expect.arrayContaining(["org_id", "tid", "tenant", "roles", "groups"]),
    boundHeaders: [],
  });
});

it("options count alike in advanced and where they stood before", () => {
  const tuned = {
    maxUninitialized: 1,
    revalidateAfterMs: 2,
    probeMs: 3,
    closeLostClients: false,
  };
  const { maxUninitialized, revalidateAfterMs, probeMs, closeLostClients } = tuned;
  const old: Record<string, object> = {
    sessions: { maxUninitialized, revalidateAfterMs },
    resume: { probeMs, closeLostClients },
    logger: console,
  };
  const before = resolveOptions(old, "options");
  const now = resolveOptions({ advanced: tuned, logger: console }, "options");
  expect({ ...now, logger: undefined }).toEqual({ ...before, logger: undefined });
  expect(now).toMatchObject({
    revalidateAfterMs: 2,
    limits: { maxUninitialized: 1 },
    resume: { probeMs: 3, closeLostClients: false },
  });
});

it.each([
  ["endpoint", "/a/b-c_d.e~f"],
  ["messageEndpoint", "/m@x"],
  ["cors.allowOrigins", ["https://a.example", "http://localhost:3000", "null", " ", ""]],
  ["cors.allowOrigins", ["*"]],
  ["maxMessageSize", "512kb"],
  ["maxMessageSize", 1],
  ["headers", { "Strict-Transport-Security": "max-age=1" }],
  ["publicUrl", "http://localhost:8080"],
  ["allowedHosts", "a.example"],
  ["allowedHosts", ["a.example:8080"]],
  ["keepAliveMs", 0],
  ["keepAliveMs", MAX_TIMER_MS],
  ["sessions.stallMs", 0],
  ["sessions.openTimeoutMs", 1],
  ["sessions.maxQueuedBytes", 1],
  ["logger", console],
  ["endpoint", undefined],
  ["sessions.stallMs", undefined],
])("STREAM-6, STREAM-8: takes %s = %p", (option, value) => {
  expect(() => router(withOption(option, value))).not.toThrow();
  expect(() => server(withOption(option, value))).not.toThrow();
});

it("RESUME-11: retry is a whole number, since clients ignore every other", () => {
  const { resume } = resolveOptions({ resume: { retryMs: 250.5 } }, "options");
  expect(resume?.retryMs).toBe(251);
});

it("MESSAGE-5: sizes are bytes, as numbers or as text", () => {
  const sizeOf = (maxMessageSize: number | string) =>
    resolveOptions({ maxMessageSize }, "options").maxMessageBytes;
  expect([sizeOf(1000), sizeOf("1000"), sizeOf("1kb"), sizeOf("4mb")]).toEqual([
    1000, 1000, 1024, 4_194_304,
  ]);
});

describe("SSEServerTransport and MemoryStorage", () => {
  const transport = (options: object) => () =>
    new SSEServerTransport("/messages", undefined as never, options);
  const storage = (options: object) => () => new MemoryStorage(options);

  it.each([
    [transport({ keepAliveMs: -1 }), "SSEServerTransport options.keepAliveMs must be a number"],
    [transport({ maxMessageBytes: 0 }), "options.maxMessageBytes must be a number from 1 to"],
    [transport({ enableDnsRebindingProtection: 1 }), "must be true or false"],
    // The origin of another, which is a part of the text.
    [transport({ allowedOrigins: "https://a.example.com" }), 'Write ["https://a.example.com"].'],
    [transport({ allowedHosts: [1] }), "options.allowedHosts must be a list of texts"],
    [storage({ maxEntries: 0 }), "MemoryStorage options.maxEntries must be a number from 1 to"],
    [storage({ max: 1 }), "MemoryStorage options.max is not an option. It takes: maxEntries, now"],
    [storage({ now: 1 }), "MemoryStorage options.now must be a function"],
  ])("%#: name a wrong option, and say what to write instead", (make, says) => {
    expect(make).toThrow(TypeError);
    expect(make).toThrow(says);
  });
});

describe("createSseRouter", () => {
  it.each([
    ["no object", undefined, "options must be an object"],
    ["a list", [], "options must be an object"],
    ["no createServer", { auth: false }, "options.createServer must be a function"],
    ["a server instead of a factory", { auth: false, createServer: {} }, "Write createServer:"],
    ["no auth", { createServer }, "options.auth is missing"],
    ["an empty auth", { createServer, auth: [] }, "options.auth is an empty list"],
    ["an auth that is no method", { createServer, auth: null }, "options.auth must be"],
    ["a port", { createServer, auth: false, port: 1 }, "options.port is not an option"],
  ])("AUTH-1: refuses %s", (_what, options, says) => {
    expect(() => createSseRouter(options as never)).toThrow(says);
  });

  it.each([-1, Number.NaN, "1", MAX_TIMER_MS + 1])(
    "SESSION-4: close refuses timeoutMs %p",
    async (timeoutMs) => {
      await expect(router({}).close({ timeoutMs: timeoutMs as number })).rejects.toThrow(
        /^timeoutMs must/,
      );
    },
  );
});
