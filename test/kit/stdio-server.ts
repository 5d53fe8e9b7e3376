// A program for tests: an MCPServer on standard input and output, also a bare one, or on a port.
import { MCPServer } from "../../src/index.js";
import { addToolsV1, Stage } from "./feature-servers.js";

const mode = process.argv[2];

const server =
  mode === "bare"
    ? new MCPServer()
    : mode === "stdio"
      ? new MCPServer({
          name: "program",
          version: "3.2.1",
          setup: (mcp, session) => {
            addToolsV1(mcp, new Stage());
            mcp.registerTool("session", {}, () => ({
              content: [
                {
                  type: "text",
                  text: JSON.stringify({
                    state: session.state,
                    isNobodys: !("id" in Object(session.principal)),
                  }),
                },
              ],
            }));
            mcp.server.onclose = () => void process.stderr.write("setup's onclose\n");
            session.signal.addEventListener("abort", () => void process.stderr.write("aborted\n"));
            mcp.registerTool("stop", {}, () => {
              setImmediate(() => session.close());
              return { content: [{ type: "text", text: "stopping" }] };
            });
          },
        })
      : new MCPServer({
          setup: (mcp) => addToolsV1(mcp, new Stage()),
          transport: { type: "sse", options: { port: 0, auth: false } },
        });

void server.start().then(() => {
  if (mode === "sse") process.stdout.write(`${server.url}\n`);
});
process.on("SIGTERM", () => void server.stop({ timeoutMs: 100 }));
