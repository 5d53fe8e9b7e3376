import { join } from "node:path";
import { Project } from "./project.js";

/** A project that pnpm installs: a package finds only what it names itself. */
export class PnpmProject extends Project {
  readonly #tools: Project;

  constructor(parent: string, name: string, packages: readonly string[], tools: Project) {
    super(parent, name, packages);
    this.#tools = tools;
  }

  protected override async installAll(): Promise<void> {
    await this.#tools.install();
    const pnpm = join(this.#tools.folder, "node_modules", "pnpm", "bin", "pnpm.cjs");
    // What it keeps is gone with the test, and not in this machine's home.
    const kept = join(this.folder, "..", "pnpm-home");
    const env = { XDG_CACHE_HOME: kept, XDG_DATA_HOME: kept, XDG_STATE_HOME: kept };
    await this.node([pnpm, "add", "--store-dir", kept, ...this.packages], env);
  }
}
