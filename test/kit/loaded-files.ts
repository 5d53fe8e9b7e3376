import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = join(__dirname, "../..");

/**
 * The project's files that a program loads, and those of OpenTelemetry, as V8 lists them when the process ends, with
 * forward slashes.
 *
 * @param source an ES module that imports from `src/index.ts` by the name `express-mcp-sse`.
 */
export function filesLoadedBy(source: string): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), "loaded-files-"));
  try {
    const program = source.replaceAll(
      '"express-mcp-sse"',
      JSON.stringify(join(ROOT, "src/index.ts")),
    );
    const { status, stderr } = spawnSync(
      process.execPath,
      ["--import", "tsx", "--input-type=module", "--eval", program],
      { cwd: ROOT, env: { ...process.env, NODE_V8_COVERAGE: folder }, encoding: "utf8" },
    );
    if (status !== 0) throw new Error(`the program failed: ${stderr}`);
    return readdirSync(folder)
      .flatMap((file) => urlsOf(readFileSync(join(folder, file), "utf8")))
      .map((url) => relative(ROOT, fileURLToPath(url)).replaceAll("\\", "/"))
      .filter((file) => /^(?:src|strategies|node_modules\/@opentelemetry)\//.test(file));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function urlsOf(coverage: string): readonly string[] {
  const { result } = JSON.parse(coverage) as { result: { url: string }[] };
  return result.map(({ url }) => url).filter((url) => url.startsWith("file:"));
}
