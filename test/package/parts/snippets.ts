import assert from "node:assert/strict";
import { join } from "node:path";
import { statusOf, whoami } from "../../../examples/support/client.js";
import type { Check, Part } from "../checks.js";
import { RunningProcess, within } from "../processes.js";
import type { Project } from "../project.js";
import { FORMS, programOf } from "../snippets.js";
import type { Form, Snippet } from "../snippets.js";
import type { World } from "../world.js";

/** A connection, a call, and the end of both. */
const VISIT_MS = 60_000;

/** Every snippet in every form, each a file and a process of its own, in a project that was installed once. */
export function startsOf(
  project: Project,
  snippets: readonly Snippet[],
  forms: readonly Form[],
  world: World,
): Part {
  const isTyped = forms.some((form) => form.startsWith("TypeScript"));
  const programs = snippets.flatMap((snippet) => forms.map((form) => ({ snippet, form })));
  for (const { snippet, form } of programs) {
    project.write(fileOf(snippet, form), programOf(snippet, form, world));
  }
  return {
    name: project.name,
    prepare: () => (isTyped ? project.compile() : project.install()),
    checks: programs.map(({ snippet, form }): Check => {
      const file = fileOf(snippet, form).replace(/\.(m|c)ts$/, ".$1js");
      const path = join(project.folder, isTyped ? "out" : "", file);
      const name = `${project.name}: ${snippet.name}, ${form}, starts and serves`;
      return { name, run: () => serves(path, snippet, world) };
    }),
  };
}

function fileOf({ name }: Snippet, form: Form): string {
  return `${name.replaceAll(/\W+/g, "-")}.${FORMS[form]}`;
}

/** Starts a program; a stranger gets 401, and a caller with a credential a tool that knows who it is. */
export async function serves(
  file: string,
  snippet: Snippet,
  world: World,
  loader: readonly string[] = [],
): Promise<void> {
  const server = new RunningProcess(process.execPath, [...loader, file], {
    cwd: join(file, ".."),
    env: world.env,
  });
  try {
    const [, url = ""] = await server.said(/listening on (http:\S+)\s/);
    const late = (): Error => new Error("the client waits for an answer");
    await within(VISIT_MS, visit(url, snippet, world), late).catch((error: unknown) => {
      throw server.failure(String(error));
    });
    const end = await server.stop();
    assert.equal(end, snippet.endsItself ? undefined : "ended by SIGTERM");
  } finally {
    server.kill();
  }
}

async function visit(url: string, snippet: Snippet, world: World): Promise<void> {
  assert.equal(await statusOf(url), 401);
  assert.match(await whoami(url, world.headers[snippet.caller]), snippet.principal);
}
