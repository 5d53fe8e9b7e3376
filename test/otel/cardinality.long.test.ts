import { cleanUpAfterEach } from "../kit/clean-up.js";
import { begin } from "../kit/streamable.js";
import { observeTelemetry } from "../kit/telemetry.js";
import { callMadeUpTools, serveTraced, WIRES } from "../kit/traced.js";

cleanUpAfterEach();

test("FACT-37: ten thousand tools that a caller made up are one series", async () => {
  const { spans, series, scrape } = await observeTelemetry();
  const { mcpUrl } = await serveTraced(WIRES[0]!);
  await callMadeUpTools(await begin(mcpUrl), 10_000);

  const name = "mcp_server_operation_duration_count";
  const calls = await series(name, { mcp_method_name: "tools/call" });
  expect(calls.map(({ labels, value }) => [labels["gen_ai_tool_name"], value])).toEqual([
    ["_OTHER", 10_000],
  ]);
  expect(await scrape()).not.toContain("made-up");
  expect([...new Set(spans.names)].sort()).toEqual(["initialize", "tools/call"]);
});
