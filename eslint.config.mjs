import js from "@eslint/js";
import tseslint from "typescript-eslint";

/** The arrows of the architecture: which imports a folder must not have (docs/decisions.md). */
const arrows = [
  {
    files: ["src/wire/**", "src/auth/**"],
    forbidden: "^(express(/|$)|\\.\\./(?!(?:errors|foreign-text|upstream-token)\\.js$))",
    message:
      "wire/ and auth/ import nothing of ours but src/errors.ts, src/foreign-text.ts and src/upstream-token.ts.",
  },
  {
    files: ["src/session/**"],
    forbidden: "^(express(/|$)|\\.\\./(?!(?:errors|foreign-text|upstream-token)\\.js$|wire/))",
    message:
      "session/ imports wire/, src/errors.ts, src/foreign-text.ts and src/upstream-token.ts.",
  },
  {
    files: ["strategies/**"],
    forbidden:
      "^(express(/|$)|(\\.\\./)+src/(?!(?:errors|foreign-text|upstream-token|within)\\.js$|auth/))",
    message:
      "strategies/ imports src/auth/, src/errors.ts, src/foreign-text.ts, src/upstream-token.ts and src/within.ts.",
  },
  {
    files: ["src/*.ts"],
    ignores: ["src/sse-router.ts", "src/sse-listener.ts", "src/mcp-server.ts", "src/index.ts"],
    forbidden: "^(express(/|$)|\\./(sse-router|sse-listener|mcp-server|index)\\.js$)",
    message: "Only sse-router.ts and sse-listener.ts know Express.",
  },
];

export default tseslint.config(
  { ignores: ["dist/", "coverage/", "node_modules/"] },
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
      "no-restricted-properties": ["error", { object: "Math", property: "random" }],
    },
  },
  ...arrows.map(({ files, ignores = [], forbidden, message }) => ({
    files,
    ignores,
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
  { files: ["**/*.mjs"], ...tseslint.configs.disableTypeChecked },
);
