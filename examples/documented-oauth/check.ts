import assert from "node:assert/strict";
import { ClientMemory, connectAs, oauthClientKits } from "../../test/kit/oauth-clients.js";
import { OidcIssuer } from "../../test/kit/oidc-issuer.js";
import { bearer, statusOf } from "../support/client.js";

// The authorization server: a real one, oidc-provider. It registers clients, lets people sign in,
// and issues access tokens for "my-mcp-server".
const issuer = await OidcIssuer.start({ audience: "my-mcp-server" });

Object.assign(process.env, {
  PORT: "0",
  AUTH_ISSUER: issuer.url,
  OAUTH_CLIENT_ID: issuer.clientId,
  OAUTH_CLIENT_SECRET: issuer.clientSecret,
});
const { server } = await import("./server.js");
const url = server.url!;

// A client that has nothing but the URL is told where to sign in, and ends up as the one who did.
for (const kit of oauthClientKits) {
  const memory = new ClientMemory();
  const client = await connectAs(kit, url, memory, (page) => issuer.login(page, "alice"));
  assert.equal(await client.call("whoami"), "alice", kit.name);
  assert.deepEqual(memory.authorizationUrl!.searchParams.get("scope")!.split(" ").slice(0, 2), [
    "mcp:read",
    "mcp:write",
  ]);
  await client.close();

  assert.equal(await statusOf(url, bearer(memory.accessTokens[0]!)), 200);
  assert.equal(await statusOf(url, bearer(memory.accessTokens[0]!.slice(0, -1))), 401);
  assert.equal(await statusOf(url, bearer(memory.refreshTokens[0]!)), 401);
  assert.equal(await statusOf(`${url}?access_token=${memory.accessTokens[0]!}`), 401);
}
assert.equal(await statusOf(url), 401);

process.emit("SIGTERM");
await issuer.stop();
