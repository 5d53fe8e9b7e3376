import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { onDispose } from "./clean-up.js";
import { clientV1Over } from "./sdk-clients.js";
import type { ClientKit } from "./sdk-clients.js";

const PROXY = join(require.resolve("mcp-remote/package.json"), "../dist/proxy.js");

/** A host application that reaches the server through the program mcp-remote. */
export async function throughMcpRemote(): Promise<ClientKit> {
  const home = await mkdtemp(join(tmpdir(), "mcp-remote-"));
  onDispose(() => rm(home, { recursive: true, force: true }));
  return clientV1Over(
    "mcp-remote",
    class extends StdioClientTransport {
      constructor(url: URL, { requestInit: { headers } }: { requestInit: { headers: object } }) {
        const named = Object.entries(headers as Record<string, string>);
        super({
          command: process.execPath,
          args: [
            ...[PROXY, url.href, "--transport", "sse-only"],
            ...named.flatMap(([name, value]) => ["--header", `${name}:${value}`]),
          ],
          env: { HOME: home, MCP_REMOTE_CONFIG_DIR: home, PATH: process.env["PATH"] ?? "" },
          stderr: "ignore",
        });
      }
    },
  );
}
