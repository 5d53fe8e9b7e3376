// Builds what is published: npm run build
//
// dist/cjs is all of the package, as CommonJS: Node's `import` and `require`, Jest and bundlers can load that.
// dist/esm has an entry for `import` beside each of its entries, which gives the same objects by the same names,
// so that there is one copy of everything in a process. Declarations are there twice, since TypeScript reads
// those of an ES module as importing ES modules, and the SDK's classes are others there.
import { execFileSync } from "node:child_process";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import process from "node:process";

const require = createRequire(import.meta.url);
const { exports } = JSON.parse(readFileSync("package.json", "utf8"));

/** The SDK as an application gets it that imports it: src/shared/packages.cts says why. */
const IMPORT_SDK = `import packages from "../../cjs/src/shared/packages.cjs";
const { missingSdk, sdk, undefinedWhereMissing } = packages;
sdk.server = () => import("@modelcontextprotocol/sdk/server/mcp.js").catch(missingSdk);
sdk.stdio = () => import("@modelcontextprotocol/sdk/server/stdio.js").catch(missingSdk);
sdk.validator = () => import("@modelcontextprotocol/sdk/validation/ajv").catch(missingSdk);
sdk.v2 = () => import("@modelcontextprotocol/server").catch(undefinedWhereMissing);
`;

/** And its clients, for tests. */
const IMPORT_CLIENTS = `import packages from "../../../cjs/src/shared/packages.cjs";
const { sdk, undefinedWhereMissing } = packages;
sdk.clientV1 = () =>
  Promise.all([
    import("@modelcontextprotocol/sdk/client/index.js"),
    import("@modelcontextprotocol/sdk/client/sse.js"),
    import("@modelcontextprotocol/sdk/client/streamableHttp.js"),
  ]).catch(undefinedWhereMissing);
sdk.clientV2 = () =>
  Promise.all([import("@modelcontextprotocol/client")]).catch(undefinedWhereMissing);
`;

/** What an entry does before it gives anything. */
const FIRST = new Map([
  ["./dist/esm/src/index.js", IMPORT_SDK],
  ["./dist/esm/src/testing/index.js", IMPORT_CLIENTS],
]);

rmSync("dist", { recursive: true, force: true });
execFileSync(
  process.execPath,
  [require.resolve("typescript/bin/tsc"), "-p", "tsconfig.build.json"],
  { stdio: "inherit" },
);
writeFileSync("dist/cjs/package.json", '{ "type": "commonjs" }\n');
cpSync("dist/cjs", "dist/esm", {
  recursive: true,
  // Nothing imports a program.
  filter: (path) => !/\.([cm]?js|map|json)$|\/src\/(cli|doctor)$/.test(path),
});
for (const { import: esm, require: cjs } of Object.values(exports)) {
  if (esm !== undefined) writeEntry(esm.default, cjs.default);
}

function writeEntry(file, implementation) {
  const names = Object.keys(require(join(process.cwd(), implementation)));
  const from = relative(dirname(file), implementation);
  const entry = `export { ${names.join(", ")} } from "${from}";\n`;
  writeFileSync(file, (FIRST.get(file) ?? "") + entry);
}
