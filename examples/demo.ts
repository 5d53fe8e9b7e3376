/**
 * The main job in one minute: an MCP server with the documented JWT configuration, a stranger who
 * is refused, and a client with a token who is not.
 *
 * Exits with 0 when all of it went as it should. `--stay` keeps the server running, so that the
 * commands it prints can be tried.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import jsonwebtoken from "jsonwebtoken";
import { MCPServer, principalOf } from "express-mcp-sse";
import { bearer, whoami } from "./support/client.js";

const TIMEOUT_MS = 30_000;

const stays = process.argv.includes("--stay");
// Never the environment's own: the token that is printed would be good elsewhere.
process.env.JWT_SECRET = randomBytes(32).toString("base64url");

const server = new MCPServer({
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
      port: 0, // a free one
      auth: {
        type: "jwt",
        options: {
          secret: process.env.JWT_SECRET,
          algorithms: ["HS256"],
          issuer: "my-auth-service",
          audience: "my-mcp-server",
        },
      },
    },
  },
});

const watchdog = setTimeout(() => {
  fail(new Error(`The demo did not finish within ${TIMEOUT_MS / 1000} seconds.`));
}, TIMEOUT_MS);

try {
  await server.start();
  const url = server.url!;
  console.log(`The server listens on ${url}\n`);
  await showStranger(url);
  const token = signToken(process.env.JWT_SECRET);
  await showClient(url, token);
  showCurl(url, token);
} catch (error) {
  fail(error);
}
clearTimeout(watchdog);
if (stays) process.once("SIGINT", () => void server.stop());
else await server.stop();

async function showStranger(url: string): Promise<void> {
  const response = await fetch(url);
  assert.equal(response.status, 401, "a stranger must be refused");
  const challenge = response.headers.get("www-authenticate") ?? "";
  assert.match(challenge, /^Bearer /);
  console.log("A stranger gets:");
  console.log(`  ${response.status} ${response.statusText}`);
  console.log(`  WWW-Authenticate: ${challenge}`);
  console.log(`  ${JSON.stringify(await response.json())}\n`);
}

function signToken(secret: string): string {
  return jsonwebtoken.sign({}, secret, {
    subject: "alice",
    issuer: "my-auth-service",
    audience: "my-mcp-server",
    expiresIn: "1h",
  });
}

async function showClient(url: string, token: string): Promise<void> {
  const answer = await whoami(url, bearer(token));
  assert.equal(answer, "You are alice, let in by jwt, vouched for by my-auth-service.");
  console.log("The official SDK client, with a token signed just now, calls the tool whoami:");
  console.log(`  ${answer}\n`);
}

function showCurl(url: string, token: string): void {
  const initialize = JSON.stringify({
    jsonrpc: "2.0",
    id: 1,
    method: "initialize",
    params: {
      protocolVersion: "2024-11-05",
      capabilities: {},
      clientInfo: { name: "curl", version: "1" },
    },
  });
  console.log(`By hand: open the stream in one terminal, and leave it open:

TOKEN=${token}
curl -N -H "Authorization: Bearer $TOKEN" ${url}

Its first event names a path. In another terminal, send a message there; the answer comes as an
event of the stream:

TOKEN=${token}
ENDPOINT='/messages?sessionId=...'
curl -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \\
  -d '${initialize}' \\
  "${new URL(url).origin}$ENDPOINT"
`);
  console.log(
    stays
      ? "The server stays until you press Ctrl-C; the token is good for an hour."
      : "The server ends now. To try the commands, keep it: npm run demo -- --stay",
  );
}

function fail(error: unknown): never {
  console.error("The demo failed:", error);
  process.exit(1);
}
