/**
 * What npm would publish, as its users get it: packed, installed in empty projects outside the
 * repository, and started, called, tested, bundled and type-checked there.
 */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { runAll } from "./checks.js";
import type { Part } from "./checks.js";
import { bundles } from "./parts/bundles.js";
import { clusters } from "./parts/clusters.js";
import { consumers } from "./parts/consumers.js";
import { contents } from "./parts/contents.js";
import { entries } from "./parts/entries.js";
import { loadedAsUsed } from "./parts/loaded-as-used.js";
import { startsOf } from "./parts/snippets.js";
import { testRunners } from "./parts/test-runners.js";
import { byTsx, signIn } from "./parts/tsx.js";
import { execute } from "./processes.js";
import { PnpmProject } from "./pnpm-project.js";
import { asTested, copyConsumer, Project, ROOT, versionHere } from "./project.js";
import { FORMS, SNIPPETS, snippetsNamed } from "./snippets.js";
import type { Form } from "./snippets.js";
import { createWorld } from "./world.js";
import type { World } from "./world.js";

const folder = mkdtempSync(join(tmpdir(), "packed-tarball-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));

const world = await createWorld();
const [, , only] = process.argv;
const parts = partsOf(await pack(), world).filter(({ name }) => name.includes(only ?? ""));
const planned = parts.reduce((sum, { checks }) => sum + checks.length, 0);
const { passed, failed } = await runAll(parts, Math.max(2, availableParallelism()));
await world.end();
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed === planned && planned > 0 ? 0 : 1;

/** Everything that is to run. Projects are installed once, and serve many starts. */
function partsOf(tarball: string, world: World): readonly Part[] {
  const install = [tarball, ...asTested("express", "@modelcontextprotocol/sdk")];
  const telemetry = asTested("@opentelemetry/api");
  const project = (name: string, packages: readonly string[]): Project =>
    new Project(folder, name, packages);
  const types = asTested("@types/express", "@types/node");

  const javascript = project("JavaScript", [...install, ...telemetry]);
  const typescript = project("TypeScript", [...install, ...types, ...telemetry]);
  const sdkV2 = project("SDK v2 only", [
    ...[tarball, ...types, ...telemetry],
    ...asTested("express", "@modelcontextprotocol/client", "@modelcontextprotocol/server"),
  ]);
  const tsx = project("tsx", [...install, ...asTested("tsx", "oidc-provider", "passport-oauth2")]);
  const tools = project("tools of the test", ["pnpm@10.34.8"]);
  const pnpm = new PnpmProject(folder, "pnpm", [...install, ...types, ...telemetry], tools);
  copyConsumer("every-entry.ts", pnpm, "every-entry.mts");
  return [
    startsOf(javascript, SNIPPETS, formsOf("JavaScript"), world),
    startsOf(typescript, SNIPPETS, formsOf("TypeScript"), world),
    contents(javascript, tarball),
    // In the project with the fewest packages: an import must not need what only one method needs.
    entries(sdkV2, typescript),
    loadedAsUsed(javascript),
    ...consumers(typescript, sdkV2, world),
    clusters(
      project("clients of Redis", [
        ...[...install, ...types, ...asTested("redis", "ioredis", "iovalkey")],
        ...["redis", "ioredis"].map((name) => `${name}5@npm:${name}@${versionHere(`${name}5`)}`),
      ]),
    ),
    startsOf(
      project("Express 4", [
        ...[tarball, `express@${versionHere("express4")}`],
        ...asTested("@modelcontextprotocol/sdk"),
      ]),
      snippetsNamed("README's router", "README's documented configuration", "OAuth"),
      formsOf("JavaScript"),
      world,
    ),
    ...["3.2.2", "4.1.0"].map((version) =>
      startsOf(
        project(`an app with jwks-rsa ${version}`, [...install, `jwks-rsa@${version}`]),
        snippetsNamed("jwt with a JWKS", "OAuth"),
        formsOf("JavaScript"),
        world,
      ),
    ),
    // Types, too, must name what they need: nothing is found by chance there.
    startsOf(
      pnpm,
      snippetsNamed("jwt with a secret", "jwt with a JWKS", "API keys", "OAuth"),
      formsOf("TypeScript"),
      world,
    ),
    byTsx(
      tsx,
      snippetsNamed(
        ...["README's router", "README's documented configuration"],
        ...["jwt with a JWKS", "OAuth"],
      ),
      world,
    ),
    signIn(tsx, world),
    ...testRunners(
      {
        jest: project("Jest", [...install, ...asTested("jest")]),
        vitest: project("Vitest", [...install, "vitest@4.1.12"]),
        node: javascript,
      },
      world,
    ),
    bundles(javascript, world),
  ];
}

function formsOf(language: string): readonly Form[] {
  return (Object.keys(FORMS) as Form[]).filter((form) => form.startsWith(language));
}

/** Packs as `npm publish` would, the build included. */
async function pack(): Promise<string> {
  await execute("npm", ["pack", "--pack-destination", folder], { cwd: ROOT });
  const [tarball = ""] = readdirSync(folder).filter((file) => file.endsWith(".tgz"));
  return join(folder, tarball);
}
