import { join } from "node:path";
import ts from "typescript";
import { COMPILER_OPTIONS, mistakesIn } from "../kit/compile.js";

const ROOT = join(__dirname, "../..");

/** Entries whose values have examples, by what they are imported as. */
const ENTRIES = [
  ["express-mcp-sse", "src/index.ts", 12],
  ["express-mcp-sse/testing", "src/testing/index.ts", 6],
] as const;

/** What the examples may use without saying where it comes from. */
const PRELUDE = `
import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import express from "express";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { z } from "zod";
import type { SseRouter, PassportStrategy } from "express-mcp-sse";
declare const mcp: McpServer;
declare const router: SseRouter;
declare const passportStrategy: PassportStrategy;
declare const strategy: { fail(problem: Error): void };
`;

/** The names of the values that an entry exports, and their first example. */
function examplesOfExports(entry: string): ReadonlyMap<string, string | undefined> {
  const file = join(ROOT, entry);
  const program = ts.createProgram([file], COMPILER_OPTIONS);
  const checker = program.getTypeChecker();
  const index = checker.getSymbolAtLocation(program.getSourceFile(file)!);
  const examples = new Map<string, string | undefined>();
  for (const exported of checker.getExportsOfModule(index!)) {
    const isAlias = (exported.flags & ts.SymbolFlags.Alias) !== 0;
    const symbol = isAlias ? checker.getAliasedSymbol(exported) : exported;
    if ((symbol.flags & ts.SymbolFlags.Value) === 0) continue;
    if (
      exported.declarations?.some(
        (node) => ts.isExportSpecifier(node) && node.parent.parent.isTypeOnly,
      )
    )
      continue;
    const tag = symbol.getJsDocTags(checker).find(({ name }) => name === "example");
    examples.set(exported.name, /```ts\n(.*?)\n```/s.exec(ts.displayPartsToString(tag?.text))?.[1]);
  }
  return examples;
}

const MAIN = "express-mcp-sse";

/** What examples of other entries have of the main one. */
const BESIDE_MAIN = `import { createMcpRouter } from "${MAIN}";\n`;

const importing = (specifier: string, examples: ReadonlyMap<string, string>): string =>
  `import { ${[...examples.keys()].join(", ")} } from "${specifier}";\n`;

/** What the compiler says of each example. */
function mistakesInExamples(
  specifier: string,
  examples: ReadonlyMap<string, string>,
): readonly string[] {
  const imported = importing(specifier, examples) + (specifier === MAIN ? "" : BESIDE_MAIN);
  const files = new Map(
    [...examples].map(([name, example]) => [
      join(ROOT, "test/types", `example-of-${name}.ts`),
      `${PRELUDE}${imported}{\n${example}\n}\n`,
    ]),
  );
  return mistakesIn(files).map(({ file, text }) => `${file}: ${text}`);
}

test.each(ENTRIES)(
  "every value that %s exports has an example that compiles",
  (name, file, least) => {
    const examples = examplesOfExports(file);

    expect([...examples].filter(([, example]) => example === undefined)).toEqual([]);
    expect(examples.size).toBeGreaterThanOrEqual(least);
    expect(mistakesInExamples(name, examples as ReadonlyMap<string, string>)).toEqual([]);
  },
);

test("an example that does not compile is found", () => {
  const mistakes = mistakesInExamples(MAIN, new Map([["jwt", "jwt({ secretKey: 1 });"]]));

  expect(mistakes).toEqual([expect.stringMatching(/example-of-jwt.*secretKey/s)]);
});
