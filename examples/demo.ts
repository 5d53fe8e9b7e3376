/**
 * The main job in one minute: an MCP server with the documented JWT configuration and an API key
 * beside it, a stranger who is refused, a client with a token who is not, and what to paste into
 * a client of your own.
 *
 * On a terminal the server stays until a key is pressed. Elsewhere the demo ends by itself, with
 * 0 when all of it went as it should.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import jsonwebtoken from "jsonwebtoken";
import { MCPServer, principalOf } from "express-mcp-sse";
import { bearer, whoami } from "./support/client.js";
import { isSomebodyThere, paint, Viewer } from "./support/terminal.js";

const TIMEOUT_MS = 30_000;

/** Where the documentation's servers listen. */
const PORT = 8080;

// Never the environment's own: what is printed would be good elsewhere.
process.env.JWT_SECRET = randomBytes(32).toString("base64url");
process.env.API_KEY_1 = randomBytes(16).toString("base64url");

const viewer = isSomebodyThere() ? new Viewer() : undefined;
let isShown = false;
const watchdog = setTimeout(() => {
  fail(new Error(`The demo did not finish within ${TIMEOUT_MS / 1000} seconds.`));
}, TIMEOUT_MS);

try {
  const server = await startServer();
  const url = server.url!;
  console.log(`\n${paint("bold", "An MCP server over HTTP+SSE")} is up at ${paint("cyan", url)}`);
  await showStranger(url);
  await showClient(url, signToken(process.env.JWT_SECRET));
  await showWhatToPaste(url, process.env.API_KEY_1);
  clearTimeout(watchdog);
  isShown = true;
  await viewer?.untilLeaving();
  await server.stop({ timeoutMs: 1_000 });
  await viewer?.leave();
} catch (error) {
  fail(error);
}

/** Starts the server at the documented port, or at a free one if that is taken. */
async function startServer(): Promise<MCPServer> {
  const server = createServer(PORT);
  try {
    await server.start();
    return server;
  } catch (error) {
    if (((error as Error).cause as NodeJS.ErrnoException | undefined)?.code !== "EADDRINUSE")
      throw error;
    const other = createServer(0);
    await other.start();
    return other;
  }
}

function createServer(port: number): MCPServer {
  return new MCPServer({
    name: "demo",
    version: "1.0.0",
    setup(mcp) {
      mcp.registerTool("whoami", { description: "Tells who is calling" }, (extra) => {
        const { id, method, issuer } = principalOf(extra)!;
        const text = `You are ${id}, let in by ${method}, vouched for by ${issuer ?? "nobody"}.`;
        return { content: [{ type: "text", text }] };
      });
    },
    transport: {
      type: "sse",
      options: {
        port,
        logger: { debug: report, info: report, warn: report, error: report },
        auth: [
          {
            type: "jwt",
            options: {
              secret: process.env.JWT_SECRET!,
              algorithms: ["HS256"],
              issuer: "my-auth-service",
              audience: "my-mcp-server",
            },
          },
          { type: "apikey", options: { keys: [{ id: "visitor", key: process.env.API_KEY_1! }] } },
        ],
      },
    },
  });
}

function signToken(secret: string): string {
  return jsonwebtoken.sign({}, secret, {
    subject: "alice",
    issuer: "my-auth-service",
    audience: "my-mcp-server",
    expiresIn: "1h",
  });
}

async function showStranger(url: string): Promise<void> {
  const response = await fetch(url);
  assert.equal(response.status, 401, "a stranger must be refused");
  const challenge = response.headers.get("www-authenticate") ?? "";
  assert.match(challenge, /^Bearer /);
  const { error_description: reason } = (await response.json()) as { error_description: string };
  title("A stranger, without a credential");
  row("GET /sse", paint("red", `${response.status} ${response.statusText}`));
  row("challenge", challenge);
  row("reason", reason);
}

async function showClient(url: string, token: string): Promise<void> {
  const answer = await whoami(url, bearer(token));
  assert.equal(answer, "You are alice, let in by jwt, vouched for by my-auth-service.");
  title("A client of the official SDK, with a token signed just now");
  row("client", `${paint("cyan", "Authorization: Bearer")} ${token.slice(0, 12)}…`);
  row("tool", paint("yellow", "whoami"));
  row("principal", paint("green", answer));
}

/** Shows it after a client with this very key was let in. */
async function showWhatToPaste(url: string, key: string): Promise<void> {
  assert.equal(
    await whoami(url, { "X-API-Key": key }),
    "You are visitor, let in by apikey, vouched for by nobody.",
  );
  const header = `--header "X-API-Key: ${key}"`;
  const headers = { "X-API-Key": key };
  title("Now you: paste one of these, and call whoami");
  for (const [client, text] of [
    ["Claude Code", `claude mcp add --transport sse demo ${url} ${header}`],
    ["VS Code, .vscode/mcp.json", json({ servers: { demo: { type: "sse", url, headers } } })],
    ["Cursor, .cursor/mcp.json", json({ mcpServers: { demo: { url, headers } } })],
    [
      "MCP Inspector",
      `npx @modelcontextprotocol/inspector --cli ${url} --method tools/call --tool-name whoami ${header}`,
    ],
    ["The bare stream", `curl -N -H "X-API-Key: ${key}" ${url}`],
  ] as const) {
    console.log(`\n${paint("dim", `# ${client}`)}\n${text}`);
  }
  console.log(
    viewer === undefined
      ? "\nThe server ends now. On a terminal it stays until a key is pressed."
      : `\n${paint("bold", "The server stays until you press a key.")} The key is good for as long.`,
  );
}

/** What the server has to say, once it is about the viewer's own clients. */
function report(line: string): void {
  if (isShown) console.log(paint("dim", `  ${line}`));
}

function title(text: string): void {
  console.log(`\n${paint("bold", text)}`);
}

function row(name: string, value: string): void {
  console.log(`  ${paint("dim", name.padEnd(10))} ${value}`);
}

function json(value: object): string {
  return JSON.stringify(value);
}

function fail(error: unknown): never {
  console.error("The demo failed:", error);
  process.exit(1);
}
