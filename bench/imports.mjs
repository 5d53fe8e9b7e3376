/** How long `import` takes, in fresh processes that take turns. */
import { execFileSync } from "node:child_process";
import process from "node:process";
import { median } from "./stats.mjs";

const ROUNDS = 9;

const API_KEYS = `const { createSseRouter } = await import("express-mcp-sse");
createSseRouter({ auth: { type: "apikey", options: { keys: ["${"k".repeat(32)}"] } }, createServer() {} });`;

/** What is imported; the first two are what an app with Express and the SDK has anyway. */
const CASES = [
  ["Express", 'await import("express");'],
  ["the SDK's server", 'await import("@modelcontextprotocol/sdk/server/mcp.js");'],
  ["express-mcp-sse", 'await import("express-mcp-sse");'],
  [
    "express-mcp-sse, after Express and the SDK's server",
    'await import("express-mcp-sse");',
    'await import("express"); await import("@modelcontextprotocol/sdk/server/mcp.js");',
  ],
  ["express-mcp-sse, and a router with API keys", API_KEYS],
  ["express-mcp-sse/strategies/jwt", 'await import("express-mcp-sse/strategies/jwt");'],
  ["express-mcp-sse/strategies/oauth", 'await import("express-mcp-sse/strategies/oauth");'],
];

/** @returns rows of a name and the median of its times, in milliseconds. */
export function measureImports(rounds = ROUNDS) {
  const times = CASES.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, [, work, before]] of CASES.entries()) times[index].push(time(work, before));
  }
  return CASES.map(([name], index) => ({ name, ms: median(times[index]) }));
}

function time(work, before = "") {
  const program = `${before}
const begunAt = performance.now();
${work}
process.stdout.write(String(performance.now() - begunAt));`;
  const printed = execFileSync(process.execPath, ["--input-type=module", "--eval", program], {
    cwd: import.meta.dirname,
    encoding: "utf8",
  });
  return Number(printed);
}
