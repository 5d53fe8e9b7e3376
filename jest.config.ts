/** @jest-config-loader esbuild-register */
import type { Config } from "jest";

// Jest runs the sources as CommonJS: its ESM mode cannot load jwks-rsa, which
// requires jose, which is ESM only. So jose is transformed like our own files, and oidc-provider.
const common: Config = {
  testEnvironment: "node",
  transform: { "\\.m?[jt]s$": ["@swc/jest", { jsc: { target: "es2022" } }] },
  transformIgnorePatterns: ["/node_modules/(?!(?:jose|oidc-provider)/)"],
  moduleNameMapper: {
    "^express-mcp-sse$": "<rootDir>/src/index.ts",
    "^express-mcp-sse/strategies/(.*)$": "<rootDir>/strategies/$1.ts",
    "^(\\.{1,2}/.*)\\.js$": "$1",
  },
};

const config: Config = {
  // Tests wait for events. How long these take is the machine's business, which may be busy with something else.
  testTimeout: 120_000,
  // The run's own process does little: every core can test.
  maxWorkers: "100%",
  projects: [
    {
      ...common,
      displayName: "express 5",
      testMatch: ["<rootDir>/test/**/*.test.ts"],
    },
    {
      // Everything that goes through a router runs a second time on Express 4.
      ...common,
      displayName: "express 4",
      testMatch: [
        "<rootDir>/test/{express,http,server,session,sse}/*.test.ts",
        "<rootDir>/test/strategies/sign-in/sign-in.test.ts",
      ],
      moduleNameMapper: { ...common.moduleNameMapper, "^express$": "express4" },
    },
  ],
};

export default config;
