/**
 * What npm would publish, as its users get it: packed, installed in empty projects outside the
 * repository, imported, type-checked and run there.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { execute, Project } from "./project.js";

const ROOT = join(import.meta.dirname, "..", "..");

/** Everything that may be in the tarball. */
const CONTENTS = [
  /^dist\/cjs\/(src|strategies)\/[\w/-]+\.(js|js\.map|d\.ts|cjs|cjs\.map|d\.cts)$/,
  /^dist\/cjs\/package\.json$/,
  /^dist\/esm\/(src|strategies)\/[\w/-]+\.(js|d\.ts|d\.cts)$/,
  /^docs\/[\w/-]+\.(md|svg)$/,
  /^strategies\/README\.md$/,
  /^(README|CHANGELOG|SECURITY)\.md$/,
  /^LICENSE$/,
  /^package\.json$/,
];

/** What every consumer installs beside the package. */
const COMMON = ["express", "@types/express", "@types/node"];

/** Whether the type of SDK v1's server falls back to `any`. */
const fallbackCheck = (expected: boolean): string => `
  import type { Setup } from "express-mcp-sse";
  type IsAny<T> = 0 extends 1 & T ? true : false;
  export const fallsBack: IsAny<Parameters<Setup<undefined>>[0]> = ${expected};
`;

interface Manifest {
  name: string;
  exports: Record<
    string,
    string | Record<"import" | "require", Record<"types" | "default", string>>
  >;
}

const counts = { passed: 0, failed: 0 };

const folder = mkdtempSync(join(tmpdir(), "packed-tarball-"));
try {
  await checkAll();
} catch (error) {
  report("everything is prepared", error);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exitCode = counts.failed === 0 ? 0 : 1;

async function checkAll(): Promise<void> {
  const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as Manifest;
  const tarball = await pack();
  const v1 = new Project(join(folder, "sdk-v1"));
  const v2 = new Project(join(folder, "sdk-v2"));
  await Promise.all([
    v1.install(tarball, [...COMMON, "@modelcontextprotocol/sdk", "jose"]),
    v2.install(tarball, [
      ...COMMON,
      ...["@modelcontextprotocol/client", "@modelcontextprotocol/server"],
    ]),
  ]);
  await checkForm(tarball);
  await checkContents(manifest, v1);
  // The project with the fewest packages: an import must not need what only one method needs.
  await checkEntries(manifest, v2);
  await checkConsumer("SDK v1 only", v1, {
    file: "sdk-v1",
    as: ["ts", "cts"],
    fallsBack: false,
  });
  await checkConsumer("SDK v2 only", v2, { file: "sdk-v2", as: ["ts"], fallsBack: true });
}

/** Packs as `npm publish` would, the build included. */
async function pack(): Promise<string> {
  await execute("npm", ["pack", "--pack-destination", folder]);
  const [tarball = ""] = readdirSync(folder).filter((file) => file.endsWith(".tgz"));
  return join(folder, tarball);
}

/** What others have found that packages do wrong. */
async function checkForm(tarball: string): Promise<void> {
  const bin = join(ROOT, "node_modules", ".bin");
  await check("publint has nothing to say", async () => {
    assert.match(await execute(join(bin, "publint"), ["run", tarball, "--strict"]), /All good/);
  });
  await check(
    "every resolver of TypeScript finds the right types (are-the-types-wrong)",
    async () => {
      await execute(join(bin, "attw"), [tarball]);
    },
  );
}

async function checkContents(manifest: Manifest, project: Project): Promise<void> {
  const contents = project.contentsOf(manifest.name);
  const files = [...contents.keys()];
  await check("the tarball holds what it should, and nothing else", () => {
    const strangers = files.filter((file) => !CONTENTS.some((pattern) => pattern.test(file)));
    assert.deepEqual(strangers, []);
    const targets = Object.values(manifest.exports).flatMap((target) =>
      typeof target === "string" ? target : Object.values(target).flatMap(Object.values<string>),
    );
    const documents = ["README.md", "LICENSE", "CHANGELOG.md", "SECURITY.md", "docs/protocol.md"];
    const linked = [
      ...(contents.get("README.md") ?? "").matchAll(
        /\]\(((?:docs|strategies)\/[\w/-]+\.(?:md|svg))/g,
      ),
    ];
    const needed = [...targets, ...documents, ...linked.map(([, path]) => path!)];
    const missing = needed.map((path) => path.replace("./", "")).filter((p) => !contents.has(p));
    assert.deepEqual(missing, []);
  });
  await check("no file in it names a folder of this machine", () => {
    assert.deepEqual(
      files.filter((file) => contents.get(file)?.includes(ROOT)),
      [],
    );
  });
}

async function checkEntries(manifest: Manifest, project: Project): Promise<void> {
  for (const subpath of Object.keys(manifest.exports)) {
    const specifier = manifest.name + subpath.slice(1);
    if (subpath.endsWith(".json")) {
      await check(`${specifier} can be required`, async () => {
        assert.ok((await project.requireNames(specifier)).includes("version"));
      });
      continue;
    }
    await check(`${specifier} is the same by import and by require()`, async () => {
      const imported = await project.importNames(specifier);
      assert.notDeepEqual(imported, [""]);
      const required = await project.requireNames(specifier);
      assert.deepEqual(required.filter((name) => name !== "__esModule").sort(), imported.sort());
      assert.deepEqual(await project.namesOfTwoCopies(specifier), [""]);
    });
  }
}

/** @param as how its TypeScript ends: as an ES module, or as CommonJS (`cts`). */
async function checkConsumer(
  title: string,
  project: Project,
  { file, as, fallsBack }: { file: string; as: readonly string[]; fallsBack: boolean },
): Promise<void> {
  for (const form of as) project.copy(`${file}.ts`, `${file}.${form}`);
  project.write("fallback.ts", fallbackCheck(fallsBack));
  await check(`${title}: its code and all types compile`, () => project.compile());
  for (const form of as) {
    const script = `${file}.${form.replace("ts", "js")}`;
    await check(`${title}: ${script} does what it should`, () => project.run(join("out", script)));
  }
}

async function check(name: string, run: () => void | Promise<void>): Promise<void> {
  try {
    await run();
    report(name);
  } catch (error) {
    report(name, error);
  }
}

function report(name: string, error?: unknown): void {
  if (error === undefined) {
    counts.passed++;
    console.log(`ok    ${name}`);
  } else {
    counts.failed++;
    console.log(`FAIL  ${name}\n${messageOf(error).replace(/^/gm, "      ")}`);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : inspect(error);
}
