import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import type { Part } from "../checks.js";
import { ROOT } from "../project.js";
import type { Project } from "../project.js";
import { programOf, SNIPPETS } from "../snippets.js";
import type { Form } from "../snippets.js";
import type { World } from "../world.js";
import { serves } from "./snippets.js";

/** What an ES module needs in which CommonJS is bundled, as Express is: what the documentation says. */
function documentedBanner(): string {
  const page = readFileSync(join(ROOT, "docs", "frameworks.md"), "utf8");
  const [, banner] = /--banner:js='([^']+)'/.exec(page) ?? [];
  if (banner === undefined) throw new Error("docs/frameworks.md has no --banner:js");
  return banner;
}

/** How a program is written, and bundled. */
const WAYS: readonly { form: Form; format: "cjs" | "esm"; banner: string }[] = [
  { form: "JavaScript, ESM", format: "esm", banner: documentedBanner() },
  { form: "JavaScript, CommonJS", format: "cjs", banner: "" },
];

/** Every snippet in one file, which has no node_modules to look into. */
export function bundles(project: Project, world: World): Part {
  const folder = join(project.folder, "..", "bundles");
  mkdirSync(folder);
  return {
    name: "esbuild",
    prepare: () => project.install(),
    checks: WAYS.flatMap(({ form, format, banner }) =>
      SNIPPETS.map((snippet, index) => ({
        name: `esbuild: ${snippet.name}, bundled as ${format}, starts and serves`,
        async run() {
          const source = `bundled-${index}.${format}.js`;
          project.write(source, programOf(snippet, form, world));
          const outfile = join(folder, `${index}.${format === "esm" ? "mjs" : "cjs"}`);
          await build({
            ...{ absWorkingDir: project.folder, entryPoints: [source], outfile },
            ...{ bundle: true, platform: "node", format, banner: { js: banner } },
          });
          await serves(outfile, snippet, world);
        },
      })),
    ),
  };
}
