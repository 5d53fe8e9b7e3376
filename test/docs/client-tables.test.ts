import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CLIENTS_PAGE, WHEN_CUT, WHEN_LATER, withClientTables } from "../clients/npm/outcomes.js";
import { exists, read, ROOT } from "./pages.js";

const rows = [...WHEN_CUT, ...WHEN_LATER];

it("the tables of docs/clients.md stand as npm run docs:clients writes them", () => {
  const page = read(CLIENTS_PAGE);
  expect(page).toContain(WHEN_CUT[0]!.client);
  expect(page).toBe(withClientTables(page));
});

it.each(rows)(
  "what is said of $client comes from a test, or from a run whose day is named",
  ({ source }) => {
    if ("runs" in source) {
      expect(source.runs.length).toBeGreaterThan(0);
      return;
    }
    const { shownBy } = source;
    if (/^by hand, \d+ \w+ \d{4}$/.test(shownBy)) return;
    expect(shownBy.split(", ").filter((path) => !exists(path))).toEqual([]);
  },
);

it("the versions of clients are pinned, and are those that were installed with them", () => {
  const folder = join(ROOT, "test/clients/npm");
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
    dependencies: Record<string, string>;
  };
  const lock = JSON.parse(readFileSync(join(folder, "package-lock.json"), "utf8")) as {
    packages: Record<string, { version: string }>;
  };
  for (const [name, range] of Object.entries(manifest.dependencies)) {
    expect(`${name} ${range.replace(/^npm:.*@/, "")}`).toBe(
      `${name} ${lock.packages[`node_modules/${name}`]!.version}`,
    );
  }
});
