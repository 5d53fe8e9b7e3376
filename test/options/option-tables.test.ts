import { readFileSync } from "node:fs";
import { DOCUMENTS, rowsOf, SOURCE_NAMES, withTables } from "./option-tables.js";

const documents = DOCUMENTS.map((path) => [path, readFileSync(path, "utf8")] as const);

describe("the tables of options", () => {
  it.each(documents)("stand in %s as npm run docs:options writes them", (_path, text) => {
    expect(text).toBe(withTables(text));
  });

  it.each(SOURCE_NAMES)("%s: comments say the defaults and ranges that count", (source) => {
    expect(rowsOf(source).flatMap(({ faults }) => faults)).toEqual([]);
  });

  it.each(SOURCE_NAMES)("%s: every option stands in docs/options.md", (source) => {
    const all = readFileSync("docs/options.md", "utf8");
    for (const { name } of rowsOf(source)) expect(all).toContain(`| \`${name}\` |`);
  });
});
