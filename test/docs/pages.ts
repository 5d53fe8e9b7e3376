/** The documents of the project, and which of them npm publishes. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const ROOT = join(__dirname, "../..");

/** Documents by their paths from the root. */
export const PAGES: readonly string[] = [
  ...markdownIn("."),
  ...["docs", "strategies", "examples", "bench", "test/kit", "test/package"].flatMap(markdownIn),
];

function markdownIn(folder: string): readonly string[] {
  return readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith(".md"))
    .map((name) => (folder === "." ? name : `${folder}/${name}`));
}

export function read(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

export function exists(path: string): boolean {
  return existsSync(join(ROOT, path));
}

/** What npm publishes: `files` of package.json, and what it always takes. */
export function isPublished(path: string): boolean {
  const { files } = JSON.parse(read("package.json")) as { readonly files: readonly string[] };
  return ["README.md", "LICENSE", "package.json", ...files].some(
    (entry) => path === entry || path.startsWith(`${entry}/`),
  );
}
