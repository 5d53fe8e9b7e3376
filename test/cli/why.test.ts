import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { explainRequest } from "../../src/express/explain-request.js";
import { HTTP_SSE } from "../../src/express/read-endpoint.js";
import { createApiKey } from "../../strategies/apikey.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { moduleUrl, runCommand } from "../kit/command-terminal.js";
import type { CommandResult, CommandSetting } from "../kit/command-terminal.js";
import { recordingLogger } from "../kit/leak-watch.js";
import { send } from "../kit/raw-http.js";
import { serveRouter } from "../kit/serve.js";
import { SECRET, secretToken } from "../kit/tokens.js";

cleanUpAfterEach();

const { key, entry } = createApiKey({ id: "ci", scopes: ["notes:read"] });
const JWT = {
  type: "jwt",
  options: { secret: SECRET, algorithms: ["HS256"], issuer: "https://issuer", audience: "here" },
};
const KEYS = { type: "apikey", options: { keys: [entry], queryParam: "key" } };

/** Runs the command with a module's exports as the configuration. */
async function why(
  exported: object | (() => unknown),
  args: readonly string[] = [],
  setting: CommandSetting = {},
): Promise<CommandResult> {
  const load = typeof exported === "function" ? exported : () => exported;
  const modules = { [moduleUrl("/conf/auth.mjs")]: load as () => unknown };
  return await runCommand(["why", "--config", "/conf/auth.mjs", ...args], { modules, ...setting });
}

/** The same as JSON. */
async function explained(exported: object, args: readonly string[]) {
  const { status, out, err } = await why(exported, ["--json", ...args]);
  expect(err).toBe("");
  return { status, ...(JSON.parse(out) as Awaited<ReturnType<typeof explainRequest>>), out };
}

