import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { transformSync } from "esbuild";
import packages from "../../src/shared/packages.cjs";

test("a package that is installed is loaded", async () => {
  expect(packages.passportJwt()).toHaveProperty("Strategy");
  expect(packages.passportHeaderApiKey()).toHaveProperty("HeaderAPIKeyStrategy");
  expect(packages.jwksRsa()).toHaveProperty("JwksClient");
  expect(packages.passportOAuth2()).toBeInstanceOf(Function);
  expect(packages.openTelemetryApi()).toHaveProperty("metrics");
  expect(packages.libsql()).toBeInstanceOf(Function);
  packages.findOidcProvider();
  expect(await packages.sdk.server()).toHaveProperty("McpServer");
});

describe("in an application without the optional peers", () => {
  const folder = mkdtempSync(join(tmpdir(), "packages-"));
  const source = readFileSync(join(__dirname, "../../src/shared/packages.cts"), "utf8");
  writeFileSync(join(folder, "packages.cjs"), transformSync(source, { loader: "ts" }).code);
  afterAll(() => rmSync(folder, { recursive: true }));

  /** What an error says there. */
  function messageOf(call: string): string {
    const code = `(async () => require("./packages.cjs").${call})().catch((e) => process.stdout.write(e.message))`;
    const options = { cwd: folder, encoding: "utf8", timeout: 60_000 } as const;
    return execFileSync(process.execPath, ["--eval", code], options);
  }

  test.each([
    [
      "passportOAuth2()",
      "signIn needs the package passport-oauth2. Run: npm install passport-oauth2",
    ],
    [
      "oidcProvider()",
      "signIn needs the package oidc-provider. Run: npm install oidc-provider@~9.13.3",
    ],
    [
      "findOidcProvider()",
      "signIn needs the package oidc-provider. Run: npm install oidc-provider@~9.13.3",
    ],
    [
      "openTelemetryApi()",
      "express-mcp-sse/otel needs the package @opentelemetry/api. Run: npm install @opentelemetry/api",
    ],
    ["libsql()", "FileStorage needs the package libsql. Run: npm install libsql"],
    [
      "sdk.server()",
      "MCPServer needs version 1 of the SDK: npm install @modelcontextprotocol/sdk@1. With SDK v2 use createMcpRouter or createSseRouter.",
    ],
  ])("%s is refused with what to install", (call, message) => {
    expect(messageOf(call)).toBe(message);
  });

  test.each(["clientV1", "clientV2"])("sdk.%s() is nothing, for the other may be there", (name) => {
    const code = `require("./packages.cjs").sdk.${name}().then((e) => process.stdout.write(String(e)))`;
    const options = { cwd: folder, encoding: "utf8", timeout: 60_000 } as const;
    expect(execFileSync(process.execPath, ["--eval", code], options)).toBe("undefined");
  });

  /** Puts a package there that has one file. */
  function install(name: string, file: string, code: string): void {
    const path = join(folder, "node_modules", name, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, code);
  }

  test("a failure inside a peer is passed on as it is", () => {
    install("passport-oauth2", "index.js", 'require("its-own-dependency");');
    expect(messageOf("passportOAuth2()")).toMatch(/^Cannot find module 'its-own-dependency'/);
    install("@modelcontextprotocol/sdk", "server/mcp.js", 'require("its-own-dependency");');
    expect(messageOf("sdk.server()")).toMatch(/^Cannot find module 'its-own-dependency'/);
    install("@modelcontextprotocol/sdk", "server/mcp.js", 'throw new Error("broken");');
    expect(messageOf("sdk.server()")).toBe("broken");
  });

  test.each([
    ["shows its files", {}],
    ["names them", { "./*": { require: "./dist/cjs/*" } }],
    ["names them one by one", { "./server/mcp.js": "./server/mcp.js" }],
  ])("an SDK that %s and is too old is refused with what to install", (_how, exports) => {
    const manifest = Object.keys(exports).length === 0 ? {} : { exports };
    install("@modelcontextprotocol/sdk", "package.json", JSON.stringify(manifest));
    expect(messageOf("sdk.validator()")).toMatch(/npm install @modelcontextprotocol\/sdk@1\./);
  });
});

test("the range that is told for oidc-provider is that of package.json", () => {
  const manifest = JSON.parse(readFileSync(join(__dirname, "../../package.json"), "utf8")) as {
    peerDependencies: Record<string, string>;
  };
  const source = readFileSync(join(__dirname, "../../src/shared/packages.cts"), "utf8");
  expect(source).toContain(`"@${manifest.peerDependencies["oidc-provider"]!}"`);
});
