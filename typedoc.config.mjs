// The reference of what the package exports: npm run docs:api writes it into docs/api.
import { OptionDefaults } from "typedoc";
import { GROUP_ORDER, groupAsIndex } from "./.ci/typedoc-groups.mjs";

const REPOSITORY = "https://github.com/express-mcp-sse/express-mcp-sse";

/** Stands in a comment for the compiler's sake. */
const TS_IGNORE = "@ts-ignore";

export default {
  name: "express-mcp-sse: documentation and reference",
  out: "docs/api",
  tsconfig: "tsconfig.build.json",
  entryPoints: [
    "src/index.ts",
    ...["jwt", "apikey", "oauth", "passport", "contract"].map(strategy),
    "src/cluster/memory.ts",
    "src/redis/index.ts",
    "src/cluster-contract/index.ts",
    "src/otel/index.ts",
    "src/testing/index.ts",
  ],
  plugin: [groupAsIndex],
  readme: "README.md",
  projectDocuments: ["docs/*.md", "SECURITY.md", "CHANGELOG.md"],
  navigationLinks: { GitHub: REPOSITORY },
  sourceLinkTemplate: `${REPOSITORY}/blob/main/{path}#L{line}`,
  gitRevision: "main",
  customCss: ".ci/typedoc.css",

  // A link that leads nowhere, a type that is spoken of and not exported, and an export that says nothing of itself.
  treatWarningsAsErrors: true,
  validation: {
    invalidLink: true,
    invalidPath: true,
    notDocumented: true,
    notExported: true,
    rewrittenLink: true,
    unusedMergeModuleWith: true,
  },
  requiredToBeDocumented: ["Class", "Function", "Interface", "TypeAlias", "Variable"],
  blockTags: [...OptionDefaults.blockTags, TS_IGNORE],
  excludeTags: [TS_IGNORE],
  highlightLanguages: [
    ...OptionDefaults.highlightLanguages,
    "diff",
    "dockerfile",
    "mermaid",
    "nginx",
    "toml",
  ],
  excludePrivate: true,
  excludeProtected: true,

  groupOrder: GROUP_ORDER,
  groupReferencesByType: true,
  navigation: { includeGroups: true },
  sort: ["kind", "alphabetical"],
  kindSortOrder: ["Function", "Class", "Variable", "Interface", "TypeAlias", "Document", "Module"],
};

function strategy(name) {
  return `strategies/${name}.ts`;
}
