/**
 * The main job in one minute: one MCP mount for every client, with tokens and an API key, a stranger
 * who is refused, clients of both transports that are not, and what to paste into a client of your own.
 *
 * On a terminal the server stays until a key is pressed. Elsewhere the demo ends by itself, with
 * 0 when all of it went as it should.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import express from "express";
import jsonwebtoken from "jsonwebtoken";
import { createMcpRouter } from "express-mcp-sse";
import type { McpRouter } from "express-mcp-sse";
import { bearer, connectStreamable, whoami } from "./support/client.js";
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
  const router = createRouter();
  const listener = await listen(express().use("/mcp", router));
  const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/mcp`;
  console.log(
    `\n${paint("bold", "An MCP server for every client")} is up at ${paint("cyan", url)}`,
  );
  await showStranger(url);
  await showClients(url, signToken(process.env.JWT_SECRET));
  await showWhatToPaste(url, process.env.API_KEY_1);
  clearTimeout(watchdog);
  isShown = true;
  await viewer?.untilLeaving();
  isShown = false;
  await router.close({ timeoutMs: 1_000 });
  listener.closeAllConnections();
  await new Promise((resolve) => listener.close(resolve));
  await viewer?.leave();
} catch (error) {
  fail(error);
}

/** Listens at the documented port, or at a free one if that is taken. */
async function listen(app: express.Express): Promise<Server> {
  const listener = app.listen(PORT, "127.0.0.1");
  try {
    await once(listener, "listening");
    return listener;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    const other = app.listen(0, "127.0.0.1");
    await once(other, "listening");
    return other;
  }
}

function createRouter(): McpRouter {
  return createMcpRouter({
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
    createServer({ principal }) {
      const mcp = new McpServer({ name: "demo", version: "1.0.0" });
      mcp.registerTool("whoami", { description: "Tells who is calling" }, () => {
        const { id, method, issuer } = principal;
        const text = `You are ${id}, let in by ${method}, vouched for by ${issuer ?? "nobody"}.`;
        return { content: [{ type: "text", text }] };
      });
      return mcp;
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
  const response = await fetch(url, { method: "POST" });
  assert.equal(response.status, 401, "a stranger must be refused");
  const challenge = response.headers.get("www-authenticate") ?? "";
  assert.match(challenge, /^Bearer /);
  const { error_description: reason } = (await response.json()) as { error_description: string };
  title("A stranger, without a credential");
  row("POST /mcp", paint("red", `${response.status} ${response.statusText}`));
  row("challenge", challenge);
  row("reason", reason);
}

async function showClients(url: string, token: string): Promise<void> {
  const answer = await whoami(url, bearer(token), connectStreamable);
  assert.equal(answer, "You are alice, let in by jwt, vouched for by my-auth-service.");
  title("A client of the official SDK, with a token signed just now");
  row("client", `${paint("cyan", "Authorization: Bearer")} ${token.slice(0, 12)}…`);
  row("tool", paint("yellow", "whoami"));
  row("principal", paint("green", answer));
  assert.equal(await whoami(`${url}/sse`, bearer(token)), answer);
  row("older one", `over HTTP+SSE, at ${url}/sse: the same`);
}

/** Shows it after a client with this very key was let in. */
async function showWhatToPaste(url: string, key: string): Promise<void> {
  assert.equal(
    await whoami(url, { "X-API-Key": key }, connectStreamable),
    "You are visitor, let in by apikey, vouched for by nobody.",
  );
  const header = `--header "X-API-Key: ${key}"`;
  const headers = { "X-API-Key": key };
  title("Now you: paste one of these, and call whoami");
  for (const [client, text] of [
    ["Claude Code", `claude mcp add --transport http demo ${url} ${header}`],
    ["VS Code, .vscode/mcp.json", json({ servers: { demo: { type: "http", url, headers } } })],
    ["Cursor, .cursor/mcp.json", json({ mcpServers: { demo: { url, headers } } })],
    [
      "MCP Inspector",
      `npx @modelcontextprotocol/inspector --cli ${url} --method tools/call --tool-name whoami ${header}`,
    ],
    ["A client that knows HTTP+SSE only", `${url}/sse`],
    ["The bare stream of that", `curl -N -H "X-API-Key: ${key}" ${url}/sse`],
    [
      "All that clients see, examined (in a clone, after npm run build)",
      `npx express-mcp-sse doctor ${url} ${header}`,
    ],
  ] as const) {
    console.log(`\n${paint("dim", `# ${client}`)}\n${text}`);
  }
  console.log(
    viewer === undefined
      ? "\nThe server ends now. On a terminal it stays until a key is pressed."
      : `\n${paint("bold", "The server stays until you press a key.")} The key is good for as long.`,
  );
}

/** What the server has to say, while it is about the viewer's own clients. */
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
