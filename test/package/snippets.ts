import { readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { ROOT } from "./project.js";
import type { World } from "./world.js";

/** A program that is documented. */
export interface Snippet {
  readonly name: string;
  /** In TypeScript, as an ES module. */
  readonly code: string;
  /** Which callers of the world it lets in. */
  readonly caller: keyof World["headers"];
  /** What its tool says of that caller. */
  readonly principal: RegExp;
  /** Whether it ends by itself at SIGTERM, with what is open closed. */
  readonly endsItself: boolean;
}

/** The forms in which people write the same program, by the endings of their files. */
export const FORMS = {
  "TypeScript, ESM": "mts",
  "TypeScript, CommonJS": "cts",
  "JavaScript, ESM": "mjs",
  "JavaScript, CommonJS": "cjs",
} as const;

export type Form = keyof typeof FORMS;

/** What the published page of the framework documents, and what README does. */
export const SNIPPETS: readonly Snippet[] = [
  ofThePage("jwt with a secret", "secret", [
    'type: "jwt"',
    "secret: process.env.JWT_SECRET!",
    'algorithms: ["HS256"]',
    'issuer: "my-auth-service"',
    'audience: "my-mcp-server"',
  ]),
  ofThePage("jwt with a public key", "issued", [
    'type: "jwt"',
    "publicKey: process.env.JWT_PUBLIC_KEY!",
    'algorithms: ["RS256"]',
    'issuer: "https://auth.mycompany.com"',
  ]),
  ofThePage("jwt with a JWKS", "issued", [
    'type: "jwt"',
    'jwksUri: "https://auth.mycompany.com/.well-known/jwks.json"',
    'algorithms: ["RS256"]',
    'audience: "my-mcp-server"',
  ]),
  ofThePage("API keys", "apikey", [
    'type: "apikey"',
    "keys: [process.env.API_KEY_1!, process.env.API_KEY_2!]",
    'headerName: "X-API-Key"',
  ]),
  ofThePage("OAuth", "issued", [
    'type: "oauth"',
    'issuerUrl: "https://auth.mycompany.com"',
    "clientId: process.env.OAUTH_CLIENT_ID!",
    "clientSecret: process.env.OAUTH_CLIENT_SECRET!",
    'audience: "my-mcp-server"',
    'scopes: ["mcp:read", "mcp:write"]',
  ]),
  {
    name: "the page's example for production",
    caller: "issued",
    principal: /^alice$/,
    endsItself: false,
    code: serverProgram(
      `
      port: parseInt(process.env.PORT || "8080"),
      cors: { allowOrigins: process.env.CORS_ORIGINS?.split(",") || [] },
      auth: {
        type: "jwt",
        options: {
          jwksUri: \`\${process.env.AUTH_ISSUER}/.well-known/jwks.json\`,
          algorithms: ["RS256"],
          issuer: process.env.AUTH_ISSUER!,
          audience: process.env.AUTH_AUDIENCE!,
        },
      },`,
      `.catch((error) => {
  console.error("Failed to start server:", error);
  process.exit(1);
})`,
    ),
  },
  {
    name: "README's router",
    caller: "apikey",
    principal: /^reporting$/,
    endsItself: false,
    code: fromReadme("createMcpRouter"),
  },
  {
    name: "README's documented configuration",
    caller: "secret",
    principal: /^alice$/,
    endsItself: true,
    code: fromReadme("new MCPServer"),
  },
];

export function snippetsNamed(...names: readonly string[]): readonly Snippet[] {
  return names.map((name) => {
    const found = SNIPPETS.find((snippet) => snippet.name === name);
    if (found === undefined) throw new Error(`there is no snippet "${name}"`);
    return found;
  });
}

/** A configuration of the page's: the type, and options of it. */
function ofThePage(
  name: string,
  caller: Snippet["caller"],
  [type, ...options]: readonly string[],
): Snippet {
  const auth = `auth: { ${type}, options: { ${options.join(", ")} } },`;
  return {
    name,
    caller,
    principal: caller === "apikey" ? /^key-[0-9a-f]{12}$/ : /^alice$/,
    endsItself: false,
    code: serverProgram(`port: 8080, ${auth}`),
  };
}

/** The page's program, with another import and a tool. */
function serverProgram(options: string, afterStart = ""): string {
  return `import { MCPServer, principalOf } from "express-mcp-sse";

const server = new MCPServer({
  setup(mcp) {
    mcp.registerTool("whoami", {}, (extra) => ({
      content: [{ type: "text", text: principalOf(extra)?.id ?? "nobody" }],
    }));
  },
  transport: { type: "sse", options: { ${options} } },
});

server.start()${afterStart};
`;
}

/** The program in README that has this in it. */
function fromReadme(part: string): string {
  const readme = readFileSync(join(ROOT, "README.md"), "utf8");
  const programs = [...readme.matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, code]) => code!);
  const found = programs.find((code) => code.includes(part));
  if (found === undefined) throw new Error(`README has no program with ${part}`);
  return found;
}

/**
 * A snippet as somebody has it in a file of this form, on a free port, which it tells, and with the
 * issuer of this world.
 */
export function programOf({ code }: Snippet, form: Form, { issuer }: World): string {
  const here = code
    .replaceAll("https://auth.mycompany.com", issuer)
    .replace("port: 8080", "port: 0")
    .replace('.listen(8080, "127.0.0.1")', '.listen(0, "127.0.0.1").once("listening", tellUrl)');
  return inForm(here.includes("tellUrl") ? here + TELL_URL : here, form);
}

/** `MCPServer` says where it listens; a router is on somebody's server, which does not. */
const TELL_URL = `
function tellUrl(this: import("node:net").Server) {
  console.error("listening on http://127.0.0.1:%d/mcp/sse", Object(this.address()).port);
}
`;

/** The same program by another way of writing it. */
export function inForm(code: string, form: Form): string {
  const isCommonJs = form.endsWith("CommonJS");
  // A module of CommonJS does not wait.
  const text = isCommonJs ? code.replace(/^await /gm, "void ") : code;
  if (form.startsWith("TypeScript")) return text;
  const { outputText } = ts.transpileModule(text, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  });
  if (!isCommonJs) return outputText;
  return outputText.replace(
    /^import (.+) from ("[^"]+");$/gm,
    (_line, names: string, from: string) =>
      `const ${names.replaceAll(" as ", ": ")} = require(${from});`,
  );
}
