// Counts how the house stands, and fails where it falls short: npm run house
import { readdirSync, readFileSync } from "node:fs";
import console from "node:console";
import { dirname, join, normalize } from "node:path";
import process from "node:process";
import ts from "typescript";
import { ROOMS } from "../eslint.config.mjs";

const sources = new Map(
  ["src", "strategies"]
    .flatMap((folder) => readdirSync(folder, { recursive: true }).map((name) => join(folder, name)))
    .filter((file) => /\.c?ts$/.test(file))
    .map((file) => [file, parse(file)]),
);

function parse(file) {
  const text = readFileSync(file, "utf8");
  const tree = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  return { lines: text.split("\n").length - 1, tree, imports: importsOf(file, tree) };
}

/** The files of ours that a file imports; `kind` is `"type"`, `"value"`, or `"later"` for `import()`. */
function importsOf(file, tree) {
  const found = [];
  const note = (specifier, kind) => {
    if (!specifier.startsWith(".")) return;
    found.push({
      to: normalize(join(dirname(file), specifier.replace(/\.(c?)js$/, ".$1ts"))),
      kind,
    });
  };
  const visit = (node) => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) {
      const isType = node.isTypeOnly === true || node.importClause?.isTypeOnly === true;
      if (node.moduleSpecifier) note(node.moduleSpecifier.text, isType ? "type" : "value");
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      note(node.arguments[0].text, "later");
    } else if (ts.isImportTypeNode(node)) note(node.argument.literal.text, "type");
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

/** The longest way down from a file, types included: what a reader may have to follow. */
function longestWay(file, known = new Map(), above = new Set()) {
  if (known.has(file)) return known.get(file);
  if (above.has(file))
    throw new Error(`imports lead in a circle: ${[...above, file].join(" -> ")}`);
  above.add(file);
  const below = sources.get(file).imports.map(({ to }) => longestWay(to, known, above));
  const longest = below.reduce((best, way) => (way.length > best.length ? way : best), []);
  above.delete(file);
  known.set(file, [file, ...longest]);
  return known.get(file);
}

/** What is loaded at once with a file. */
function loadedWith(file, seen = new Set()) {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const { to, kind } of sources.get(file).imports) if (kind === "value") loadedWith(to, seen);
  return seen;
}

function roomOf(file) {
  const [top, room, rest] = file.split("/");
  if (top === "strategies") return top;
  return rest === undefined ? "index" : room;
}

function arrowsBetweenRooms() {
  const arrows = new Map();
  for (const [file, { imports }] of sources) {
    for (const { to } of imports) {
      const [from, into] = [roomOf(file), roomOf(to)];
      if (from !== into && from !== "index") arrows.set(`${from} -> ${into}`, { from, into, file });
    }
  }
  return [...arrows.values()];
}

function longestFunction() {
  let longest = { lines: 0, where: "" };
  for (const [file, { tree }] of sources) {
    const visit = (node) => {
      if (ts.isFunctionLike(node) && node.body) {
        const line = (at) => tree.getLineAndCharacterOfPosition(at).line;
        const lines = line(node.end) - line(node.getStart(tree)) + 1;
        if (lines > longest.lines)
          longest = { lines, where: `${file}:${line(node.getStart(tree)) + 1}` };
      }
      ts.forEachChild(node, visit);
    };
    visit(tree);
  }
  return longest;
}

const mistakes = [];

function count(what, is, limit, where = "") {
  console.log(`  ${what}: ${is} (at most ${limit})${where && `  ${where}`}`);
  if (is > limit) mistakes.push(what);
}

const longestFile = [...sources].reduce((a, b) => (b[1].lines > a[1].lines ? b : a));
const deepest = longestWay(join("src", "index.ts"));
const loaded = [...loadedWith(join("src", "index.ts"))];
const isAllowed = ({ from, into }) => (ROOMS[from] ?? ["auth", "shared"]).includes(into);
const arrows = arrowsBetweenRooms();
const up = arrows.filter((arrow) => !isAllowed(arrow));
const { lines, where } = longestFunction();

count("import depth from src/index.ts", deepest.length, 16, deepest.at(1));
count(
  "loose files in src beside index.ts",
  [...sources.keys()].filter((f) => roomOf(f) === "index").length - 1,
  0,
);
count("arrows between rooms", arrows.length, 86);
count(
  "arrows that run up",
  up.length,
  0,
  up.map(({ file, into }) => `${file} -> ${into}`).join(", "),
);
const linesLoaded = loaded.reduce((sum, file) => sum + sources.get(file).lines, 0);
count('files loaded by import "express-mcp-sse"', loaded.length, 350);
count("lines in them", linesLoaded, 38_000);
count(
  "of these, of the sign-in",
  loaded.filter((f) => f.startsWith("strategies/oauth/sign-in/")).length,
  0,
);
count("longest file, in lines", longestFile[1].lines, 350, longestFile[0]);
count("longest function, in lines", lines, 60, where);

console.log(
  mistakes.length > 0 ? `house: too much: ${mistakes.join("; ")}` : "house: all counts hold",
);
process.exitCode = mistakes.length > 0 ? 1 : 0;
