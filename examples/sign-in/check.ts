import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { callTool, statusOf } from "../support/client.js";
import { startProvider } from "../support/identity-provider.js";
import { Person } from "../support/person.js";

/** A port that is free: the provider must know our address before we start. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const port = await freePort();
const publicUrl = `http://127.0.0.1:${port}/mcp`;
const client = { id: "example-tools", secret: "a secret that the provider gave us" };
const provider = await startProvider(client, `${publicUrl}/oauth/callback`);
process.env.PORT = String(port);
process.env.OAUTH_ISSUER = provider.issuer;
process.env.OAUTH_CLIENT_ID = client.id;
process.env.OAUTH_CLIENT_SECRET = client.secret;

const { listener } = await import("./server.js");
if (!listener.listening) await new Promise((resolve) => listener.once("listening", resolve));
const url = new URL(`${publicUrl}/sse`);

// The client knows our URL only. What it is told it keeps; the person's browser it would open.
const kept: Record<string, unknown> = {};
let authorizationUrl = "";
const redirectUrl = "http://127.0.0.1:1/callback";
const authProvider = {
  redirectUrl,
  clientMetadata: {
    client_name: "Example client",
    redirect_uris: [redirectUrl],
    token_endpoint_auth_method: "none",
  },
  clientInformation: () => kept["client"],
  saveClientInformation: (information: unknown) => void (kept["client"] = information),
  tokens: () => kept["tokens"],
  saveTokens: (tokens: unknown) => void (kept["tokens"] = tokens),
  codeVerifier: () => kept["verifier"],
  saveCodeVerifier: (verifier: string) => void (kept["verifier"] = verifier),
  redirectToAuthorization: (where: URL) => void (authorizationUrl = where.href),
};
// eslint-disable-next-line @typescript-eslint/no-deprecated -- the SDK calls all of SSE deprecated; this package carries it on
const transport = () => new SSEClientTransport(url, { authProvider: authProvider as never });

assert.equal(await statusOf(url.href), 401);
const first = transport();
await assert.rejects(new Client({ name: "example", version: "1.0.0" }).connect(first));
assert.ok(authorizationUrl.startsWith(`${publicUrl}/oauth/authorize?`));

// The person signs in at the provider, and approves at our server.
const isBack = (at: string): boolean => at.startsWith(redirectUrl);
const person = new Person();
let page = await person.visit(authorizationUrl, isBack);
while (page.text.includes('name="prompt"')) {
  assert.ok(page.url.startsWith(provider.issuer));
  page = await person.submit(page, { login: "ada", password: "any" }, isBack);
}
assert.match(page.text, /Allow access to Example Tools\?/);
assert.match(page.text, /ada of Example/);
const answer = await person.submit(page, { decision: "approve" }, isBack);

await first.finishAuth(new URL(answer.url).searchParams.get("code") ?? "");
const connected = new Client({ name: "example", version: "1.0.0" });
await connected.connect(transport());
assert.equal(await callTool(connected, "whoami"), "ada of Example");
assert.match(await callTool(connected, "profile"), /"sub":"ada"/);
await connected.close();

process.emit("SIGTERM");
await provider.close();
