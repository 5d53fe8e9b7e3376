import { MCPServer } from "../../src/index.js";
import type { McpServerConfig } from "../../src/index.js";
import { isTaken } from "../../src/server/monitor-place.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { asCaller, converse } from "../kit/conversation.js";
import { recordingLogger } from "../kit/leak-watch.js";
import { endLinkOf, letIn, partOf } from "../kit/monitor.js";
import { Person } from "../kit/person.js";
import { send } from "../kit/raw-http.js";
import { openStream } from "../kit/raw-sse.js";
import { JWT_AUTH, startMcpServer } from "../kit/serve.js";
import { begin } from "../kit/streamable.js";
import { registerTools } from "../kit/tools.js";

cleanUpAfterEach();

const TYPES = ["sse", "http-stream"] as const;

/** A configuration with a page for operators. */
function configOf(type: (typeof TYPES)[number], options: object): McpServerConfig {
  const all = { port: 0, logger: recordingLogger(), auth: JWT_AUTH, ...options };
  return { setup: registerTools, transport: { type, options: all } };
}

describe.each(TYPES)("FACT-60: an MCPServer over %s", (type) => {
  it("has a page for operators, behind their guard, from start to start", async () => {
    let isOperator = false;
    const guard: typeof letIn = (_req, res, next) =>
      isOperator ? next() : void res.status(401).end("operators only");
    const monitor = { guard, path: "/admin/tools(of)+shop", title: "Tools of the shop" };
    const server = await startMcpServer(configOf(type, { monitor }));
    for (const time of ["first", "second"]) {
      isOperator = false;
      const page = new URL(`${monitor.path}/`, server.url).href;
      const alice = asCaller({ sub: "alice" });
      const client = await (type === "sse" ? converse : begin)(server.url!, alice);
      await client.call("echo", { text: time });
      for (const path of ["", "live", "end", "nothing"]) {
        expect((await send(`${page}${path}`, { headers: alice })).text).toBe("operators only");
      }
      isOperator = true;
      const operator = new Person([new URL(page).origin]);
      const shown = (await operator.visit(page)).text;
      expect(shown).toContain("Tools of the shop");
      expect(partOf(shown, "sessions")).toContain("alice");
      expect(partOf(shown, "done")).toMatch(/tool echo 0 \d+ ms \d+ ms 1 /);
      expect((await (await openStream(`${page}live`)).nextEvent()).event).toBe("parts");
      const question = await operator.visit(new URL(endLinkOf(shown, "alice"), page).href);
      expect((await operator.submit(question, {})).status).toBe(200);
      expect(server.sessions?.size).toBe(0);
      await server.stop({ timeoutMs: 0 });
      await server.start();
    }
  });

  it.each([
    ["no guard", {}, "transport.options.monitor.guard is missing"],
    ["no object", true, "transport.options.monitor must be an object"],
    ["the endpoint", { guard: letIn, path: "/mcp" }, "monitor.path is where something else"],
    ["the health check", { guard: letIn, path: "/Health" }, "monitor.path is where something else"],
    ["well-known", { guard: letIn, path: "/.well-known/m" }, "monitor.path is where something"],
    ["no path", { guard: letIn, path: "admin" }, "monitor.path is no plain path"],
  ])("refuses %s with a TypeError", (_what, monitor, message) => {
    const make = () => new MCPServer(configOf(type, { endpoint: "/mcp", monitor }));
    expect(make).toThrow(TypeError);
    expect(make).toThrow(message);
  });
});

it("FACT-60: over stdio there is none: it says where it goes", () => {
  const monitor = { guard: letIn };
  for (const config of [{ monitor }, { transport: { type: "stdio", monitor } }]) {
    const make = () => new MCPServer(config as McpServerConfig);
    expect(make).toThrow(TypeError);
    expect(make).toThrow(/monitor.*transport\.options\.monitor/);
  }
});

it.each([
  ["/monitor", ["/sse", "/messages", "/monitors", "/moni"], false],
  ["/monitor", ["/monitor"], true],
  ["/monitor", ["/MONITOR/"], true],
  ["/monitor", ["/monitor/sse"], true],
  ["/mcp/monitor", ["/mcp"], true],
  ["/oauth/monitor", ["/oauth"], true],
] as const)("FACT-60: a page at %s, beside %j: taken: %p", (place, others, taken) => {
  expect(isTaken(place, others)).toBe(taken);
});
