import { PRODUCT, PRODUCT_BEFORE } from "./stage.mjs";

/**
 * The table of servers. `module` is in servers/, `options` are its own, `credential` is what
 * clients send, and `era` how they speak. Rows that are marked are also measured for memory, and for
 * large and many messages; which shapes else, `groups.mjs` says.
 */
const PEERS = [
  { id: "A", name: "raw `node:http` echo", module: "raw-http", memory: true, messages: true },
  { id: "A+", name: "A on Express with `express.json()`", module: "raw-express" },
  {
    id: "A+raw",
    name: "A on Express, body read by hand",
    module: "raw-express",
    options: { byHand: true },
  },
  {
    id: "B",
    name: "SDK transport on `node:http`, no auth",
    module: "sdk-node",
    memory: true,
    messages: true,
  },
  { id: "C0", name: "Express + SDK transport, no auth", module: "sdk-none" },
  {
    id: "C",
    name: "Express + SDK + `requireBearerAuth` + jose, HS256",
    module: "sdk-jose",
    options: { key: "HS256" },
    credential: "HS256",
    memory: true,
    messages: true,
  },
  {
    id: "C-rs",
    name: "C with RS256",
    module: "sdk-jose",
    options: { key: "RS256" },
    credential: "RS256",
  },
  {
    id: "D",
    name: "Express + SDK + passport-jwt as in its README, HS256",
    module: "sdk-passport",
    credential: "HS256",
  },
  {
    id: "E",
    name: "mcp-framework, its JWT provider",
    module: "mcp-framework",
    credential: "HS256",
    memory: true,
  },
  {
    id: "F",
    name: "fastmcp, which checks the GET only",
    module: "fastmcp",
    checksPosts: false,
    credential: "HS256",
    memory: true,
  },
];

const METHODS = [
  { id: "none", name: "no auth", credential: "none" },
  { id: "apikey", name: "API key", credential: "apikey" },
  { id: "hs256", name: "JWT HS256", credential: "HS256" },
  { id: "rs256", name: "JWT RS256", credential: "RS256" },
  { id: "oauth", name: "OAuth JWT", credential: "RS256" },
  { id: "basic", name: "passport-http Basic, remembered", credential: "basic" },
];

const MOUNTS = [
  { id: "router", name: "ours in Express", module: "our-router" },
  { id: "ahead", name: "ours in Express, `ahead`", module: "our-router", options: { ahead: true } },
  { id: "server", name: "ours as `MCPServer`", module: "our-server" },
];

/** What `ahead` is worth shows with one; the rest is the same code. */
const AHEAD_METHODS = ["hs256"];

function ourRows() {
  return MOUNTS.flatMap(({ options, ...mount }) =>
    METHODS.filter(({ id }) => mount.id !== "ahead" || AHEAD_METHODS.includes(id)).map((method) =>
      ourRow(mount, method, options),
    ),
  );
}

function ourRow(mount, method, options) {
  const isMain = method.id === "hs256";
  return {
    id: `${mount.id}-${method.id}`,
    name: `${mount.name}, ${method.name}`,
    module: mount.module,
    options: { auth: method.id, product: PRODUCT, ...options },
    credential: method.credential,
    memory: isMain && mount.id !== "ahead",
    messages: isMain,
    ours: true,
  };
}

/** The same with resumption off, to see what that costs. */
function withoutResume(row) {
  return {
    ...row,
    id: `${row.id}-no-resume`,
    name: `${row.name}, resumption off`,
    memory: row.id === "server-hs256",
    options: { ...row.options, resume: false },
  };
}

/** Rules for ten tools, of which one is called; all tokens have the scope. */
const TEN_RULES = Object.fromEntries(
  ["echo", ...Array.from({ length: 9 }, (_, n) => `tool-${n}`)].map((name) => [
    name,
    { scopes: ["tools:call"] },
  ]),
);

/** The same with an operator's policy, to see what asking it costs. */
function withPolicy(row) {
  return {
    ...row,
    id: `${row.id}-policy`,
    name: `${row.name}, ten rules`,
    memory: false,
    messages: false,
    options: { ...row.options, policy: { tools: TEN_RULES } },
  };
}

/** What the bytes of a token cost that nobody looks at: no method can cost less. */
function withUnusedToken(row) {
  return {
    ...row,
    id: `${row.id}-token`,
    name: `${row.name}, but clients send an RS256 token`,
    credential: "RS256",
    isOpen: true,
  };
}

