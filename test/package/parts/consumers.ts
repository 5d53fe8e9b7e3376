import { join } from "node:path";
import type { Part } from "../checks.js";
import { copyConsumer } from "../project.js";
import type { Project } from "../project.js";
import type { World } from "../world.js";

/** Whether the type of SDK v1's server falls back to `any`. */
const fallbackCheck = (expected: boolean): string => `
  import type { Setup } from "express-mcp-sse";
  type IsAny<T> = 0 extends 1 & T ? true : false;
  export const fallsBack: IsAny<Parameters<Setup<undefined>>[0]> = ${expected};
`;

/** Programs that use more than the snippets do, with one major version of the SDK and without the other. */
export function consumers(v1: Project, v2: Project, world: World): readonly Part[] {
  return [
    consumer(v1, { name: "sdk-v1", endings: ["mts", "cts"], fallsBack: false }, world),
    consumer(v2, { name: "sdk-v2", endings: ["mts"], fallsBack: true }, world),
  ];
}

function consumer(
  project: Project,
  program: { name: string; endings: readonly string[]; fallsBack: boolean },
  { env, headers }: World,
): Part {
  const { name, endings, fallsBack } = program;
  for (const ending of endings) copyConsumer(`${name}.ts`, project, `${name}.${ending}`);
  project.write("fallback.mts", fallbackCheck(fallsBack));
  return {
    name: project.name,
    prepare: () => project.compile(),
    checks: endings.map((ending) => ({
      name: `${project.name}: ${name}.${ending} compiles with all types, and does what it should`,
      async run() {
        const file = join("out", `${name}.${ending.replace("ts", "js")}`);
        await project.node([file], { ...env, HEADERS: JSON.stringify(headers) });
      },
    })),
  };
}
