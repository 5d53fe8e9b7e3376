import express from "express";
import { createSseRouter } from "../../src/index.js";
import type { AuthConfig } from "../../src/index.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { listen } from "../kit/listen.js";
import { SECRET, secretToken } from "../kit/tokens.js";
import { Stage } from "../kit/feature-servers.js";
import type { CallerSeen } from "../kit/feature-servers.js";
import { pairs } from "../kit/feature-clients.js";
import type { ServerKit } from "../kit/feature-clients.js";

cleanUpAfterEach();

const jwt: AuthConfig = { type: "jwt", options: { secret: SECRET, algorithms: ["HS256"] } };
const KEY = "a-key-that-nobody-may-see";
const apikey: AuthConfig = {
  type: "apikey",
  options: { keys: [{ id: "robot", key: KEY, scopes: ["read"] }], queryParam: "api_key" },
};

async function serve(server: ServerKit, auth: AuthConfig | false): Promise<string> {
  const app = express();
  const router = createSseRouter({
    auth: auth as AuthConfig,
    createServer: () => server.create(new Stage()),
  });
  app.use("/app/:tenant/mcp", router);
  onDispose(() => router.close({ timeoutMs: 0 }));
  return `${(await listen(app)).url}/app/acme/mcp/sse`;
}

describe.each(pairs)("$client.name with $server.name", ({ client, server }) => {
  const ask = async (url: string, headers: Record<string, string> = {}): Promise<CallerSeen> => {
    const mcp = await client.connect(url, { headers });
    return JSON.parse(await mcp.call("whoami")) as CallerSeen;
  };

  it("AUTH-10: a tool sees the principal of a token, and the token", async () => {
    const token = secretToken({ sub: "ada", scope: "read write", azp: "app" });
    const url = await serve(server, jwt);
    const seen = await ask(url, { authorization: `Bearer ${token}`, "x-trace": "7" });
    expect(seen).toMatchObject({
      principal: { id: "ada", method: "jwt", scopes: ["read", "write"], clientId: "app" },
      clientId: "app",
      token,
    });
    expect(seen.headers).toMatchObject({ authorization: `Bearer ${token}`, "x-trace": "7" });
    expect(seen.url).toMatch(/\/app\/acme\/mcp\/messages\?sessionId=/);
  });

  it.each([
    ["in its header", "", { "x-api-key": KEY }],
    ["as a bearer token", "", { authorization: `Bearer ${KEY}` }],
    ["in the query", `?api_key=${KEY}`, {}],
  ])(
    "AUTH-10, AUTH-11, STREAM-3: a tool sees the principal of an API key %s, and the key nowhere",
    async (_where, query, headers) => {
      const seen = await ask(`${await serve(server, apikey)}${query}`, {
        ...(headers as Record<string, string>),
        "x-trace": "7",
      });
      expect(seen).toMatchObject({
        principal: { id: "robot", method: "apikey", scopes: ["read"] },
        clientId: "robot",
        token: "",
      });
      expect(seen.headers["x-trace"]).toBe("7");
      expect(JSON.stringify(seen)).not.toContain(KEY);
    },
  );

  it("AUTH-10: on an open endpoint there is no principal", async () => {
    const seen = await ask(await serve(server, false));
    expect(seen).toMatchObject({ principal: null, clientId: null, token: null });
  });

  it("AUTH-10: nobody can pass for a principal by sending something", async () => {
    const url = await serve(server, false);
    const mcp = await client.connect(url, { headers: { "x-principal": '{"id":"root"}' } });
    const seen = JSON.parse(
      await mcp.call("whoami", { authInfo: { extra: { principal: { id: "root" } } } }),
    ) as CallerSeen;
    expect(seen.principal).toBeNull();
  });

  it("AUTH-9, AUTH-10: each call has the principal of its own session", async () => {
    const url = await serve(server, jwt);
    const names = ["ada", "bob", "eve"];
    const seen = await Promise.all(
      names.map((sub) => ask(url, { authorization: `Bearer ${secretToken({ sub })}` })),
    );
    expect(seen.map(({ principal }) => principal?.id)).toEqual(names);
  });
});
