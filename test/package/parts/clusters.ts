import assert from "node:assert/strict";
import { join } from "node:path";
import { TestRedis } from "../../kit/redis.js";
import type { Part } from "../checks.js";
import { execute } from "../processes.js";
import { COMPILER, copyConsumer } from "../project.js";
import type { Project } from "../project.js";

/** A compiler's oldest way to look modules up, which knows no `exports`. */
const NODE10 = {
  extends: "./tsconfig.json",
  compilerOptions: {
    module: "commonjs",
    moduleResolution: "node10",
    ignoreDeprecations: "6.0",
    esModuleInterop: true,
    // All that is in libraries has been checked.
    skipLibCheck: true,
    noEmit: true,
  },
  files: ["cluster.cts"],
};

/** The entries for clusters, where every client of Redis is installed that they take, and with a Redis. */
export function clusters(project: Project): Part {
  const endings = ["mts", "cts"];
  for (const ending of endings) copyConsumer("cluster.ts", project, `cluster.${ending}`);
  project.write("node10.json", JSON.stringify(NODE10));
  return {
    name: project.name,
    prepare: () => project.compile(),
    checks: [
      ...endings.map((ending) => ({
        name: `${project.name}: cluster.${ending} compiles with all types, and its tests pass`,
        run: () => passes(project, join("out", `cluster.${ending.replace("ts", "js")}`)),
      })),
      {
        name: `${project.name}: moduleResolution node10 finds the same types`,
        run: () => project.node([COMPILER, "-p", "node10.json"]),
      },
    ],
  };
}

/** Runs a program's tests: ten of them at least, since one that has none would pass. */
async function passes(project: Project, file: string): Promise<void> {
  // Where it is missing, this says so.
  await execute("redis-server", ["--version"], { cwd: project.folder });
  const redis = await TestRedis.start();
  try {
    const printed = await project.node(["--test-reporter=tap", file], { REDIS_URL: redis.url });
    assert.match(printed, /^# pass \d{2,}$/m);
  } finally {
    await redis.stop();
  }
}
