import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Finder } from "../../src/doctor/evidence.js";
import { FINDERS } from "../../src/doctor/findings.js";
import { STEPS } from "../../src/doctor/steps.js";
import { read } from "../docs/pages.js";

const FOLDER = join(__dirname, "../../src/doctor/findings");

/** As docs/doctor.md lists it. Its links are followed by test/docs/links.test.ts. */
function rowOf({ id, severity, docs }: Finder): string {
  const [page = "", anchor = ""] = docs.split("#");
  const heading = anchor.replaceAll("-", " ");
  const isHere = page === "doctor.md";
  const name = [isHere ? "" : page.replace(".md", ""), heading].filter((part) => part !== "");
  return `| \`${id}\` | ${severity} | [${name.join(": ")}](${isHere ? `#${anchor}` : docs}) |`;
}

it("CLI-9: docs/doctor.md lists every finding in its order, and where it is explained, and none that there is not", () => {
  const [, list = ""] = read("docs/doctor.md").split("\n## Findings\n");
  const rows = list.split("\n").filter((line) => line.startsWith("| `"));
  expect(rows).toEqual(FINDERS.map(rowOf));
});

it("CLI-9: what each page of docs says of a finding is below its heading, which names it where the page is about the doctor", () => {
  const page = read("docs/doctor.md").split("\n## Findings\n")[0]!;
  const sections = new Map(
    page.split(/\n(?=#+ )/).map((text) => [text.split("\n")[0]!.replace(/^#+ /, ""), text]),
  );
  const unexplained = FINDERS.filter(({ docs }) => docs.startsWith("doctor.md#")).filter(
    ({ id, docs }) => {
      const heading = docs.split("#")[1]!.replaceAll("-", " ");
      const section = [...sections].find(([name]) => name.toLowerCase() === heading)?.[1];
      return section?.includes(`\`${id}\``) !== true;
    },
  );
  expect(unexplained.map(({ id }) => id)).toEqual([]);
});

it("no finder is forgotten: each that a file of findings exports is in the list, once", async () => {
  const files = readdirSync(FOLDER);
  const modules = await Promise.all(
    files.map(async (file) => (await import(join(FOLDER, file))) as Record<string, unknown>),
  );
  const exported = modules.flatMap((module) => Object.values(module)).flat();
  const finders = exported.filter((each): each is Finder => {
    return typeof each === "object" && each !== null && "look" in each;
  });
  expect(new Set(finders)).toEqual(new Set(FINDERS));
  expect(new Set(FINDERS.map(({ id }) => id)).size).toBe(FINDERS.length);
});

it("each finding belongs to a step, and hides findings that there are", () => {
  const steps = new Set<string>(STEPS.map(({ name }) => name));
  const ids = new Set(FINDERS.map(({ id }) => id));
  expect(FINDERS.filter(({ step }) => !steps.has(step))).toEqual([]);
  expect(FINDERS.flatMap(({ hides = [] }) => hides).filter((id) => !ids.has(id))).toEqual([]);
});
