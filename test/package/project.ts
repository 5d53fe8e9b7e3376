import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { promisify } from "node:util";

const ROOT = join(import.meta.dirname, "..", "..");

/** One program may take this long; `npm install` on a slow line is what takes longest. */
const TIMEOUT_MS = 120_000;

const run = promisify(execFile);

/** Runs a program and returns what it prints; a failure is an error that holds all of it. */
export async function execute(
  program: string,
  args: readonly string[],
  cwd = ROOT,
): Promise<string> {
  // On Windows npm is a script, which only a shell finds.
  const shell = process.platform === "win32" && program === "npm";
  try {
    return (await run(program, args, { cwd, shell, timeout: TIMEOUT_MS })).stdout;
  } catch (error) {
    const { stdout = "", stderr = "", message } = error as Error & Record<string, string>;
    throw new Error([message, stdout, stderr].join("\n"), { cause: error });
  }
}

/** Package options of the consumers: the strictest, libraries included. */
const TSCONFIG = {
  compilerOptions: {
    target: "es2022",
    module: "nodenext",
    strict: true,
    skipLibCheck: false,
    types: ["node"],
    outDir: "out",
  },
};

/** A project of somebody who uses the package: outside the repository, with nothing but what it installs. */
export class Project {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder);
    this.write("package.json", JSON.stringify({ private: true, type: "module" }));
    this.write("tsconfig.json", JSON.stringify(TSCONFIG));
  }

  /** Installs the tarball, and other packages in the versions that this repository is tested with. */
  async install(tarball: string, packages: readonly string[]): Promise<void> {
    const exact = packages.map((name) => `${name}@${installedVersion(name)}`);
    const quiet = ["--no-audit", "--no-fund", "--no-package-lock", "--prefer-offline"];
    await execute("npm", ["install", ...quiet, tarball, ...exact], this.#folder);
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.#folder, file), text);
  }

  /** The files of an installed package, with their text, by their path in it. */
  contentsOf(name: string): ReadonlyMap<string, string> {
    const installed = join(this.#folder, "node_modules", name);
    const files = readdirSync(installed, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(installed, join(entry.parentPath, entry.name)))
      .map((file) => file.replaceAll("\\", "/"))
      .filter((file) => !file.startsWith("node_modules/"));
    return new Map(files.map((file) => [file, readFileSync(join(installed, file), "utf8")]));
  }

  /** Takes one of the consumers over. */
  copy(consumer: string, file: string): void {
    copyFileSync(join(import.meta.dirname, "consumers", consumer), join(this.#folder, file));
  }

  /** Compiles every TypeScript file with this repository's compiler. */
  async compile(): Promise<void> {
    await execute(
      process.execPath,
      [join(ROOT, "node_modules", "typescript", "bin", "tsc"), "-p", this.#folder],
      this.#folder,
    );
  }

  /** Runs a file of the project. */
  async run(file: string): Promise<void> {
    await execute(process.execPath, [file], this.#folder);
  }

  /** The names that a package exports, by `import`. */
  async importNames(specifier: string): Promise<string[]> {
    const code = `console.log(Object.keys(await import("${specifier}")).join())`;
    return this.#evaluate("module", code);
  }

  /** The names that a package exports, by `require()`. */
  async requireNames(specifier: string): Promise<string[]> {
    const code = `console.log(Object.keys(require("${specifier}")).join())`;
    return this.#evaluate("commonjs", code);
  }

  /** The names by which `import` and `require()` give something different in one process. */
  async namesOfTwoCopies(specifier: string): Promise<string[]> {
    const code = `
      import { createRequire } from "node:module";
      const required = createRequire(process.cwd() + "/x.js")("${specifier}");
      const imported = Object.entries(await import("${specifier}"));
      console.log(imported.filter(([name, value]) => required[name] !== value).map(([name]) => name).join())`;
    return this.#evaluate("module", code);
  }

  async #evaluate(type: "module" | "commonjs", code: string): Promise<string[]> {
    const args = [`--input-type=${type}`, "--eval", code];
    const printed = await execute(process.execPath, args, this.#folder);
    return printed.trim().split(",");
  }
}

function installedVersion(name: string): string {
  const file = join(ROOT, "node_modules", name, "package.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
