import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { execute } from "./processes.js";

export const ROOT = join(import.meta.dirname, "..", "..");

/** Programs of users that do more than the documents show. */
export const CONSUMERS = join(import.meta.dirname, "consumers");

/** This repository's compiler. */
export const COMPILER = join(ROOT, "node_modules", "typescript", "bin", "tsc");

/** The strictest that a user may have, libraries included. */
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

/** Somebody's project: a folder outside the repository, with nothing but what is installed in it. */
export class Project {
  readonly name: string;
  readonly folder: string;
  /** What is installed, with versions. */
  protected readonly packages: readonly string[];
  #installed: Promise<void> | undefined;
  #compiled: Promise<void> | undefined;

  constructor(parent: string, name: string, packages: readonly string[]) {
    this.name = name;
    this.folder = join(parent, name.replaceAll(/\W+/g, "-"));
    this.packages = packages;
    mkdirSync(this.folder);
    this.write("package.json", JSON.stringify({ private: true }));
    this.write("tsconfig.json", JSON.stringify(TSCONFIG));
  }

  /** Installs everything, by one command; once, however often it is asked. */
  async install(): Promise<void> {
    await (this.#installed ??= this.installAll());
  }

  protected async installAll(): Promise<void> {
    const quiet = ["--no-audit", "--no-fund", "--no-package-lock", "--prefer-offline"];
    await execute("npm", ["install", ...quiet, ...this.packages], { cwd: this.folder });
  }

  write(file: string, text: string): void {
    mkdirSync(dirname(join(this.folder, file)), { recursive: true });
    writeFileSync(join(this.folder, file), text);
  }

  /** Installs, and compiles every TypeScript file with {@link COMPILER}, into `out`; once. */
  async compile(): Promise<void> {
    await (this.#compiled ??= this.#compileAll());
  }

  async #compileAll(): Promise<void> {
    await this.install();
    await this.node([COMPILER, "-p", this.folder]);
  }

  /** Runs Node with these arguments to its end, and returns what it prints. */
  async node(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
    return execute(process.execPath, args, { cwd: this.folder, env });
  }

  /** The names that a package exports, by `import`. */
  async importNames(specifier: string): Promise<string[]> {
    return this.#evaluate("module", "", `Object.keys(await import("${specifier}"))`);
  }

  /** The names that a package exports, by `require()`. */
  async requireNames(specifier: string): Promise<string[]> {
    return this.#evaluate("commonjs", "", `Object.keys(require("${specifier}"))`);
  }

  /** The files that are loaded once a package is imported, and code has run that calls it `loaded`. */
  async filesLoadedBy(specifier: string, code: string): Promise<string[]> {
    const before = `
      import { createRequire } from "node:module";
      const loaded = await import("${specifier}");
      ${code};`;
    return this.#evaluate(
      "module",
      before,
      `Object.keys(createRequire(process.cwd() + "/x").cache)`,
    );
  }

  /** What code comes to: a list. */
  async #evaluate(type: "module" | "commonjs", before: string, list: string): Promise<string[]> {
    const code = `${before}console.log(${list}.join())`;
    const printed = await this.node([`--input-type=${type}`, "--eval", code]);
    return printed.trim().split(",");
  }
}

/** Takes one of `consumers/` over, as it is, under another name if one is given. */
export function copyConsumer(file: string, { folder }: Project, as = file): void {
  copyFileSync(join(CONSUMERS, file), join(folder, as));
}

/** Packages in the versions that this repository is tested with. */
export function asTested(...names: readonly string[]): readonly string[] {
  return names.map((name) => `${name}@${versionHere(name)}`);
}

/** The version of a package that is installed in this repository, also under another name. */
export function versionHere(name: string): string {
  const file = join(ROOT, "node_modules", name, "package.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
