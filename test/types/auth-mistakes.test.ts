import { join } from "node:path";
import { openEditor } from "../kit/compile.js";

/** What the programs may use without saying where it comes from. */
const PRELUDE = `
import { apikey, createSseRouter, jwt, MCPServer } from "express-mcp-sse";
import type { AuthConfig, McpServerLike, Principal } from "express-mcp-sse";
declare const env: Readonly<Record<string, string | undefined>>;
declare const mcp: McpServerLike;
declare const strategy: { name: string; authenticate(req: object): void };
declare const config: AuthConfig;
declare const either: AuthConfig | false;
declare const read: any;
declare function exactly<A>(): <B>(value: B & ([A, B] extends [B, A] ? unknown : never)) => void;
`;

/** Wherever `auth` is written; the principal is used before and after it. */
const PLACES: readonly (readonly [string, (auth: string, principal?: string) => string])[] = [
  [
    "createSseRouter",
    (auth, principal = "Principal") => `createSseRouter({
      auth: ${auth},
      createServer: ({ principal }) => { exactly<${principal}>()(principal); return mcp; },
    });`,
  ],
  [
    "createSseRouter, auth last",
    (auth, principal = "Principal") => `createSseRouter({
      createServer: ({ principal }) => { exactly<${principal}>()(principal); return mcp; },
      auth: ${auth},
    });`,
  ],
  [
    "MCPServer",
    (auth, principal = "Principal") => `new MCPServer({
      transport: { type: "sse", options: { port: 0, auth: ${auth} } },
      setup: (_mcp, { principal }) => { exactly<${principal}>()(principal); },
    });`,
  ],
  [
    "MCPServer with http-stream",
    (auth, principal = "Principal") => `new MCPServer({
      transport: { type: "http-stream", options: { port: 0, auth: ${auth} } },
      setup: (_mcp, { principal }) => { exactly<${principal}>()(principal); },
    });`,
  ],
  [
    "MCPServer, auth last",
    (auth, principal = "Principal") => `new MCPServer({
      setup(_mcp, { principal }) { exactly<${principal}>()(principal); },
      transport: { type: "sse", options: { port: 0, auth: ${auth} } },
    });`,
  ],
];

const HS256 = `secret: "s", algorithms: ["HS256"]`;

const MISTAKES: readonly (readonly [string, string, string])[] = [
  [
    "no type",
    `{ options: { ${HS256} } }`,
    `Property 'type' is missing in type '{ options: { secret: string; algorithms: "HS256"[]; }; }' but required in type 'TypeAndOptions'.`,
  ],
  [
    "a misspelt type",
    `{ type: "JWT", options: { ${HS256} } }`,
    `Type '"JWT"' is not assignable to type '"jwt" | "apikey" | "oauth"'. Did you mean '"jwt"'?`,
  ],
  [
    "an unknown type",
    `{ type: "basic", options: { ${HS256} } }`,
    `Type '"basic"' is not assignable to type '"jwt" | "apikey" | "oauth"'.`,
  ],
  [
    "options of another type",
    `{ type: "apikey", options: { ${HS256} } }`,
    "Object literal may only specify known properties, and 'secret' does not exist in type 'ApiKeyListOptions'.",
  ],
  [
    "a misspelt option",
    `{ type: "jwt", options: { ${HS256}, isuer: "me" } }`,
    "Object literal may only specify known properties, but 'isuer' does not exist in type 'JwtSecretOptions'. Did you mean to write 'issuer'?",
  ],
  [
    "no key",
    `{ type: "jwt", options: { algorithms: ["HS256"] } }`,
    `Property 'secret' is missing in type '{ algorithms: "HS256"[]; }' but required in type 'JwtSecretOptions'.`,
  ],
  [
    "no algorithms",
    `{ type: "jwt", options: { jwksUri: "https://login.example/keys" } }`,
    "Property 'algorithms' is missing in type '{ jwksUri: string; }' but required in type 'JwtJwksOptions'.",
  ],
  [
    "an algorithm for another key",
    `{ type: "jwt", options: { publicKey: "p", algorithms: ["HS256"] } }`,
    `Type '"HS256"' is not assignable to type 'PublicKeyAlgorithm'. Did you mean '"RS256"'?`,
  ],
  [
    "no API keys",
    `{ type: "apikey", options: { headerName: "X-API-Key" } }`,
    "Property 'keys' is missing in type '{ headerName: string; }' but required in type 'ApiKeyListOptions'.",
  ],
  [
    "one API key without a list",
    `{ type: "apikey", options: { keys: "k" } }`,
    "Type 'string' is not assignable to type 'readonly (string | ApiKeyEntry)[] | (() => readonly (string | ApiKeyEntry)[])'.",
  ],
  [
    "no client secret",
    `{ type: "oauth", options: { issuerUrl: "https://login.example", clientId: "c" } }`,
    "Property 'clientSecret' is missing in type '{ issuerUrl: string; clientId: string; }' but required in type 'OAuthOptions'.",
  ],
  [
    "a setting that may be missing",
    `{ type: "jwt", options: { secret: env["SECRET"], algorithms: ["HS256"] } }`,
    "Type 'string | undefined' is not assignable to type 'string'.\n  Type 'undefined' is not assignable to type 'string'.",
  ],
  [
    "no options",
    `{ type: "jwt" }`,
    `Property 'options' is missing in type '{ type: "jwt"; }' but required in type 'JwtAuth<JwtSecretOptions>'.`,
  ],
  [
    "options beside the type",
    `{ type: "jwt", ${HS256} }`,
    "Object literal may only specify known properties, and 'secret' does not exist in type 'JwtAuth<JwtSecretOptions>'.",
  ],
  [
    "a strategy",
    "strategy",
    `Type '{ name: string; authenticate(req: object): void; }' is not assignable to type '"Write fromPassport(strategy, { principal: (user) => ({ id: … }) })"'.`,
  ],
  ["a text", `"jwt"`, "Type 'string' is not assignable to type 'TypeAndOptions'."],
  ["true", "true", "Type 'boolean' is not assignable to type 'TypeAndOptions'."],
  [
    "a mistake in a list",
    `[jwt({ ${HS256} }), { type: "apikey", options: { key: "k" } }]`,
    "Object literal may only specify known properties, but 'key' does not exist in type 'ApiKeyListOptions'. Did you mean to write 'keys'?",
  ],
];

