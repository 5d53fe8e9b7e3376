/** Installs what would be published, so that this is what is measured. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { readPackage } from "./machine.mjs";

/** The build that is measured, among the packages of the benchmark, and the one it is compared with. */
export const PRODUCT = "express-mcp-sse";
export const PRODUCT_BEFORE = "express-mcp-sse-before";

const here = import.meta.dirname;

/**
 * Packs the repository and unpacks it among the packages of the benchmark. Its dependencies are
 * the benchmark's own, so that all rows run with the same Express, SDK and Passport.
 *
 * @param repository folder to pack; its `dist` must have been built.
 * @param name of the package that it becomes.
 * @throws Error that says what to do first.
 */
export function stageProduct(repository, name = PRODUCT) {
  const from = resolve(here, repository);
  checkBuild(from);
  const packed = join(here, ".stage");
  const target = join(here, "node_modules", name);
  for (const folder of [packed, target]) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
  }
  const command = ["pack", "--ignore-scripts", "--silent", "--pack-destination", packed];
  execFileSync("npm", command, { cwd: from, stdio: ["ignore", "ignore", "inherit"] });
  const [archive] = readdirSync(packed);
  execFileSync("tar", ["-xzf", join(packed, archive), "-C", target, "--strip-components=1"]);
  rmSync(packed, { recursive: true, force: true });
  checkDependencies(name);
}

function checkBuild(repository) {
  const built = join(repository, "dist", "cjs", "src", "index.js");
  if (!existsSync(built)) throw new Error("There is no dist to measure: npm run build first.");
  const age = statSync(built).mtimeMs;
  const isNewer = ["src", "strategies"].some((folder) =>
    readdirSync(join(repository, folder), { recursive: true }).some(
      (file) => statSync(join(repository, folder, file)).mtimeMs > age,
    ),
  );
  if (isNewer) throw new Error("dist is older than the sources: npm run build first.");
}

function checkDependencies(product) {
  const { resolve: find } = createRequire(join(here, "package.json"));
  for (const name of Object.keys(readPackage(product).dependencies)) {
    try {
      find(name);
    } catch {
      throw new Error(`Add ${name}, which ${product} needs, to bench/package.json.`);
    }
  }
}
