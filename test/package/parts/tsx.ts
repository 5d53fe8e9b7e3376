import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Check, Part } from "../checks.js";
import { CONSUMERS } from "../project.js";
import type { Project } from "../project.js";
import { inForm, programOf } from "../snippets.js";
import type { Form, Snippet } from "../snippets.js";
import type { World } from "../world.js";
import { serves } from "./snippets.js";

/** What `npx tsx` does, in one process. */
const TSX = ["--import", "tsx"];

/**
 * TypeScript as it is written, by its ending in a project of CommonJS. No `.cts`: on Node 20 an app with nothing
 * but Express in it does not start as such by tsx.
 */
const WRITTEN = { "TypeScript, ESM": "mts", "TypeScript, CommonJS": "ts" } as const;

const LANGUAGES = Object.keys(WRITTEN) as (keyof typeof WRITTEN)[];

/** Programs that tsx runs, whose loaders stand before Node's own. */
export function byTsx(project: Project, snippets: readonly Snippet[], world: World): Part {
  return {
    name: project.name,
    prepare: () => project.install(),
    checks: snippets.flatMap((snippet, index) =>
      LANGUAGES.map((form): Check => {
        const file = `snippet-${index}.${WRITTEN[form]}`;
        project.write(file, programOf(snippet, form, world));
        return {
          name: `${project.name}: ${snippet.name}, ${form}, starts and serves`,
          run: () => serves(join(project.folder, file), snippet, world, TSX),
        };
      }),
    ),
  };
}

/** The sign-in, whose engine is an ES module, in every form and by tsx. */
export function signIn(project: Project, world: World): Part {
  const program = readFileSync(join(CONSUMERS, "sign-in.ts"), "utf8");
  const check = (form: Form, ending: string, loader: readonly string[]): Check => {
    project.write(`sign-in.${ending}`, inForm(program, form));
    return {
      name: `${project.name}: the sign-in, ${form}, starts and registers a client`,
      run: () => project.node([...loader, `sign-in.${ending}`], world.env),
    };
  };
  return {
    name: "the sign-in",
    prepare: () => project.install(),
    checks: [
      ...LANGUAGES.map((form) => check(form, WRITTEN[form], TSX)),
      check("JavaScript, ESM", "mjs", []),
      check("JavaScript, CommonJS", "cjs", []),
    ],
  };
}
