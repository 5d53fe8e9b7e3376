import { McpServer as McpServerV1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { EmptyResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { McpServer as McpServerV2 } from "@modelcontextprotocol/server";
import { SSEServerTransport } from "../../src/index.js";
import type { McpServerLike } from "../../src/index.js";
import { host } from "../kit/drop-in.js";
import { signal, turn } from "../kit/waiting.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { converse } from "../kit/conversation.js";
import { serveRouter } from "../kit/serve.js";
import { post, toolCall } from "../kit/raw-sse.js";

cleanUpAfterEach();

const cycle: Record<string, unknown> = { secret: "content of an answer" };
cycle["itself"] = cycle;

/** What a tool may answer that is no JSON. */
const RESULTS: Record<string, unknown> = {
  "a BigInt": 1n,
  "a cycle": cycle,
  "a toJSON that throws": {
    toJSON: () => {
      throw new Error("content of an answer");
    },
  },
};
const text = { type: "text" as const, text: "content of an answer" };
const unsendable = (name: string) => ({ content: [text], _meta: { value: RESULTS[name] } });

function register(server: McpServerV1 | McpServerV2): McpServerLike & { connect: unknown } {
  for (const name of Object.keys(RESULTS)) {
    // The two majors' types of a tool have nothing in common but this.
    (server as McpServerV1).registerTool(name.replaceAll(" ", "_"), {}, () => unsendable(name));
  }
  return server;
}

const SERVERS: [string, () => McpServerLike][] = [
  ["v1", () => register(new McpServerV1({ name: "s", version: "1" }))],
  ["v2", () => register(new McpServerV2({ name: "s", version: "2" }))],
];

describe.each(SERVERS)("a server of SDK %s", (_version, createServer) => {
  it.each(Object.keys(RESULTS))(
    "MESSAGE-11: whose tool answers with %s: the call fails at once, and the log tells",
    async (name) => {
      const { sseUrl, lines, sessions } = await serveRouter({ createServer });
      const { stream, postUrl, headers, sessionId } = await converse(sseUrl);
      await post(postUrl, toolCall(9, name.replaceAll(" ", "_")), headers);
      const { id, error } = await stream.nextMessage();
      expect([id, error.code]).toEqual([9, -32_603]);
      await turn();
      expect(sessions.get(sessionId)?.inFlight).toBe(0);
      const [line, ...others] = lines.filter((one) => one.startsWith("error: "));
      expect(line).toContain(`session ${sessionId}: an answer cannot be written as JSON`);
      expect(others).toEqual([]);
      expect(`${stream.bytes}${lines.join("\n")}`).not.toContain("content of an answer");
    },
  );
});

it("MESSAGE-11: an answer without a result is an error too", async () => {
  const server = new McpServerV1({ name: "s", version: "1" });
  const { sseUrl } = await serveRouter({ createServer: () => server });
  const { stream, postUrl, headers } = await converse(sseUrl);
  server.server.fallbackRequestHandler = () => Promise.resolve(undefined as never);
  await post(postUrl, { jsonrpc: "2.0", id: 9, method: "no/result" }, headers);
  expect(await stream.nextMessage()).toMatchObject({ id: 9, error: { code: -32_603 } });
});

it("MESSAGE-11: a notification or request that is no JSON rejects, and the log tells", async () => {
  const mcp = new McpServerV1({ name: "s", version: "1" }, { capabilities: { logging: {} } });
  const { sseUrl, lines } = await serveRouter({ createServer: () => mcp });
  const { stream } = await converse(sseUrl);
  const send = (data: unknown): Promise<void> =>
    mcp.server.notification({ method: "notifications/message", params: { level: "info", data } });
  await expect(send(1n)).rejects.toThrow(/BigInt/);
  const request = { method: "ask/this", params: unsendable("a cycle") };
  await expect(mcp.server.request(request as never, EmptyResultSchema)).rejects.toThrow(/circular/);
  await send("sent");
  expect(await stream.nextMessage()).toMatchObject({ params: { data: "sent" } });
  expect(lines.filter((line) => line.startsWith("error: "))).toHaveLength(2);
});

it("MESSAGE-11, DROPIN-1: the drop-in answers such a call as well, and tells its server", async () => {
  const { transport, stream } = await host(SSEServerTransport);
  const answer = { jsonrpc: "2.0", id: 9, result: { value: 1n } };
  await expect(transport.send(answer)).rejects.toThrow(/BigInt/);
  expect(await stream.nextMessage()).toMatchObject({ id: 9, error: { code: -32_603 } });
});

it("STREAM-9: no message has a character that any reader of lines takes for their end", async () => {
  const breaks = "\n\r\v\f\u001C\u001D\u001E\u0085\u2028\u2029";
  const said = `${breaks}é€😀${breaks}`;
  const server = new McpServerV1({ name: "s", version: "1" });
  server.registerTool("say", {}, () => ({ content: [{ type: "text", text: said }] }));
  const { sseUrl } = await serveRouter({ createServer: () => server });
  const { stream, postUrl, headers } = await converse(sseUrl);
  await post(postUrl, toolCall(9, "say"), headers);
  const { result } = await stream.nextMessage();
  expect(result.content[0].text).toBe(said);
  expect(stream.bytes.replaceAll("\n", "")).not.toMatch(new RegExp(`[${breaks}]`));
  expect(stream.bytes).toContain("é€😀");
});

describe("handlers that throw", () => {
  it("SESSION-3: onclose and onerror both, when the client leaves: it is logged, and no more", async () => {
    const closed = signal();
    const { sseUrl, sessions, lines } = await serveRouter({
      resume: false,
      createServer: () => {
        const server = new McpServerV1({ name: "s", version: "1" });
        server.server.onclose = () => {
          throw new Error("handler of onclose");
        };
        server.server.onerror = () => {
          throw new Error("handler of onerror");
        };
        return server;
      },
    });
    sessions.on("closed", () => closed.resolve());
    const { stream, sessionId } = await converse(sseUrl);
    stream.close();
    await closed.promise;
    const errors = lines.filter((line) => line.startsWith("error: "));
    expect(errors).toEqual([`error: session ${sessionId}: its onclose and its onerror threw`]);
  });

  it("SESSION-3: the same of a drop-in harms nobody", async () => {
    const { stream, res, transport } = await host(SSEServerTransport);
    const boom = (): never => {
      throw new Error("handler");
    };
    transport.onclose = boom;
    transport.onerror = boom;
    stream.close();
    await new Promise((resolve) => res.once("close", resolve));
    await turn();
  });

  it("SESSION-3: a logger too, whatever it is told", async () => {
    const boom = (): never => {
      throw new Error("logger");
    };
    const logger = { debug: boom, info: boom, warn: boom, error: boom };
    const { sseUrl, sessions } = await serveRouter({ logger, resume: false });
    const closed = signal();
    sessions.on("closed", () => boom());
    sessions.on("closed", () => closed.resolve());
    const { stream } = await converse(sseUrl);
    stream.close();
    await closed.promise;
    const { call } = await converse(sseUrl).then((one) => ({ call: one.call.bind(one) }));
    expect(await call("echo", { text: "alive" })).toBe("alive");
  });
});
