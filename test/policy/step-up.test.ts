import express from "express";
import { createMcpRouter } from "../../src/index.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { guardedV1, Ran, RULES } from "../kit/guarded-servers.js";
import { recordingLogger } from "../kit/leak-watch.js";
import { listen } from "../kit/listen.js";
import { ClientMemory, connectAs, streamableOAuthClientKits } from "../kit/oauth-clients.js";
import { OidcIssuer } from "../kit/oidc-issuer.js";

cleanUpAfterEach();

/** A router behind an issuer of others, whose tokens are for it. */
async function serve(ran: Ran) {
  const issuer = await OidcIssuer.start({ scopes: ["read", "admin"] });
  onDispose(() => issuer.stop());
  const { clientId, clientSecret } = issuer;
  const app = express();
  const mcpUrl = `${(await listen(app)).url}/mcp`;
  const router = createMcpRouter({
    publicUrl: mcpUrl,
    auth: {
      type: "oauth",
      options: { issuerUrl: issuer.url, clientId, clientSecret, scopes: ["read"] },
    },
    createServer: () => guardedV1.create(ran),
    policy: { ...RULES, denied: "http-403" },
    logger: recordingLogger(),
  });
  onDispose(() => router.close({ timeoutMs: 0 }));
  app.use(router.wellKnown);
  app.use("/mcp", router);
  return { mcpUrl, issuer };
}

const scopesOf = (memory: ClientMemory) =>
  memory.authorizationUrl?.searchParams.get("scope")?.split(" ").sort();

/**
 * What a client knows that is registered for all scopes, and gets no refresh token. One that registers itself does so
 * for those of the first challenge, and the issuer holds it to them; one of v1 redeems its refresh token instead of
 * asking for more.
 */
async function registered({ url }: OidcIssuer): Promise<ClientMemory> {
  const memory = new ClientMemory();
  memory.clientMetadata.grant_types = ["authorization_code"];
  const answer = await fetch(`${url}/reg`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(memory.clientMetadata),
  });
  const known = (await answer.json()) as { client_id: string };
  memory.saveClientInformation({ ...known, issuer: url });
  return memory;
}

it("POLICY-33: official clients of both majors sign in again for what is missing, and go on with their session", async () => {
  const ran = new Ran();
  const { mcpUrl, issuer } = await serve(ran);
  const signIn = (url: URL) => issuer.login(url, "alice");
  for (const kit of streamableOAuthClientKits) {
    const memory = await registered(issuer);
    const client = await connectAs(kit, mcpUrl, memory, signIn);
    expect(scopesOf(memory)).toEqual(["read"]);
    await expect(client.call("delete")).rejects.toThrow("Unauthorized");
    expect(scopesOf(memory)).toEqual(["admin", "read"]);
    expect(ran.list).toEqual([]);
    await kit.finishAuth(mcpUrl, memory, await signIn(memory.authorizationUrl!));
    expect(await client.call("delete")).toBe("delete");
    expect(ran.list.splice(0)).toEqual(["delete"]);
    await client.close();
  }
  // Each client has had one session.
  expect(ran.servers).toHaveLength(2);
});
