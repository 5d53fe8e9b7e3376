import js from "@eslint/js";
import tseslint from "typescript-eslint";

/** The arrows of the architecture: what a folder must not import (docs/decisions.md). */
const arrows = [
  {
    files: ["src/wire/**"],
    forbidden: ["**/session/*", "**/auth/*", "**/strategies/*", "express", "express/*", "../*.js"],
    except: ["!../errors.js"],
    message: "wire/ knows bytes only: Node and src/errors.ts.",
  },
  {
    files: ["src/session/**"],
    forbidden: ["**/auth/*", "**/strategies/*", "express", "express/*", "../*.js"],
    except: ["!../errors.js"],
    message: "session/ may import wire/ and src/errors.ts.",
  },
  {
    files: ["src/auth/**"],
    forbidden: ["**/session/*", "**/wire/*", "**/strategies/*", "express", "express/*", "../*.js"],
    except: ["!../errors.js"],
    message: "auth/ may import src/errors.ts.",
  },
  {
    files: ["strategies/**"],
    forbidden: ["**/src/*", "**/src/session/*", "**/src/wire/*", "express", "express/*"],
    except: ["!**/src/errors.js"],
    message: "strategies/ may import src/auth/ and src/errors.ts.",
  },
  {
    files: ["src/*.ts"],
    ignores: ["src/sse-router.ts", "src/mcp-server.ts", "src/index.ts"],
    forbidden: ["express", "express/*", "./sse-router.js", "./mcp-server.js"],
    except: [],
    message: "Only sse-router.ts and mcp-server.ts know Express.",
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
  ...arrows.map(({ files, ignores = [], forbidden, except, message }) => ({
    files,
    ignores,
    rules: {
      "@typescript-eslint/no-restricted-imports": [
        "error",
        { patterns: [{ group: [...forbidden, ...except], message, allowTypeImports: false }] },
      ],
    },
  })),
  {
    files: ["test/**", "examples/**"],
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
