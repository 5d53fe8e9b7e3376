// Writes down what each entry of the package exports, and compares it with api/*.api.md, which are
// committed: npm run api (builds, then compares), npm run api:update (writes them anew).
import console from "node:console";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { CompilerState, Extractor, ExtractorConfig } from "@microsoft/api-extractor";
import ts from "typescript";

const { values, positionals } = parseArgs({
  options: { update: { type: "boolean", default: false } },
  allowPositionals: true,
});
const project = resolve(positionals[0] ?? ".");
const reports = join(project, "api");
const scratch = mkdtempSync(join(tmpdir(), "api-report-"));
const mistakes = [];
let hasChanged = false;

/** What the extractor says and what it may not say; all the rest is an error. */
const SILENT = [
  // What is exported is public; there are no other stages of release here.
  "ae-missing-release-tag",
  // TypeDoc looks after comments and links, and comments are in TypeScript's form, not in TSDoc's.
  "ae-undocumented",
  "ae-unresolved-link",
];

/** Each entry of the package with its declarations, as package.json has them. */
function entries() {
  const { exports } = JSON.parse(readFileSync(join(project, "package.json"), "utf8"));
  return Object.entries(exports)
    .map(([path, target]) => ({
      name: path === "." ? "index" : path.slice(2).replaceAll("/", "-"),
      types: typeof target === "string" ? undefined : (target.types ?? target.import?.types),
    }))
    .filter(({ types }) => types !== undefined);
}

function configOf({ name, types }) {
  const silent = Object.fromEntries(SILENT.map((id) => [id, { logLevel: "none" }]));
  return ExtractorConfig.prepare({
    configObjectFullPath: undefined,
    packageJsonFullPath: join(project, "package.json"),
    configObject: {
      projectFolder: project,
      mainEntryPointFilePath: join(project, types),
      newlineKind: "lf",
      compiler: { tsconfigFilePath: join(project, "tsconfig.build.json") },
      apiReport: {
        enabled: true,
        reportFileName: name,
        reportFolder: reports,
        reportTempFolder: scratch,
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: { default: { logLevel: "error" } },
        extractorMessageReporting: { default: { logLevel: "error" }, ...silent },
        tsdocMessageReporting: { default: { logLevel: "none" } },
      },
    },
  });
}

/** One line of what the extractor says. */
function hear(entry, message) {
  message.handled = true;
  if (message.logLevel === "none" || message.logLevel === "verbose") return;
  // Of these two the report itself, and its difference, say more.
  if (message.messageId.startsWith("console-api-report-")) {
    if (message.messageId === "console-api-report-diff") console.log(message.text);
    return;
  }
  if (message.logLevel !== "error" && message.logLevel !== "warning") return;
  mistakes.push(`${entry.name}: ${message.messageId}: ${message.text}`);
}

function check(entry, compilerState, config) {
  const { apiReportChanged } = Extractor.invoke(config, {
    compilerState,
    localBuild: values.update,
    printApiReportDiff: !values.update,
    messageCallback: (message) => hear(entry, message),
  });
  if (apiReportChanged && !values.update) {
    mistakes.push(`${entry.name}: exports something else than api/${entry.name}.api.md says`);
    hasChanged = true;
  }
}

/**
 * What is private in a class that no entry exports: it stands in declarations that users' compilers
 * read, and keeps whatever is like the class from being taken for it.
 */
function findHiddenClasses() {
  const files = entries().map(({ types }) => join(project, types));
  const program = ts.createProgram(files, {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    types: [],
  });
  const checker = program.getTypeChecker();
  const exported = new Set(
    files.flatMap((file) => {
      const entry = checker.getSymbolAtLocation(program.getSourceFile(file));
      return checker
        .getExportsOfModule(entry)
        .map((symbol) =>
          symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol,
        );
    }),
  );
  for (const file of program.getSourceFiles()) {
    if (!isOurs(file.fileName)) continue;
    if (file.text.includes("@internal")) mistakes.push(`${file.fileName}: says @internal`);
    for (const node of file.statements.filter(ts.isClassDeclaration)) {
      if (!node.members.some(isPrivate) || exported.has(checker.getSymbolAtLocation(node.name)))
        continue;
      mistakes.push(`${file.fileName}: ${node.name.text} is reached, but not exported`);
    }
  }
}

function isOurs(file) {
  return file.startsWith(project) && !file.includes("/node_modules/");
}

function isPrivate(member) {
  if (member.name && ts.isPrivateIdentifier(member.name)) return true;
  const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected;
  return (ts.getCombinedModifierFlags(member) & hidden) !== 0;
}

/** Reports of entries that there are not any more. */
function removeOthers(known) {
  for (const file of readdirSync(reports)) {
    if (known.includes(file)) continue;
    if (values.update) rmSync(join(reports, file));
    else mistakes.push(`api/${file} is of no entry of package.json`);
  }
}

try {
  mkdirSync(reports, { recursive: true });
  const all = entries().map((entry) => ({ entry, config: configOf(entry) }));
  const [first, ...others] = all.map(({ config }) => config);
  const compilerState = CompilerState.create(first, {
    additionalEntryPoints: others.map(({ mainEntryPointFilePath }) => mainEntryPointFilePath),
  });
  for (const { entry, config } of all) check(entry, compilerState, config);
  findHiddenClasses();
  removeOthers(all.map(({ entry }) => `${entry.name}.api.md`));
} finally {
  rmSync(scratch, { recursive: true });
}

for (const mistake of mistakes) console.error(`api: ${mistake}`);
if (hasChanged)
  console.error("api: if that is meant: npm run api:update, and commit api/ with it.");
if (mistakes.length > 0) process.exitCode = 1;