describe("why", () => {
  it("CLI-38: says what each method makes of a request, in their order, and who comes out", async () => {
    const token = secretToken({ iss: "https://issuer", aud: "here", sub: "alice", team: "a" });
    const found = await explained({ default: [KEYS, JWT] }, ["--bearer", token]);
    expect(found).toMatchObject({
      status: 0,
      isLetIn: true,
      methods: [
        { method: "apikey", verdict: "refused", found: "Authorization: Bearer" },
        { method: "jwt", verdict: "let-in", found: "Authorization: Bearer" },
      ],
      caller: { id: "alice", issuer: "https://issuer", method: "jwt", toolsSeeToken: true },
    });
    expect(found.methods[0]?.reason).toContain("the API key is not known");
    expect(found.caller?.claims).toContain("team");
    expect(found.out).not.toContain(token.slice(0, 20));
  });

  it("CLI-38: tells people the same, and stops at the method that lets in", async () => {
    const { status, out } = await why({ auth: [KEYS, JWT] }, ["--query", `key=${key}`]);
    expect(status).toBe(0);
    expect(out).toContain("1. ✓ apikey lets in (in query key)");
    expect(out).toContain("2. – jwt is not asked");
    expect(out).toMatch(/principal +ci\n/);
    expect(out).toMatch(/scopes +notes:read\n/);
    expect(out).toMatch(/tools see +no token\n/);
    expect(out).not.toContain(key);
  });

  it("CLI-38: answers and logs as a router does with the same options and the same request", async () => {
    const logger = recordingLogger();
    const auth = [JWT, { ...KEYS, options: { ...KEYS.options, scopes: ["notes:write"] } }];
    const { sseUrl } = await serveRouter({ auth, logger } as never);
    const requests: readonly Record<string, string>[] = [
      {},
      { Authorization: `Bearer ${secretToken({ iss: "https://other", aud: "here", sub: "a" })}` },
      { "X-API-Key": key },
      { "X-API-Key": key.slice(1) },
    ];
    for (const headers of requests) {
      logger.lines.length = 0;
      const answer = await send(sseUrl, { headers });
      const given = Object.entries(headers).flatMap(([name, value]) => [
        "--header",
        `${name}: ${value}`,
      ]);
      const found = await explained({ options: { auth, logger } }, [
        "--sse",
        "--url",
        sseUrl,
        ...given,
      ]);
      expect(found.status).toBe(1);
      expect(found.answer?.status).toBe(answer.status);
      expect(JSON.parse(answer.text)).toEqual({
        error: found.answer?.code,
        error_description: found.answer?.message,
      });
      const challenges = [found.answer?.headers["WWW-Authenticate"] ?? []].flat();
      expect(challenges.join(", ")).toBe(answer.headers["www-authenticate"]);
      expect(logger.lines.filter((line) => line.includes("refused GET"))).toEqual([
        `info: ${found.log}`,
      ]);
    }
  });

  it("CLI-38: names the scopes that are missing, and who misses them", async () => {
    const options = { ...KEYS.options, scopes: ["notes:read", "notes:write"] };
    const found = await explained({ auth: { ...KEYS, options } }, [
      "--header",
      `X-API-Key: ${key}`,
    ]);
    expect(found).toMatchObject({
      status: 1,
      methods: [
        { verdict: "lacks-scope", reason: "a scope is missing, needed: notes:read notes:write" },
      ],
      caller: { id: "ci", scopes: ["notes:read"] },
      missingScopes: ["notes:write"],
      answer: { status: 403, code: "insufficient_scope" },
    });
  });

  it("CLI-38: takes the audience from publicUrl, for the wires that are served", async () => {
    const publicUrl = "https://mcp.example.com/mcp";
    const oauth = {
      type: "oauth",
      options: {
        issuerUrl: "https://login.example.com",
        clientId: "c",
        clientSecret: "s-0123456789",
      },
    };
    const found = await explained({ options: { auth: [oauth], publicUrl } }, []);
    const document = `${publicUrl}/.well-known/oauth-protected-resource`;
    expect(JSON.stringify(found.answer)).toContain(document);
    const sse = await explained({ options: { auth: [oauth], publicUrl } }, ["--sse"]);
    expect(JSON.stringify(sse.answer)).toContain(`${document}/sse`);
  });

  it("CLI-38: says that an open endpoint asks nobody", async () => {
    const { status, out } = await why({ auth: false });
    expect(status).toBe(0);
    expect(out).toContain("The endpoint is open");
  });

  it("CLI-38: shows what the log warns of when an endpoint is built", async () => {
    const { warnings } = await explained({ auth: KEYS }, []);
    expect(warnings).toEqual([expect.stringContaining("queryParam puts keys into URLs")]);
  });

  it("CLI-38: two Authorization headers are refused before any method is asked", async () => {
    const again = ["--bearer", key, "--header", "Authorization: Basic eDp5"];
    const found = await explained({ auth: [KEYS] }, again);
    expect(found.methods).toMatchObject([{ verdict: "not-asked" }]);
    expect(found.log).toContain("more than one Authorization header");
  });
});

