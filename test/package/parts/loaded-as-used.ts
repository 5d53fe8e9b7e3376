import assert from "node:assert/strict";
import type { Part } from "../checks.js";
import type { Project } from "../project.js";

/** What only one way of use needs, by where it is installed. */
const PARTS = {
  tokens: /\/passport-jwt\/|\/jsonwebtoken\//,
  "key sets": /\/jwks-rsa\/|\/jose\//,
  "API keys": /\/passport-headerapikey\//,
  issuers: /\/oauth\/(?:discovery|introspection)\.js$/,
  "the sign-in": /\/oauth\/sign-in\/|\/oidc-provider\//,
  Redis: /\/src\/redis\/|\/node_modules\/(?:redis|@redis|ioredis|iovalkey)\//,
  OpenTelemetry: /\/src\/otel\/|\/@opentelemetry\//,
  "the SDK": /\/@modelcontextprotocol\//,
};

interface Use {
  /** JavaScript in which the package is called `loaded`. */
  readonly code: string;
  readonly parts: readonly (keyof typeof PARTS)[];
}

/** Ways to use the package, and all that each may load. */
const USES: ReadonlyMap<string, Use> = new Map([
  ["the package", { code: "", parts: [] }],
  ["apikey", { code: `loaded.apikey({ keys: ["${"k".repeat(32)}"] })`, parts: ["API keys"] }],
  [
    "jwt with a secret",
    {
      code: `loaded.jwt({ secret: "${"s".repeat(32)}", algorithms: ["HS256"] })`,
      parts: ["tokens"],
    },
  ],
  [
    "jwt with jwksUri",
    {
      code: `loaded.jwt({ jwksUri: "https://a.example/jwks", algorithms: ["RS256"] })`,
      parts: ["tokens", "key sets"],
    },
  ],
  ["instrument", { code: `await import("express-mcp-sse/otel")`, parts: ["OpenTelemetry"] }],
  ["redisCluster", { code: `await import("express-mcp-sse/cluster/redis")`, parts: ["Redis"] }],
]);

/** What is loaded for which use, of the package and of its dependencies. */
export function loadedAsUsed(project: Project): Part {
  return {
    name: "loaded as used",
    prepare: () => project.install(),
    checks: [...USES].map(([use, { code, parts }]) => ({
      name: `${use} loads ${parts.join(" and ") || "nothing that it may not need"}`,
      async run() {
        const files = await project.filesLoadedBy("express-mcp-sse", code);
        assert.ok(files.length > 100);
        assert.deepEqual(partsOf(files), parts);
      },
    })),
  };
}

/** The parts that files belong to. */
function partsOf(files: readonly string[]): readonly string[] {
  const found = Object.entries(PARTS).filter(([, part]) => files.some((file) => part.test(file)));
  return found.map(([name]) => name);
}
