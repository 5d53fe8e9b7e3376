import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import { MCPServer } from "../../../src/index.js";
import type { SessionInfo } from "../../../src/index.js";
import { asCaller, converse } from "../../kit/conversation.js";
import { cleanUpAfterEach } from "../../kit/clean-up.js";
import { serveRouter, startMcpServer } from "../../kit/serve.js";

import { OUR_CLIENT, TestProvider } from "../../kit/identity-provider.js";
import { Person } from "../../kit/person.js";
import { createToolServer, obtainTokens, serveSignIn } from "../../kit/sign-in.js";
import type { ServeSignInOptions, SignInSetup } from "../../kit/sign-in.js";

cleanUpAfterEach();

test("SIGNIN-1: a client that knows only our URL registers, a person signs in at the provider, and the client acts for them", async () => {
  const setup = await serveSignIn();
  const { tokens } = await obtainTokens(setup, setup.person());
  expect(tokens).toMatchObject({ status: 200, token_type: "Bearer", scope: "mcp:read" });
  const conversation = await converse(setup.resource, {
    authorization: `Bearer ${tokens.access_token}`,
  });
  expect(JSON.parse(await conversation.call("whoami"))).toMatchObject({
    id: "alice",
    method: "oauth",
    issuer: setup.issuer,
    scopes: ["mcp:read"],
    claims: { name: "alice of Example", email: "alice@example.com" },
  });
});

async function whoami(
  { resource }: Pick<SignInSetup, "resource">,
  token: string,
): Promise<unknown> {
  const conversation = await converse(resource, { authorization: `Bearer ${token}` });
  return JSON.parse(await conversation.call("whoami")) as unknown;
}

describe("SIGNIN-25: it fits the application", () => {
  test.each<[string, ServeSignInOptions]>([
    [
      "express.json() and express.urlencoded() in front",
      {
        before: (app) => void app.use(express.json(), express.urlencoded({ extended: true })),
      },
    ],
    ["at the root", { base: "" }],
    ["below a longer path", { base: "/a/b/mcp" }],
  ])("with %s", async (_what, options) => {
    const setup = await serveSignIn(options);
    const { tokens } = await obtainTokens(setup, setup.person());
    expect(await whoami(setup, tokens.access_token)).toMatchObject({ id: "alice" });
  });
});

test("SIGNIN-25, SIGNIN-33: MCPServer signs people in at its own port, and ends them", async () => {
  const reserved = createServer();
  await new Promise<void>((resolve) => reserved.listen(0, "127.0.0.1", resolve));
  const { port } = reserved.address() as AddressInfo;
  await new Promise((resolve) => reserved.close(resolve));
  const issuer = `http://127.0.0.1:${port}`;
  const provider = await TestProvider.start(`${issuer}/oauth/callback`);
  const server = await startMcpServer({
    setup: (mcp, session: SessionInfo) =>
      void mcp.registerTool("upstream", {}, async () => ({
        content: [{ type: "text", text: (await session.upstream()).scopes.join(" ") }],
      })),
    transport: {
      type: "sse",
      options: {
        port,
        publicUrl: issuer,
        auth: {
          type: "oauth",
          options: {
            issuerUrl: provider.issuer,
            clientId: OUR_CLIENT.id,
            clientSecret: OUR_CLIENT.secret,
            signIn: true,
          },
        },
      },
    },
  });
  const { tokens } = await obtainTokens({ issuer }, new Person([issuer, provider.issuer]));
  expect(tokens.scope).toBe("mcp");
  const conversation = await converse(`${issuer}/sse`, {
    authorization: `Bearer ${tokens.access_token}`,
  });
  expect(await conversation.call("upstream")).toBe("openid profile email");
  expect(await server.signIn?.endFor({ id: "alice" })).toBe(1);
  const refused = await fetch(`${issuer}/sse`, {
    headers: { authorization: `Bearer ${tokens.access_token}` },
  });
  expect(refused.status).toBe(401);
  await refused.text();
  expect(new MCPServer({ setup: () => undefined }).signIn).toBeUndefined();
});

test("SIGNIN-21: without a sign-in there is no token of a provider", async () => {
  const served = await serveRouter({
    createServer: (session) => {
      void session.upstream().catch((error: unknown) => (reason = error));
      return createToolServer(session);
    },
  });
  let reason: unknown;
  await converse(served.sseUrl, asCaller());
  expect(reason).toMatchObject({ message: expect.stringMatching(/did not sign in here/) });
});
