import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { MODULE_RESOLUTION, NODE, OLDEST_SDK_V1, TYPES_NODE, TYPESCRIPT } from "./versions.js";

const ROOT = join(__dirname, "../..");

const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

const { tests } = JSON.parse(read("test/versions/short-form.json")) as {
  readonly tests: readonly string[];
};

interface Manifest {
  readonly version: string;
  readonly engines: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
}

const manifestOf = (folder: string): Manifest =>
  JSON.parse(read(join(folder, "package.json"))) as Manifest;

/** Major and minor version of an installed package. */
function installed(name: string): string {
  return manifestOf(`node_modules/${name}`).version.split(".").slice(0, 2).join(".");
}

/** What `docs/versions.md` must say, by the first cell of a row. */
const RUN: readonly (readonly [string, string])[] = [
  ["Node", NODE.join(", ")],
  ["Express", `${installed("express4")}, ${installed("express")}`],
  [
    "`@modelcontextprotocol/sdk` (v1)",
    `${installed(OLDEST_SDK_V1)}, ${installed("@modelcontextprotocol/sdk")}`,
  ],
  ["`@modelcontextprotocol/server` (v2)", installed("@modelcontextprotocol/server")],
  ["TypeScript", TYPESCRIPT.join(", ")],
  ["`@types/node`", TYPES_NODE.join(", ")],
  ["`moduleResolution`", MODULE_RESOLUTION.join(", ")],
];

describe("the table of versions", () => {
  it.each(RUN)("says of %s what CI runs", (name, versions) => {
    const rows = read("docs/versions.md").split("\n");
    const row = rows.find((line) => line.startsWith(`| ${name} |`));
    expect(row?.split("|")[2]?.trim()).toBe(versions);
  });

  it("is what CI runs", () => {
    const ci = read(".ci/run");
    const steps = { "test:node": "tests", "test:sdk": "tests", "test:types": "within" };
    for (const [script, step] of Object.entries(steps)) {
      // Without arguments: all of them.
      expect(ci).toMatch(new RegExp(`^${step} \\d+ npm run ${script}$`, "m"));
      expect(manifestOf(".").scripts).toHaveProperty(script);
    }
    expect(ci).toContain(`[[ $(node -v) == v${NODE[0]}.* ]]`);
  });

  it("begins with the oldest that is allowed", () => {
    const { engines, peerDependencies } = manifestOf(".");
    expect(engines["node"]).toMatch(new RegExp(`^>=${NODE[0]}\\.`));
    expect(peerDependencies["@modelcontextprotocol/sdk"]).toBe(
      `^${manifestOf(`node_modules/${OLDEST_SDK_V1}`).version}`,
    );
    expect(read("jest.config.ts")).toContain(`"${OLDEST_SDK_V1}/$1"`);
  });
});

describe("the short form", () => {
  it("names tests that are there", () => {
    expect(tests.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
    expect(tests.filter((path) => path.endsWith(".long.test.ts"))).toEqual([]);
  });

  it("has a test of each room that has tests of its own", () => {
    const rooms = [...readdirSync(join(ROOT, "src")), "strategies"].filter((room) =>
      existsSync(join(ROOT, "test", room)),
    );
    const missing = rooms.filter((room) => !tests.some((p) => p.startsWith(`test/${room}/`)));
    expect(missing).toEqual([]);
  });
});
