import js from "@eslint/js";
import tseslint from "typescript-eslint";

/**
 * The rooms of `src`, from the ground up, and what each may import beside itself (CONTRIBUTING.md has the drawing).
 * Arrows point down this list. `strategies/` stands beside it, on `auth` and `shared`.
 */
export const ROOMS = {
  shared: [],
  auth: ["shared"],
  policy: ["auth", "shared"],
  session: ["policy", "auth", "shared"],
  cluster: ["session", "auth", "shared"],
  "cluster-contract": ["cluster", "shared"],
  redis: ["cluster", "auth", "shared", "strategies"],
  options: ["cluster", "session", "policy", "auth", "shared"],
  observe: ["options", "session", "policy", "auth", "shared"],
  otel: ["observe", "session", "policy", "shared"],
  monitor: ["cluster", "observe", "session", "policy", "auth", "shared"],
  http: ["cluster", "observe", "options", "session", "policy", "auth", "shared"],
  sse: ["http", "cluster", "observe", "options", "session", "policy", "auth", "shared"],
  "streamable-http": [
    "http",
    "cluster",
    "observe",
    "options",
    "session",
    "policy",
    "auth",
    "shared",
  ],
  relay: ["http", "cluster", "observe", "options", "session", "auth", "shared"],
  express: [
    "monitor",
    "sse",
    "streamable-http",
    "relay",
    "http",
    "cluster",
    "observe",
    "options",
    "session",
    "policy",
    "auth",
    "shared",
    "strategies",
  ],
  server: [
    "express",
    "sse",
    "http",
    "observe",
    "options",
    "session",
    "auth",
    "shared",
    "strategies",
  ],
  doctor: ["auth", "shared", "strategies"],
  cli: ["doctor", "express", "options", "auth", "shared", "strategies"],
  testing: ["policy", "shared", "strategies"],
};

/** Rooms that may import Express itself. */
const KNOWS_EXPRESS = ["express", "server", "testing"];

const arrows = [
  ...Object.entries(ROOMS).flatMap(([room, below]) =>
    [`src/${room}/*`, `src/${room}/*/*`].map((files, depth) => ({
      files: [files],
      forbidden: forbiddenIn(room, below, "\\.\\./".repeat(depth + 1)),
      message: `src/${room}/ imports ${below.join(", ") || "nothing of ours"} (the rooms' order: eslint.config.mjs).`,
    })),
  ),
  {
    files: ["strategies/**"],
    forbidden: "^(express(/|$)|(\\.\\./)+src/(?!(?:auth|shared)/))",
    message: "strategies/ imports src/auth/ and src/shared/ only.",
  },
];

/** A pattern for the imports that a room must not have. @param toSrc the way from a file of it to `src`, as a pattern. */
function forbiddenIn(room, below, toSrc) {
  const allowed = below.filter((name) => name !== "strategies").map((name) => `${name}/`);
  const up = `${toSrc}(?!\\.\\./)${allowed.length > 0 ? `(?!${allowed.join("|")})` : ""}`;
  const out = `${toSrc}\\.\\./${below.includes("strategies") ? "(?!strategies/)" : ""}`;
  const express = KNOWS_EXPRESS.includes(room) ? "" : "express(/|$)|";
  return `^(${express}${up}|${out})`;
}

export default tseslint.config(
  { ignores: ["dist/", "docs/api/", "coverage/", "node_modules/"] },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked,
  ...tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-misused-promises": [
        "error",
        { checksVoidReturn: { arguments: false } },
      ],
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-unused-vars": ["error", { ignoreRestSiblings: true }],
      // An async method without await keeps a promise's contract: what it throws is a rejection.
      "@typescript-eslint/require-await": "off",
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      eqeqeq: "error",
      "no-restricted-syntax": [
        "error",
        {
          selector:
            "CallExpression[callee.name='generateKeyPairSync']:not(:has(Property[key.name='privateKeyEncoding']))",
          message:
            "Have the keys encoded as they are made: Node 20 may never return from exporting a new key as a JWK.",
        },
      ],
      "no-restricted-properties": [
        "error",
        { object: "Math", property: "random" },
        {
          object: "URL",
          property: "canParse",
          message:
            "Use parseUrl: Node 20 and 22 answer wrongly for URLs beyond ASCII after some thousand calls.",
        },
      ],
    },
  },
  {
    files: ["src/**", "strategies/**"],
    rules: {
      "no-console": "error",
      "max-lines": ["error", 350],
      "max-lines-per-function": ["error", 60],
      complexity: ["error", 15],
      "no-restricted-globals": [
        "error",
        { name: "process", message: "The library reads no environment." },
      ],
    },
  },
  ...arrows.map(({ files, forbidden, message }) => ({
    files,
    rules: {
      "@typescript-eslint/no-restricted-imports": [
        "error",
        { patterns: [{ regex: forbidden, message }] },
      ],
    },
  })),
  {
    files: ["test/**", "examples/**", "bench/**"],
    rules: {
      "max-lines": ["error", 450],
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-unsafe-member-access": "off",
      "@typescript-eslint/no-unsafe-argument": "off",
    },
  },
  {
    // What `test` of node:test returns is its runner's to wait for.
    files: ["examples/**", "test/package/consumers/**"],
    rules: {
      "@typescript-eslint/no-floating-promises": [
        "error",
        { allowForKnownSafeCalls: [{ from: "package", name: "test", package: "node:test" }] },
      ],
    },
  },
  // What is CommonJS on purpose.
  { files: ["**/*.cts"], rules: { "@typescript-eslint/no-require-imports": "off" } },
  { files: ["**/*.mjs"], ...tseslint.configs.disableTypeChecked },
);
