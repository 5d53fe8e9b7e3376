/** The one tool that every server offers, for those that are built on the SDK's McpServer. */
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import process from "node:process";
import { z } from "zod";

/** Every SDK server that has a session now. */
const connected = new Set();

/** Made once, as in a program that is to serve more than one session. */
const inputSchema = { text: z.string(), times: z.number().int().optional() };

/** The tool, and the capability that notifications need. */
export function setUp(mcp) {
  mcp.server.registerCapabilities({ logging: {} });
  mcp.registerTool(
    "echo",
    { description: "Says it again", inputSchema },
    ({ text, times = 1 }) => ({ content: [{ type: "text", text: text.repeat(times) }] }),
  );
  connected.add(mcp);
  mcp.server.onclose = () => connected.delete(mcp);
}

export function createEchoServer() {
  const mcp = new McpServer({ name: "echo", version: "1.0.0" });
  setUp(mcp);
  return mcp;
}

/**
 * Sends a notification to every session.
 *
 * @returns when it began, in microseconds of the clock that all processes of a machine share.
 */
export async function notifyAll(notification) {
  const startedAt = nowUs();
  await Promise.all([...connected].map((mcp) => mcp.server.notification(notification)));
  return startedAt;
}

export function nowUs() {
  return Number(process.hrtime.bigint()) / 1000;
}
