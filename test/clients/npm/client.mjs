/**
 * One client as its users have it, in a process of its own: `node client.mjs NAME URL HEADERS`.
 * It connects, says so, and then calls a tool for each line on standard input.
 */
import { execFile } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath, URL } from "node:url";
import { promisify } from "node:util";

const [, , name, url, headersText] = process.argv;
const headers = JSON.parse(headersText);
const headerArguments = (separator) =>
  Object.entries(headers).flatMap(([key, value]) => ["--header", `${key}${separator}${value}`]);
const installed = (path) => fileURLToPath(new URL(`node_modules/${path}`, import.meta.url));

const textOf = ({ isError, content }) => {
  if (isError) throw new Error(content[0].text);
  return content[0].text;
};

/** The SDK's client, of any version. */
const sdk = (folder) => async () => {
  const root = folder === "@modelcontextprotocol/client" ? folder : `${folder}/client`;
  const { Client } = await import(root === folder ? folder : `${root}/index.js`);
  const { SSEClientTransport } = await import(root === folder ? folder : `${root}/sse.js`);
  const client = new Client({ name: "example", version: "1.0.0" }, { capabilities: {} });
  await client.connect(new SSEClientTransport(new URL(url), { requestInit: { headers } }));
  return async (tool, args) => textOf(await client.callTool({ name: tool, arguments: args }));
};

/** The SDK's client as both majors recommend it: Streamable HTTP first, then HTTP+SSE at the same URL. */
const streamableFirst = (parts) => async () => {
  const [{ Client }, { StreamableHTTPClientTransport }, { SSEClientTransport }] = await Promise.all(
    parts.map((part) => import(part)),
  );
  const options = { requestInit: { headers } };
  let client = new Client({ name: "example", version: "1.0.0" });
  try {
    await client.connect(new StreamableHTTPClientTransport(new URL(url), options));
  } catch {
    client = new Client({ name: "example", version: "1.0.0" });
    await client.connect(new SSEClientTransport(new URL(url), options));
  }
  return async (tool, args) => textOf(await client.callTool({ name: tool, arguments: args }));
};

/** A program that a host starts, and speaks to by standard input and output. */
const program =
  (path, ...args) =>
  async () => {
    const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
    const { StdioClientTransport } = await import("@modelcontextprotocol/sdk/client/stdio.js");
    const client = new Client({ name: "host", version: "1.0.0" });
    const { PATH, HOME } = process.env;
    const env = { PATH, HOME, MCP_REMOTE_CONFIG_DIR: HOME };
    await client.connect(
      new StdioClientTransport({
        command: process.execPath,
        args: [installed(path), ...args],
        env,
        stderr: "inherit",
      }),
    );
    return async (tool, args) => textOf(await client.callTool({ name: tool, arguments: args }));
  };

const aiSdk = (folder) => async () => {
  const { createMCPClient, experimental_createMCPClient: older } = await import(folder);
  const client = await (createMCPClient ?? older)({ transport: { type: "sse", url, headers } });
  const tools = await client.tools();
  return async (tool, args) =>
    textOf(await tools[tool].execute(args, { messages: [], toolCallId: "1" }));
};

/** A process for each call. */
const inspector = (path) => async () => async (tool, args) => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...[installed(path), "--cli", url, "--method", "tools/call", "--tool-name", tool],
    ...Object.entries(args).flatMap(([key, value]) => ["--tool-arg", `${key}=${value}`]),
    ...headerArguments(": "),
  ]);
  return textOf(JSON.parse(stdout));
};

const clients = {
  "sdk-1.6": sdk("sdk-1.6"),
  "sdk-1.9": sdk("sdk-1.9"),
  "sdk-1.12": sdk("sdk-1.12"),
  "sdk-1.13": sdk("sdk-1.13"),
  "sdk-v1": sdk("@modelcontextprotocol/sdk"),
  "sdk-v2": sdk("@modelcontextprotocol/client"),
  "streamable-first-v1": streamableFirst(
    ["index", "streamableHttp", "sse"].map((name) => `@modelcontextprotocol/sdk/client/${name}.js`),
  ),
  "streamable-first-v2": streamableFirst(Array(3).fill("@modelcontextprotocol/client")),
  "inspector-1": inspector("inspector-1/cli/build/cli.js"),
  "inspector-2": inspector("inspector-2/clients/launcher/build/index.js"),
  "mcp-remote": program(
    "mcp-remote/dist/proxy.js",
    ...[url, "--transport", "sse-only", ...headerArguments(":")],
  ),
  "mcp-remote-as-documented": program("mcp-remote/dist/proxy.js", url, ...headerArguments(":")),
  supergateway: program("supergateway/dist/index.js", "--sse", url, ...headerArguments(": ")),
  "ai-sdk-1": aiSdk("ai-sdk-mcp-1"),
  "ai-sdk-2": aiSdk("@ai-sdk/mcp"),
  langchain: async () => {
    const { MultiServerMCPClient } = await import("@langchain/mcp-adapters");
    const client = new MultiServerMCPClient({
      mcpServers: { example: { transport: "sse", url, headers } },
    });
    const tools = await client.getTools();
    return async (name, args) => await tools.find((tool) => tool.name === name).invoke(args);
  },
  "openai-agents": async () => {
    const { MCPServerSSE } = await import("@openai/agents-core");
    const server = new MCPServerSSE({ url, requestInit: { headers } });
    await server.connect();
    return async (tool, args) => (await server.callTool(tool, args))[0].text;
  },
};

const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

// A stream that is cut under a library which does not expect it.
process.on("unhandledRejection", (error) => process.stderr.write(`unhandled: ${error}\n`));

const call = await clients[name]();
say({ isConnected: true });
for await (const line of createInterface({ input: process.stdin })) {
  const { id, tool, args } = JSON.parse(line);
  call(tool, args).then(
    (text) => say({ id, text }),
    (error) => say({ id, error: String(error) }),
  );
}
process.exit(0);
