/** @jest-config-loader esbuild-register */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "jest";

// Jest runs the sources as CommonJS, which is what is published, and on Node 20 requires no ES module: jose and
// oidc-provider, which the sign-in needs, are transformed like our own files.
const common: Config = {
  testEnvironment: "<rootDir>/test/kit/time-limit/environment.ts",
  transform: {
    "\\.m?[jt]s$": ["@swc/jest", { jsc: { target: "es2022" } }],
    "\\.cts$": ["@swc/jest", { jsc: { target: "es2022", parser: { syntax: "typescript" } } }],
  },
  transformIgnorePatterns: ["/node_modules/(?!(?:jose|oidc-provider)/)"],
  moduleNameMapper: {
    "^express-mcp-sse$": "<rootDir>/src/index.ts",
    "^express-mcp-sse/strategies/(.*)$": "<rootDir>/strategies/$1.ts",
    "^express-mcp-sse/cluster/memory$": "<rootDir>/src/cluster/memory.ts",
    "^express-mcp-sse/cluster/redis$": "<rootDir>/src/redis/index.ts",
    "^express-mcp-sse/cluster/contract$": "<rootDir>/src/cluster-contract/index.ts",
    "^express-mcp-sse/otel$": "<rootDir>/src/otel/index.ts",
    "^express-mcp-sse/testing$": "<rootDir>/src/testing/index.ts",
    "^(\\.{1,2}/.*)\\.js$": "$1",
    "^(.*/shared/packages)\\.cjs$": "$1.cts",
  },
};

/** Rooms whose tests reach Express through a router or a server. */
const ROOMS_ON_EXPRESS = ["express", "http", "server", "session", "sse", "streamable-http"];

/** What such a test has in hand: a way of the kit to serve, or Express itself. */
const USES_EXPRESS = /kit\/(?:serve|streamable|wires|resource-server|sign-in)\.js"|from "express"/;

/** Everything that goes through a router runs a second time on Express 4; units do not. */
function testsOnBothMajors(): string[] {
  const files = ROOMS_ON_EXPRESS.flatMap((room) =>
    readdirSync(join(__dirname, "test", room))
      .filter((name) => name.endsWith(".test.ts") && !name.endsWith(".long.test.ts"))
      .map((name) => `test/${room}/${name}`),
  );
  return [...files, "test/strategies/sign-in/sign-in.test.ts"].filter((file) =>
    USES_EXPRESS.test(readFileSync(join(__dirname, file), "utf8")),
  );
}

/** Rooms whose tests have servers of the SDK. */
const ROOMS_ON_SDK = /^test\/(?:clients|express|faults|policy|server|session|sse)\//;

/** Those of the short form that stand for all the others on another version of the SDK. */
function testsOnOldestSdk(): string[] {
  const list = readFileSync(join(__dirname, "test/versions/short-form.json"), "utf8");
  const { tests } = JSON.parse(list) as { tests: string[] };
  // How the SDK's own class behaves is asked of the newest.
  return tests.filter((file) => ROOMS_ON_SDK.test(file) && !file.includes("drop-in"));
}

const config: Config = {
  // Tests wait for events. How long these take is the machine's business, which may be busy with something else.
  testTimeout: 120_000,
  projects: [
    {
      ...common,
      displayName: "express 5",
      testMatch: ["<rootDir>/test/**/!(*.long|*.npm).test.ts"],
    },
    {
      ...common,
      displayName: "express 4",
      testMatch: testsOnBothMajors().map((file) => `<rootDir>/${file}`),
      moduleNameMapper: { ...common.moduleNameMapper, "^express$": "express4" },
    },
    {
      // The oldest SDK v1 that is allowed: `npm run test:sdk`.
      ...common,
      displayName: "oldest sdk",
      testMatch: testsOnOldestSdk().map((file) => `<rootDir>/${file}`),
      moduleNameMapper: {
        ...common.moduleNameMapper,
        "^@modelcontextprotocol/sdk/(.*)$": "sdk-1.26/$1",
      },
    },
    {
      // Measurements of memory, faults by the hundred, and a real browser: `npm run test:long`.
      ...common,
      displayName: "long",
      testMatch: ["<rootDir>/test/**/*.long.test.ts"],
    },
    {
      // Clients of other makers, which are installed apart: `npm run test:clients`.
      ...common,
      displayName: "clients",
      testMatch: ["<rootDir>/test/**/*.npm.test.ts"],
    },
  ],
};

export default config;
