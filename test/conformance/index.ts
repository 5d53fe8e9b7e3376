/**
 * The official conformance suite of MCP, run against routers of ours: `npm run test:conformance`.
 * Everything that it has for a server is run, open and behind a key, and all that it has for an
 * authorization server.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runAll } from "../package/checks.js";
import type { Part } from "../package/checks.js";
import { fetchNode } from "../versions/fetch-node.js";
import { serve, serveFixture } from "./endpoints.js";
import { approve, registerClient, serveSignIn } from "./sign-in.js";
import { scenariosOf, Suite } from "./suite.js";
import type { Revision, SuiteRun } from "./suite.js";

/** The one that the suite needs at least. */
const NODE_MAJOR = 22;

/** Tasks are an extension, which neither major of the SDK has for servers. */
const EXPECTED_FAILURES = "tasks-";

const folder = mkdtempSync(join(tmpdir(), "conformance-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));

const nodes = join(folder, "node");
mkdirSync(nodes);
const suite = new Suite(join(await fetchNode(NODE_MAJOR, nodes), "node"), folder);
const parts = [
  ...[true, false].flatMap((isOpen) => [
    serverPart("2025-11-25", "v1", isOpen),
    serverPart("2025-11-25", "v2", isOpen),
    serverPart("2026-07-28", "v2", isOpen),
  ]),
  authorizationPart("2025-11-25", "/sse"),
  authorizationPart("2026-07-28", ""),
];
const planned = parts.reduce((sum, { checks }) => sum + checks.length, 0);
// One at a time: the suite gives an answer half a second.
const { passed, failed } = await runAll(parts, 1);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed === planned ? 0 : 1;

/** A revision's scenarios for servers, all in one run. */
function serverPart(revision: Revision, sdk: "v1" | "v2", isOpen: boolean): Part {
  const name = `${revision}, SDK ${sdk}, ${isOpen ? "open" : "with a key"}`;
  return partOf(name, scenariosOf(revision), async (folderName) => {
    const { url, close } = await serveFixture(sdk, isOpen);
    const run = suite.start(folderName, "server", ["--url", url, "--requirements", revision]);
    await run.ended().finally(close);
    return run;
  });
}

/** A revision's scenarios for authorization servers, where a client asks for one of the two resources. */
function authorizationPart(revision: Revision, resource: string): Part {
  const name = `${revision}, sign-in for the resource /mcp${resource}`;
  const scenarios = ["authorization-server-metadata-endpoint", "authorization-code-grant"];
  return partOf(name, scenarios, async (folderName) => {
    const { url, close } = await serveSignIn();
    try {
      const port = await freePort();
      const client = await registerClient(url, `http://127.0.0.1:${port}/callback`);
      const run = suite.start(folderName, "authorization", [
        ...["--url", url, "--resource", url + resource],
        ...["--client-id", client, "--port", String(port), "--spec-version", revision],
      ]);
      const [authorizationUrl] = await run.process.said(/^http\S+\/oauth\/authorize\S+$/m);
      await approve(authorizationUrl);
      await run.ended();
      return run;
    } finally {
      await close();
    }
  });
}

/**
 * A run, and what is asked of it: each scenario must have been run, and must have passed. On a machine that is busy
 * with something else half a second may be too short, so one that finds something is not believed before it finds it again.
 */
function partOf(
  name: string,
  scenarios: readonly string[],
  start: (folderName: string) => Promise<SuiteRun>,
): Part {
  const checks = scenarios.map((scenario) => {
    const fails = scenario.startsWith(EXPECTED_FAILURES);
    return {
      name: `${name}: ${scenario}${fails ? " fails, as is expected" : ""}`,
      run: () => (fails ? run.checkFailure(scenario) : run.check(scenario)),
    };
  });
  let run: SuiteRun;
  return {
    name,
    prepare: async () => {
      run = await start(name);
      const found = checks.map((check) => problemOf(check.run)).find(Boolean);
      if (found === undefined) return;
      console.log(`--    ${name} is run again: ${found}`);
      run = await start(`${name}, again`);
    },
    checks,
  };
}

function problemOf(check: () => void): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** The suite's client waits for its answer at a port that it is told. */
async function freePort(): Promise<number> {
  const { port, close } = await serve(() => undefined);
  await close();
  return port;
}
