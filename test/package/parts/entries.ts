import assert from "node:assert/strict";
import { join } from "node:path";
import type { Check, Part } from "../checks.js";
import { copyConsumer } from "../project.js";
import type { Project } from "../project.js";
import { manifest } from "./contents.js";

/** Each entry by `import` and by `require()`, and both in one process. */
export function entries(bare: Project, typescript: Project): Part {
  const { name, exports } = manifest();
  const specifiers = Object.keys(exports).map((subpath) => name + subpath.slice(1));
  const modules = specifiers.filter((specifier) => !specifier.endsWith(".json"));
  copyConsumer("one-state.cts", typescript);
  return {
    name: "entries",
    async prepare() {
      await Promise.all([bare.install(), typescript.compile()]);
    },
    checks: [
      {
        name: `${name}/package.json can be required`,
        async run() {
          const names = await bare.requireNames(`${name}/package.json`);
          assert.ok(names.includes("version"));
        },
      },
      ...modules.map((specifier): Check => ({
        name: `${specifier} is the same by import and by require()`,
        async run() {
          const imported = await bare.importNames(specifier);
          assert.notDeepEqual(imported, [""]);
          assert.deepEqual(published(await bare.requireNames(specifier)), published(imported));
        },
      })),
      {
        name: "import and require() in one process share one state",
        run: () => typescript.node([join("out", "one-state.cjs"), ...modules]),
      },
    ],
  };
}

/** What a package means to export; the others are how Node shows one kind of module to the other. */
function published(names: readonly string[]): readonly string[] {
  const ofNode = ["__esModule", "default", "module.exports"];
  return names.filter((name) => !ofNode.includes(name)).sort();
}
