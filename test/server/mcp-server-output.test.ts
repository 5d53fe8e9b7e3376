import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import type { MCPServer } from "../../src/index.js";
import type { SseServerOptions } from "../../src/index.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { startMcpServer } from "../kit/serve.js";

import { send } from "../kit/raw-http.js";

cleanUpAfterEach();
afterEach(() => void jest.restoreAllMocks());

const PROGRAM = ["--import", "tsx", require.resolve("../kit/stdio-server.ts")];
const KEY = "a-key-of-some-length-0123";

/** What is written to the two standard streams from now on. */
function listenToStreams() {
  const written = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    jest.spyOn(process[name], "write").mockImplementation((chunk) => {
      written[name] += String(chunk);
      return true;
    });
  }
  return written;
}

async function start(options: SseServerOptions): Promise<MCPServer> {
  return await startMcpServer({
    setup: () => undefined,
    transport: { type: "sse", options: { port: 0, ...options } as never },
  });
}

describe("what MCPServer writes by itself", () => {
  it("SHOWN-6: says where it listens and how callers are let in, warns, and tells of refusals", async () => {
    const written = listenToStreams();
    const { url = "" } = await start({
      auth: [
        { type: "apikey", options: { keys: ["short", KEY] } },
        { type: "jwt", options: { secret: "too-short-a-secret", algorithms: ["HS256"] } },
      ],
    });
    expect((await send(url)).status).toBe(401);
    expect((await send(url, { headers: { "x-api-key": KEY } })).status).toBe(200);
    expect(written.stderr.split("\n")).toEqual([
      expect.stringMatching(/^express-mcp-sse warn: .*keys\[0\] is shorter than 16 characters/),
      expect.stringMatching(/^express-mcp-sse warn: .*secret is shorter than the 32 bytes/),
      `express-mcp-sse info: listening on ${url} (auth: apikey, jwt)`,
      expect.stringMatching(/^express-mcp-sse info: refused GET: 401 missing_credential: /),
      "",
    ]);
    expect(written.stdout).toBe("");
  });

  it("SHOWN-6: says that everybody is let in, where that is so", async () => {
    const written = listenToStreams();
    const { url = "" } = await start({ auth: false });
    expect(written.stderr).toBe(
      `express-mcp-sse info: listening on ${url} (auth: none, everybody is let in)\n`,
    );
  });

  it("SHOWN-6: is nothing with logger: false", async () => {
    const written = listenToStreams();
    const { url = "" } = await start({
      logger: false,
      auth: { type: "apikey", options: { keys: ["short"] } },
    });
    expect((await send(url)).status).toBe(401);
    expect(written).toEqual({ stdout: "", stderr: "" });
  });

  it("SHOWN-6: goes to a logger of the application's instead", async () => {
    const written = listenToStreams();
    const lines: string[] = [];
    const at = (level: string) => (line: string) => void lines.push(`${level}: ${line}`);
    const logger = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
    const { url = "" } = await start({ logger, auth: false });
    expect(lines).toEqual([`info: listening on ${url} (auth: none, everybody is let in)`]);
    expect(written).toEqual({ stdout: "", stderr: "" });
  });

  it("SHOWN-6: ends no process whose standard error nobody reads any more", async () => {
    const child = spawn(process.execPath, [...PROGRAM, "sse"], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    onDispose(() => child.kill("SIGKILL"));
    const exited = once(child, "exit");
    const [url] = (await once(createInterface(child.stdout), "line")) as [string];
    child.stderr.destroy();
    await once(child.stderr, "close");
    for (let time = 0; time < 3; time++) {
      expect((await send(url, { method: "POST" })).status).toBe(405);
    }
    child.kill("SIGTERM");
    expect(await exited).toEqual([0, null]);
  });
});

it.each(["sse", "stdio", "bare"])(
  "SHOWN-7: writes nothing to standard output but the protocol's messages: %s",
  async (mode) => {
    const child = spawn(process.execPath, [...PROGRAM, mode], { stdio: ["pipe", "pipe", "pipe"] });
    onDispose(() => child.kill("SIGKILL"));
    const [out, err] = [text(child.stdout), text(child.stderr)];
    if (mode !== "sse") child.stdin.end("not json\n");
    else await once(createInterface(child.stderr), "line").then(() => child.kill("SIGTERM"));
    await once(child, "exit");
    if (mode === "sse") expect(await out).toMatch(/^(http:\S+\n)?$/);
    else expect(await out).toBe("");
    if (mode === "bare") expect(await err).toMatch(/^express-mcp-sse warn: .*setup/);
  },
);
