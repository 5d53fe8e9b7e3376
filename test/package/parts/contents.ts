import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import type { Part } from "../checks.js";
import { execute } from "../processes.js";
import { ROOT } from "../project.js";
import type { Project } from "../project.js";

/** Everything that may be in the tarball: no test, no example, no source but that in source maps. */
const CONTENTS = [
  /^dist\/cjs\/(src|strategies)\/[\w/-]+\.(js|js\.map|d\.ts|cjs|cjs\.map|d\.cts)$/,
  /^dist\/cjs\/src\/cli\/bin\.(mjs|mjs\.map|d\.mts)$/,
  /^dist\/cjs\/package\.json$/,
  /^dist\/esm\/(src|strategies)\/[\w/-]+\.(js|d\.ts|d\.cts)$/,
  /^docs\/[\w/-]+\.(md|svg)$/,
  /^docs\/grafana-dashboard\.json$/,
  /^strategies\/README\.md$/,
  /^(README|CHANGELOG|SECURITY)\.md$/,
  /^LICENSE$/,
  /^package\.json$/,
];

/** What it may weigh, in bytes: as it travels, and unpacked. */
const LIMITS = { packed: 2_300_000, unpacked: 9_000_000 };

/** What is in the tarball, read where it is installed. */
export function contents(project: Project, tarball: string): Part {
  const read = (): ReadonlyMap<string, string> =>
    filesIn(join(project.folder, "node_modules", manifest().name));
  return {
    name: "the tarball",
    prepare: () => project.install(),
    checks: [
      {
        name: "publint has nothing to say",
        async run() {
          assert.match(await tool("publint", "run", tarball, "--strict"), /All good/);
        },
      },
      {
        name: "every resolver of TypeScript finds the right types (are-the-types-wrong)",
        run: () => tool("attw", tarball),
      },
      {
        name: "the tarball holds what it should, and nothing else",
        run() {
          const files = read();
          const strangers = [...files.keys()].filter(
            (file) => !CONTENTS.some((pattern) => pattern.test(file)),
          );
          assert.deepEqual(strangers, []);
          const missing = [...entryFiles(), ...documentsFrom(files.get("README.md")!)].filter(
            (path) => !files.has(path),
          );
          assert.deepEqual(missing, []);
        },
      },
      {
        name: "no file in the tarball names a folder of this machine",
        run() {
          const named = [...read()].filter(([, text]) => text.includes(ROOT));
          assert.deepEqual(
            named.map(([file]) => file),
            [],
          );
        },
      },
      {
        name: "its command runs where it is installed",
        async run() {
          const { name, version } = manifest();
          const program = join(project.folder, "node_modules", ".bin", name);
          const run = (...args: readonly string[]) =>
            execute(program, args, { cwd: project.folder });
          assert.equal(await run("--version"), `${version}\n`);
          assert.match(await run("doctor", "--help"), /^express-mcp-sse doctor <url> /);
        },
      },
      {
        name: "the tarball is small",
        run() {
          const unpacked = [...read().values()].reduce((sum, text) => sum + text.length, 0);
          const packed = statSync(tarball).size;
          const sizes = `${packed} bytes, unpacked ${unpacked}`;
          assert.ok(packed <= LIMITS.packed && unpacked <= LIMITS.unpacked, sizes);
        },
      },
    ],
  };
}

/** Runs a command that is installed in this repository. */
async function tool(name: string, ...args: readonly string[]): Promise<string> {
  return execute(join(ROOT, "node_modules", ".bin", name), args, { cwd: ROOT });
}

/** The sub-paths of the package, and what each leads to. */
type Target = string | { readonly [condition: string]: Target };

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, Target>>;
}

export function manifest(): Manifest {
  return JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as Manifest;
}

/** Every file that an entry leads to, under any condition. */
function entryFiles(): readonly string[] {
  const filesOf = (target: Target): readonly string[] =>
    typeof target === "string"
      ? [target.replace("./", "")]
      : Object.values(target).flatMap((each) => filesOf(each));
  return Object.values(manifest().exports).flatMap((target) => filesOf(target));
}

/** What README shows and links to, and what belongs to every package. */
function documentsFrom(readme: string): readonly string[] {
  const linked = readme.matchAll(/(?:\]\(|src(?:set)?=")((?:docs|strategies)\/[\w/-]+\.\w+)/g);
  return ["LICENSE", "CHANGELOG.md", "SECURITY.md", ...[...linked].map(([, path]) => path!)];
}

/** Files with their text, by their path in a folder. */
function filesIn(folder: string): ReadonlyMap<string, string> {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((path) => !path.startsWith("node_modules/"));
  return new Map(paths.map((path) => [path, readFileSync(join(folder, path), "utf8")]));
}
