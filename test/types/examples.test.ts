import { join } from "node:path";
import ts from "typescript";
import { COMPILER_OPTIONS, mistakesIn } from "../kit/compile.js";

const ROOT = join(__dirname, "../..");
const INDEX = join(ROOT, "src/index.ts");

/** What the examples may use without saying where it comes from. */
const PRELUDE = `
import { randomUUID } from "node:crypto";
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

/** The names of the values that the package exports, and their first example. */
function examplesOfExports(): ReadonlyMap<string, string | undefined> {
  const program = ts.createProgram([INDEX], COMPILER_OPTIONS);
  const checker = program.getTypeChecker();
  const index = checker.getSymbolAtLocation(program.getSourceFile(INDEX)!);
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

/** What the compiler says of each example. */
function mistakesInExamples(examples: ReadonlyMap<string, string>): readonly string[] {
  const names = [...examples.keys()].join(", ");
  const files = new Map(
    [...examples].map(([name, example]) => [
      join(ROOT, "test/types", `example-of-${name}.ts`),
      `${PRELUDE}import { ${names} } from "express-mcp-sse";\n{\n${example}\n}\n`,
    ]),
  );
  return mistakesIn(files).map(({ file, text }) => `${file}: ${text}`);
}

test("every value that the package exports has an example that compiles", () => {
  const examples = examplesOfExports();

  expect([...examples].filter(([, example]) => example === undefined)).toEqual([]);
  expect(examples.size).toBeGreaterThanOrEqual(12);
  expect(mistakesInExamples(examples as ReadonlyMap<string, string>)).toEqual([]);
});

test("an example that does not compile is found", () => {
  const mistakes = mistakesInExamples(new Map([["jwt", "jwt({ secretKey: 1 });"]]));

  expect(mistakes).toEqual([expect.stringMatching(/example-of-jwt.*secretKey/s)]);
});