const RIGHT: readonly (readonly [string, string])[] = [
  ["a secret", `{ type: "jwt", options: { ${HS256} } }`],
  [
    "a function whose parameter has no type",
    `{ type: "apikey", options: { verify: (key) => ({ id: key.trim() }) } }`,
  ],
  [
    "a method of one's own",
    `{ name: "own", strategies: [strategy], principal: (user) => ({ id: String(user) }) }`,
  ],
  ["a method with another name", `{ ...apikey({ keys: ["k"] }), name: "staff" }`],
  [
    "a list of all kinds",
    `[
      { type: "apikey", options: { verify: (key) => ({ id: key.trim() }) } },
      jwt({ ${HS256} }),
      { type: "oauth", options: { issuerUrl: "i", clientId: "c", clientSecret: "s", audience: (names) => names.includes("a") } },
    ]`,
  ],
  [
    "a sign-in without an issuer",
    `{ type: "oauth", options: { signIn: { strategy, principal: () => ({ id: "a" }) } } }`,
  ],
  ["what was declared elsewhere", "config"],
];

const editor = openEditor(join(__dirname, "written.ts"));
const mistakesIn = (program: string) => editor.mistakesIn(PRELUDE + program);
const namesOfferedIn = (program: string) => editor.namesOfferedIn(PRELUDE + program);

describe.each(PLACES)("%s", (_place, written) => {
  it.each(MISTAKES)("%s is named, and nothing else", (_name, auth, said) => {
    expect(mistakesIn(written(auth))).toEqual([said]);
  });

  it.each(RIGHT)("%s compiles, and there is a principal", (_name, auth) => {
    expect(mistakesIn(written(auth))).toEqual([]);
  });

  it("where everybody is let in there is none, and where that is open it may be", () => {
    expect(mistakesIn(written("false", "undefined"))).toEqual([]);
    expect(mistakesIn(written("either", "Principal | undefined"))).toEqual([]);
    expect(mistakesIn(written("read", "Principal | undefined"))).toEqual([]);
    expect(mistakesIn(written("read.auth", "Principal | undefined"))).toEqual([]);
    expect(mistakesIn(written("config", "undefined"))).toHaveLength(1);
  });

  it.each([
    ["{ |> }", ["options", "type"]],
    ["[{ |> }]", ["options", "type"]],
    [`{ type: "|>" }`, ["apikey", "jwt", "oauth"]],
    [
      `{ type: "jwt", options: { |> } }`,
      [
        ...["algorithms", "audience", "clockTolerance", "issuer", "jwksUri", "publicKey"],
        ...["requireExp", "scopes", "secret", "timeoutMs"],
      ],
    ],
    [`{ type: "jwt", options: { secret: "s", algorithms: ["|>"] } }`, ["HS256", "HS384", "HS512"]],
    [
      `{ type: "apikey", options: { |> } }`,
      ["headerName", "keys", "queryParam", "remember", "scopes", "timeoutMs", "verify"],
    ],
    [
      `[{ type: "oauth", options: { |> } }]`,
      [
        ...["algorithms", "audience", "audienceClaim", "clientId", "clientSecret"],
        ...["clockTolerance", "introspectionCacheMs", "issuerUrl", "satisfiesScope", "scopes"],
        ...["signIn", "timeoutMs", "tokenValidation"],
      ],
    ],
  ])("%s offers what is written there", (auth, names) => {
    expect(namesOfferedIn(written(auth))).toEqual(names);
  });
});

test("a router without auth is told so", () => {
  const [first] = mistakesIn("createSseRouter({ createServer: () => mcp });");
  expect(first).toMatch(/Property 'auth' is missing/);
  expect(mistakesIn("createSseRouter({ auth: undefined, createServer: () => mcp });")).toEqual([
    "Type 'undefined' is not assignable to type 'TypeAndOptions'.",
  ]);
});

test("what takes a router's options, whatever they are, can be typed", () => {
  const program = `
    const all = (options: Parameters<typeof createSseRouter>[0]) => createSseRouter(options);
    all({ auth: config, createServer: () => mcp });
    all({ auth: { type: "jwt", options: { ${HS256} } }, createServer: () => mcp });
    const more = (options: Parameters<typeof createSseRouter>[0]) =>
      createSseRouter({ ...options, keepAliveMs: 5_000 });
    const server = (options: ConstructorParameters<typeof MCPServer>[0]) =>
      new MCPServer({ ...options, name: "wrapped" });`;
  expect(mistakesIn(program)).toEqual([]);
  const open = "{ auth: false, createServer: ({ principal }) => { principal.id; return mcp; } }";
  expect(mistakesIn(`${program} all(${open});`)).toEqual(["'principal' is possibly 'undefined'."]);
});

test("a type that was widened is told what it must be", () => {
  const program = `
    const auth = { type: "jwt", options: { secret: "s", algorithms: ["HS256"] } };
    createSseRouter({ auth, createServer: () => mcp });`;
  expect(mistakesIn(program)).toEqual([
    expect.stringMatching(
      /Type 'string' is not assignable to type '"jwt" \| "apikey" \| "oauth"'\.$/,
    ),
  ]);
});
