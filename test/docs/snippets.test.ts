import { join } from "node:path";
import ts from "typescript";
import { COMPILER_OPTIONS, mistakesIn, textOf } from "../kit/compile.js";
import { PAGES, read, ROOT } from "./pages.js";

/** What snippets may use without saying where it comes from; what a snippet declares itself comes before it. */
const PRELUDE = `
import type { Server } from "node:http";
import type { Express, RequestHandler } from "express";
import type { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import type { AuthMethod, SseRouter } from "express-mcp-sse";
declare global {
  const app: Express;
  const listener: Server;
  const router: SseRouter;
  const createServer: () => McpServer;
  const requireAdmin: RequestHandler;
  const ticketMethod: () => AuthMethod;
}
`;

const options = { ...COMPILER_OPTIONS, noPropertyAccessFromIndexSignature: false };

interface Snippet {
  /** \`README.md:12\` */
  readonly place: string;
  readonly language: string;
  readonly code: string;
}

/** The blocks of code of a document. */
function snippetsOf(page: string, text: string): readonly Snippet[] {
  return [...text.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].map(({ index, 1: language, 2: code }) => ({
    place: `${page}:${text.slice(0, index).split("\n").length}`,
    language: language!,
    code: code!,
  }));
}

/** What the compiler says of snippets in TypeScript, each a module of its own. */
function typeMistakes(snippets: readonly Snippet[]): readonly string[] {
  const files = new Map(
    snippets.map(({ code }, index) => [
      join(ROOT, "test/docs", `snippet-${index}.ts`),
      `${code}\nexport {};\n`,
    ]),
  );
  const places = new Map([...files.keys()].map((file, index) => [file, snippets[index]!.place]));
  files.set(join(ROOT, "test/docs/snippet-prelude.ts"), PRELUDE);
  return mistakesIn(files, options).map(({ file, text }) => `${places.get(file) ?? file}: ${text}`);
}

/** What the parser says of snippets in JavaScript, whose packages need not be here. */
function syntaxMistakes(snippets: readonly Snippet[]): readonly string[] {
  return snippets.flatMap(({ place, code }) =>
    (
      ts.transpileModule(code, { fileName: "snippet.js", reportDiagnostics: true }).diagnostics ??
      []
    ).map((found) => `${place}: ${textOf(found)}`),
  );
}

const all = PAGES.filter((page) => page !== "test/kit/README.md").flatMap((page) =>
  snippetsOf(page, read(page)),
);
const inLanguage = (name: string): readonly Snippet[] =>
  all.filter(({ language }) => language === name);

test("the TypeScript in the documents compiles", () => {
  expect(inLanguage("ts").length).toBeGreaterThan(30);
  expect(typeMistakes(inLanguage("ts"))).toEqual([]);
});

test("the JavaScript and the JSON in the documents can be read", () => {
  expect(inLanguage("js").length).toBeGreaterThan(3);
  expect(syntaxMistakes(inLanguage("js"))).toEqual([]);
  for (const { code } of inLanguage("json"))
    expect(() => JSON.parse(code) as unknown).not.toThrow();
});

test("a snippet that does not compile is found, and where it stands", () => {
  const page =
    '# Page\n\n```ts\nimport { jwt } from "express-mcp-sse";\njwt({ secretKey: 1 });\n```\n';
  expect(typeMistakes(snippetsOf("page.md", page))).toEqual([
    expect.stringMatching(/^page\.md:3: .*secretKey/s),
  ]);
  expect(
    syntaxMistakes([{ place: "page.md:3", language: "js", code: "const a = ;" }]),
  ).toHaveLength(1);
});