describe("a configuration that is none", () => {
  const never = new Promise(() => undefined);
  const router = Object.assign(() => undefined, { guard: () => undefined });
  const cases: Record<string, [exported: object | (() => unknown), problem: string]> = {
    "throws while it is loaded": [
      () => {
        throw new RangeError("no database");
      },
      "could not be loaded: RangeError: no database",
    ],
    "throws what is no error": [
      () => {
        // eslint-disable-next-line @typescript-eslint/only-throw-error -- as some do
        throw "nothing";
      },
      "could not be loaded",
    ],
    "is never loaded": [() => never, "was not loaded within 0.1 s"],
    "exports something else": [
      { server: 1 },
      "exports no default, and no auth, and no options. It exports: server",
    ],
    "exports a function": [
      { default: () => KEYS },
      "the export default is a function. Export what it returns",
    ],
    "exports a router": [{ auth: router }, "is a router. Export the options"],
    "exports a promise": [{ auth: Promise.resolve(KEYS) }, "is a promise. Export what it comes to"],
    "exports a text": [{ auth: "apikey" }, "is no configuration"],
    "has a wrong option": [
      { auth: { type: "apikey", options: { keys: [] } } },
      "options.auth.options.keys is an empty list",
    ],
    "has an unknown option": [
      { options: { auth: KEYS, endpont: "/x" } },
      "options.endpont is not an option",
    ],
    "has no such method": [
      { auth: { type: "api", options: {} } },
      "options.auth.type is not a known type",
    ],
    "has an empty list": [{ auth: [] }, "options.auth is an empty list"],
  };

  it.each(Object.entries(cases))(
    "CLI-39: one that %s gets exit status 2, and what is wrong",
    async (_name, [exported, problem]) => {
      const { status, out, err } = await why(exported, ["--timeout", "0.1"]);
      expect([status, out]).toEqual([2, ""]);
      expect(err).toContain(problem);
    },
  );

  it.each([
    [[], "needs --config FILE"],
    [["--config", "/no/such.json"], "there is no such file"],
    [["--config", "/no/such.mjs"], "there is no such file"],
    [["--config", "a.mjs", "--timeout", "0"], "--timeout must be"],
    [["--config", "a.mjs", "--url", "ftp://x"], "--url must begin with"],
    [["--config", "a.mjs", "--header", "X-A: a\r\nX-B: b"], "no header field may have"],
    [["--config", "a.mjs", "--header", "no colon"], "--header must be"],
    [["--config", "a.mjs", "more"], "takes no argument"],
  ])("CLI-39: %j is wrong usage", async (args, problem) => {
    const { status, out, err } = await runCommand(["why", ...args]);
    expect([status, out]).toEqual([2, ""]);
    expect(err).toContain(problem);
  });

  it("CLI-39: a method that cannot be one, and a request line that cannot be one, are refused", async () => {
    const { status, err } = await why({ auth: KEYS }, ["--method", "GET / HTTP/1.1\r\nX-A: b\r\n"]);
    expect([status, err]).toEqual([2, expect.stringContaining("the method is none")]);
    const large = await why({ auth: KEYS }, ["--bearer", "x".repeat(30_000)]);
    expect([large.status, large.err]).toEqual([2, expect.stringContaining("HPE_HEADER_OVERFLOW")]);
  });

  it.each([
    ["--method", "CONNECT"],
    ["--header", "Expect: something"],
  ])("CLI-39: a request with %s %s, of which no app hears, is said to be one", async (...args) => {
    const { status, err } = await why({ auth: KEYS }, args);
    expect(status).toBe(2);
    expect(err).toContain("the request reaches no app");
  });

  it("CLI-39: methods that do not answer are given up, and nothing is let in", async () => {
    const verify = () => never;
    const auth = { type: "apikey", options: { verify, timeoutMs: 60_000 } };
    const { status, err } = await why({ auth }, ["--bearer", key, "--timeout", "0.1"]);
    expect([status, err]).toEqual([
      1,
      "Nothing was decided within 0.1 s: some method does not answer.\n",
    ]);
  });
});

