import { Client as ClientV2, InMemoryTransport as InMemoryV2 } from "@modelcontextprotocol/client";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { McpServer as McpServerV2 } from "@modelcontextprotocol/server";
import { authInfoFor, principalOf } from "../../src/index.js";
import type { AuthInfo } from "../../src/index.js";

const textOf = (result: unknown) => (result as { content: { text: string }[] }).content[0]!.text;
const shown = (context: unknown) => ({
  content: [{ type: "text" as const, text: JSON.stringify(principalOf(context) ?? null) }],
});

/** Whom a tool of SDK v1 takes the caller for. */
async function seenByV1(authInfo: AuthInfo): Promise<unknown> {
  const server = new McpServer({ name: "tested", version: "1" });
  server.registerTool("whoami", {}, (extra) => shown(extra));
  const [near, far] = InMemoryTransport.createLinkedPair();
  const send = near.send.bind(near);
  near.send = (message, options) => send(message, { ...options, authInfo });
  const client = new Client({ name: "test", version: "1" });
  await Promise.all([server.connect(far), client.connect(near)]);
  const seen: unknown = JSON.parse(
    textOf(await client.callTool({ name: "whoami", arguments: {} })),
  );
  await client.close();
  return seen;
}

/** The same of SDK v2. */
async function seenByV2(authInfo: AuthInfo): Promise<unknown> {
  const server = new McpServerV2({ name: "tested", version: "1" });
  server.registerTool("whoami", {}, (ctx) => shown(ctx));
  const [near, far] = InMemoryV2.createLinkedPair();
  const send = near.send.bind(near);
  near.send = (message, options) => send(message, { ...options, authInfo });
  const client = new ClientV2({ name: "test", version: "1" });
  await Promise.all([server.connect(far), client.connect(near)]);
  const seen: unknown = JSON.parse(
    textOf(await client.callTool({ name: "whoami", arguments: {} })),
  );
  await client.close();
  return seen;
}

describe.each([
  ["SDK v1", seenByV1],
  ["SDK v2", seenByV2],
])("over the in-memory transport of %s", (_name, seenBy) => {
  it("AUTH-17: a tool sees the caller that a test made", async () => {
    const caller = { id: "ada", clientId: "app", scopes: ["read"], claims: { team: "blue" } };
    expect(await seenBy(authInfoFor(caller))).toEqual({ ...caller, method: "test" });
    expect(await seenBy(authInfoFor({ id: "ada", method: "oauth" }))).toMatchObject({
      method: "oauth",
    });
  });

  it("AUTH-17: a tool takes no object for a caller that merely looks like one", async () => {
    const { extra } = authInfoFor({ id: "ada" });
    const fake = { ...(extra?.["principal"] as object) };
    const authInfo = { token: "", clientId: "ada", scopes: [], extra: { principal: fake } };
    expect(await seenBy(authInfo)).toBeNull();
  });
});

it("AUTH-17: a caller without an id is a mistake, and its token is not printed", () => {
  expect(() => authInfoFor({ id: "" })).toThrow(/principal of "test" has no id/);
  const info = authInfoFor({ id: "ada" }, "a-token-nobody-prints");
  expect(info.token).toBe("a-token-nobody-prints");
  expect(JSON.stringify(info)).not.toContain("nobody-prints");
});