const OURS = ourRows();

/** Streamable HTTP with sessions, of 2025-03-26 to 2025-11-25. */
const STREAMABLE_PEERS = [
  {
    id: "S1",
    name: "Express + SDK v1's Streamable transport, no auth",
    module: "sdk-streamable",
    options: { major: 1 },
    memory: true,
  },
  {
    id: "S1-jose",
    name: "S1 + `requireBearerAuth` + jose, HS256",
    module: "sdk-streamable",
    options: { major: 1, key: "HS256" },
    credential: "HS256",
  },
  {
    id: "S2",
    name: "Express + SDK v2's Streamable transport, no auth",
    module: "sdk-streamable",
    options: { major: 2 },
  },
  {
    id: "SE",
    name: "mcp-framework `http-stream`, its JWT provider",
    module: "mcp-framework",
    options: { type: "http-stream" },
    credential: "HS256",
  },
  { id: "SF", name: "fastmcp at `/mcp`", module: "fastmcp", credential: "HS256" },
];

const STREAMABLE_MOUNTS = [
  { id: "http", name: "ours in Express", module: "our-mcp-router" },
  {
    id: "http-ahead",
    name: "ours in Express, `ahead`",
    module: "our-mcp-router",
    options: { ahead: true },
  },
  {
    id: "http-server",
    name: "ours as `MCPServer`",
    module: "our-server",
    options: { type: "http-stream" },
  },
];

/** The first mount with every method. */
function ourStreamableRows() {
  return STREAMABLE_MOUNTS.flatMap(({ options, ...mount }, index) =>
    METHODS.filter(({ id }) => index === 0 || AHEAD_METHODS.includes(id)).map((method) => ({
      ...ourRow(mount, method, options),
      memory: method.id === "hs256" && mount.id !== "http-ahead",
      messages: false,
    })),
  );
}

/** Those that are known without a session; what a signature is made with makes no difference then. */
const MODERN_METHODS = ["none", "apikey", "hs256", "oauth"];

/** Streamable HTTP of 2026-07-28, where each call has a server of its own. */
const MODERN_ROWS = [
  {
    id: "M",
    name: "Express + SDK v2's `toNodeHandler(createMcpHandler(…))`, no auth",
    module: "sdk-modern",
  },
  ...METHODS.filter(({ id }) => MODERN_METHODS.includes(id)).map((method) =>
    ourRow({ id: "modern", name: "ours in Express", module: "our-mcp-router" }, method, {
      major: 2,
    }),
  ),
].map((row) => ({ ...row, memory: false, messages: false }));

/** Rows by their wires; each set is measured, and written down, by itself. */
const SETS = {
  sse: [
    ...PEERS,
    ...OURS,
    ...OURS.filter(({ id }) => id === "router-hs256" || id === "server-hs256").map(withoutResume),
    ...OURS.filter(({ id }) => id === "router-hs256" || id === "server-hs256").map(withPolicy),
    ...OURS.filter(({ credential }) => credential === "none").map(withUnusedToken),
  ].map((row) => ({ ...row, era: 2024 })),
  streamable: [
    ...[...STREAMABLE_PEERS, ...ourStreamableRows()].map((row) => ({ ...row, era: 2025 })),
    ...MODERN_ROWS.map((row) => ({ ...row, era: 2026 })),
  ],
};

export const SET_IDS = Object.keys(SETS);

export const ROWS = Object.entries(SETS).flatMap(([set, rows]) =>
  rows.map((row) => ({ credential: "none", ...row, set })),
);

/** The rows of a set, with those of others that its targets compare them with. */
export function rowsOfSet(set) {
  const compared = COMPARED_WITH[set] ?? [];
  const others = ROWS.filter((row) => row.set !== set && compared.includes(row.id));
  return [
    ...ROWS.filter((row) => row.set === set),
    ...others.map((row) => ({ ...row, memory: false, messages: false })),
  ];
}

/** What a call over Streamable HTTP is compared with that HTTP+SSE answers. */
const COMPARED_WITH = { streamable: ["router-hs256"] };

/** A row of ours, measured with another build. */
export function rowBefore(row) {
  const options = { ...row.options, product: PRODUCT_BEFORE };
  return { ...row, id: `${row.id} before`, name: `${row.name}, before`, options, memory: false };
}