describe("what why prints", () => {
  it("CLI-39: has no secret, wherever the configuration's own functions put it", async () => {
    const secrets = {
      bearer: secretToken({ sub: "a" }),
      key: "s3cret-key-0123456789",
      query: "tiny",
    };
    const spread = (sent: string): never => {
      throw Object.assign(new Error(`no ${sent}`), { name: `Bad ${sent}`, code: sent });
    };
    const auth = [
      JWT,
      { type: "apikey", options: { verify: spread, queryParam: "key" } },
      {
        name: "own",
        strategies: [
          {
            authenticate(
              this: { success(user: unknown): void },
              req: { headers: Record<string, string> },
            ) {
              this.success(req.headers["x-own"]);
            },
          },
        ],
        principal: (user: string) => ({ id: user, clientId: user, claims: { [user]: user } }),
      },
    ];
    const args = [
      "--bearer",
      secrets.bearer,
      "--query",
      `key=${secrets.query}`,
      "--header",
      `X-Own: ${secrets.key}`,
    ];
    for (const json of [[], ["--json"]]) {
      const { status, out, err } = await why({ auth }, [...args, ...json]);
      expect(status).toBe(0);
      for (const secret of [...Object.values(secrets), secrets.bearer.split(".")[2]!]) {
        expect(out + err).not.toContain(secret);
      }
      expect(out).toContain("sha256:");
    }
    const one = await why({ auth: auth[1] as object }, ["--header", `X-API-Key: ${secrets.key}`]);
    expect(one.out).toContain("apikey cannot tell");
    expect(one.out + one.err).not.toContain(secrets.key);
  });

  it("CLI-38: has what a token says of its caller as it stands there, and the password of Basic credentials never", async () => {
    const iss = "https://issuer.example.com/realms/acme";
    const options = { ...JWT.options, issuer: iss };
    const claims = {
      iss,
      aud: "here",
      sub: "ada-lovelace-of-london",
      client_id: "the-client-of-notes",
    };
    // Of such a length that the token is read as Base64 beyond its first dot.
    const token = secretToken(claims);
    expect(token.indexOf(".") % 4).toBe(0);
    const found = await explained({ auth: { ...JWT, options } }, ["--bearer", token]);
    expect(found.caller).toMatchObject({ id: claims.sub, issuer: iss, clientId: claims.client_id });

    const verify = () => Promise.reject(new Error("no pass-word-of-ada there"));
    const basic = `Basic ${Buffer.from("ada:pass-word-of-ada").toString("base64")}`;
    const auth = { type: "apikey", options: { verify, headerName: "X-Own" } };
    const { out } = await why({ auth }, ["--header", `X-Own: ${basic}`]);
    expect(out).toContain("apikey cannot tell");
    expect(out).not.toContain("pass-word-of-ada");
  });

  it.each(["refused", "methods", "isLetIn", "verdict", "log", "headers"])(
    "CLI-39: stays what it is where the secret is %s, a word of its own",
    async (word) => {
      const args = ["--bearer", word];
      const plain = await why({ auth: JWT }, args);
      expect([plain.status, plain.err]).toEqual([1, ""]);
      expect(plain.out).toContain("jwt refuses");
      const found = await explained({ auth: JWT }, args);
      expect(found).toMatchObject({ isLetIn: false, methods: [{ verdict: "refused" }] });
      expect(found.log).toContain("the token is malformed");
      expect(found.answer?.headers["WWW-Authenticate"]).toBeDefined();
    },
  );

  it("CLI-39: has no piece of a file that is no JSON: a key may be in it", async () => {
    const folder = mkdtempSync(join(tmpdir(), "why-"));
    onDispose(() => rmSync(folder, { recursive: true }));
    const file = join(folder, "auth.json");
    writeFileSync(file, '{ "type": "apikey", "options": { "keys": ["SECRET-KEY",] } }');
    const { status, err } = await runCommand(["why", "--config", file]);
    expect(status).toBe(2);
    expect(err).toContain("could not be loaded: SyntaxError: it is no JSON");
    expect(err).not.toMatch(/SECRET|KEY/);
  });

  it("CLI-39: has no text that a terminal obeys", async () => {
    const verify = () => ({ id: "\u001b[2Jx\ny" });
    const auth = { type: "apikey", options: { verify } };
    const { out } = await why({ auth }, ["--bearer", key]);
    expect(out).toContain("\\u{1b}[2Jx\\u{a}y");
  });
});

it("CLI-39: the program loads a module with its own import, and ends although that has left things open", async () => {
  const folder = mkdtempSync(join(tmpdir(), "why-"));
  onDispose(() => rmSync(folder, { recursive: true }));
  const config = join(folder, "auth.mjs");
  writeFileSync(
    config,
    `import { createServer } from "node:net";
createServer().listen(0, "127.0.0.1");
setInterval(() => {}, 1000);
await new Promise((resolve) => setTimeout(resolve, 1));
export const auth = ${JSON.stringify(KEYS)};`,
  );
  const program = join(__dirname, "../../src/cli/bin.mts");
  const args = ["--import", "tsx", program, "why", "--config", config, "--bearer", "-", "--json"];
  const child = spawn(process.execPath, args, {
    stdio: "pipe",
    timeout: 60_000,
    killSignal: "SIGKILL",
  });
  child.stdin.end(`${key}\n`);
  const [out, [status]] = await Promise.all([text(child.stdout), once(child, "close")]);
  expect(status).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ isLetIn: true, caller: { id: "ci" } });
});

it("CLI-38: whoever explains a request opens no port and needs no server", async () => {
  const asked = { method: "GET", headers: [], query: [["key", key]] } as const;
  const options = { auth: KEYS, createServer: () => undefined };
  expect(await explainRequest(options, HTTP_SSE, asked)).toMatchObject({ isLetIn: true });
});
