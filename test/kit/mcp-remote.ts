import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { onDispose } from "./clean-up.js";
import { clientV1Over } from "./sdk-clients.js";
import type { ClientKit } from "./sdk-clients.js";

const PROXY = join(require.resolve("mcp-remote/package.json"), "../dist/proxy.js");

/** How the program is told to talk: `--transport` and `--protocol`. */
export interface McpRemoteMode {
  readonly transport: "http-first" | "http-only" | "sse-first" | "sse-only";
  /** Default: it is not told, which is `legacy`. */
  readonly protocol?: "legacy" | "auto";
}

/** A host application that reaches the server through the program mcp-remote. */
export async function throughMcpRemote(
  { transport, protocol }: McpRemoteMode = { transport: "sse-only" },
): Promise<ClientKit> {
  const home = await mkdtemp(join(tmpdir(), "mcp-remote-"));
  onDispose(() => rm(home, { recursive: true, force: true }));
  const mode = [
    "--transport",
    transport,
    ...(protocol === undefined ? [] : ["--protocol", protocol]),
  ];
  let said = "";
  const kit = clientV1Over(
    `mcp-remote ${mode.join(" ")}`,
    class extends StdioClientTransport {
      constructor(url: URL, { requestInit: { headers } }: { requestInit: { headers: object } }) {
        const named = Object.entries(headers as Record<string, string>);
        super({
          command: process.execPath,
          args: [
            ...[PROXY, url.href, ...mode],
            ...named.flatMap(([name, value]) => ["--header", `${name}:${value}`]),
          ],
          env: { HOME: home, MCP_REMOTE_CONFIG_DIR: home, PATH: process.env["PATH"] ?? "" },
          stderr: "pipe",
        });
        this.stderr!.on("data", (chunk: Buffer) => (said += chunk.toString()));
      }
    },
  );
  return {
    name: kit.name,
    // Its reasons are on its standard error, and nowhere else.
    connect: (url, options) =>
      kit.connect(url, options).catch((error: unknown) => {
        throw new Error(`${String(error)}\n${said}`);
      }),
  };
}
