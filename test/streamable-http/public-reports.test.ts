/** What users of other servers have run into, as far as no other test here has it. */
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { asCaller } from "../kit/conversation.js";
import { connectV2, createModernServer } from "../kit/modern.js";
import { initialize } from "../kit/raw-sse.js";
import { JWT_AUTH } from "../kit/serve.js";
import { begin, postMessage, serveMcp } from "../kit/streamable.js";
import type { ServeMcpOptions } from "../kit/streamable.js";
import { createToolServer } from "../kit/tools.js";

cleanUpAfterEach();

it("SESSION-1, STREAMABLE-1: a server that is given to a second session is an error, and the first hears nothing of it", async () => {
  const server = createToolServer();
  const { mcpUrl, router } = await serveMcp({ createServer: () => server });
  const alice = await begin(mcpUrl);
  const refused = await postMessage(mcpUrl, initialize, asCaller({ sub: "bob" }));
  expect([refused.status, refused.json.error]).toEqual([500, "server_error"]);
  expect(refused.headers["mcp-session-id"]).toBeUndefined();
  expect(await alice.call("echo", { text: "alive" })).toBe("alive");
  expect(router.sessions.list().map(({ principal }) => principal?.id)).toEqual(["alice"]);
});

/** Whether what goes wrong goes on to do so. */
let isBroken: boolean;
beforeEach(() => (isBroken = true));

const key = "a-key-that-is-long-enough-0123456789";

/** What keeps a client out, and with what it is let in afterwards. */
const obstacles: [
  string,
  number,
  ServeMcpOptions,
  Record<string, string>,
  Record<string, string>,
][] = [
  ["no credential", 401, {}, {}, asCaller()],
  [
    "a missing scope",
    403,
    { auth: { ...JWT_AUTH, options: { ...JWT_AUTH.options, scopes: ["mcp:use"] } } },
    asCaller(),
    asCaller({ scope: "mcp:use" }),
  ],
  [
    "an outage of who knows the callers",
    503,
    {
      auth: {
        type: "apikey",
        options: {
          verify: (given: string) => {
            if (isBroken) throw new Error("nobody knows");
            return given === key ? { id: "alice" } : null;
          },
        },
      },
    },
    { "x-api-key": key },
    { "x-api-key": key },
  ],
  [
    "a factory that fails",
    500,
    {
      createServer: () => {
        if (isBroken) throw new Error("no server today");
        return createModernServer();
      },
    },
    asCaller(),
    asCaller(),
  ],
];

it.each(obstacles)(
  "AUTH-2, AUTH-5, AUTH-6, MODERN-10: a client that looks for the newest revision does not take %s (%i) for an older server",
  async (_what, status, options, before, after) => {
    const asked: unknown[] = [];
    const { mcpUrl, router } = await serveMcp({
      createServer: () => createModernServer(),
      ...options,
      configure: (app) =>
        app.use((req, res, next) => {
          res.once("finish", () => asked.push([req.headers["mcp-method"], res.statusCode]));
          next();
        }),
    });
    await expect(connectV2(mcpUrl, "auto", before)).rejects.toThrow();
    // It has asked once, and did not go on with a handshake.
    expect(asked).toEqual([["server/discover", status]]);
    isBroken = false;
    const client = await connectV2(mcpUrl, "auto", after);
    expect(client.getProtocolEra()).toBe("modern");
    expect(router.sessions.size).toBe(0);
  },
);
