/**
 * Which wire a client talks to `createMcpRouter`, by the URL that it is given: what docs/clients.md says
 * of it. `test/streamable-http/wires.test.ts` and `wires.npm.test.ts` run each row; `npm run docs:clients`
 * writes the table.
 */

/** A session's `transport` and `era`, as its server sees them. */
export type Spoken = "sse 2024" | "streamable 2025" | "streamable 2026";

/** What a client that fails says, and how the page says it. */
export interface Failure {
  readonly fails: RegExp;
  readonly because: string;
}

export type Outcome = Spoken | Failure;

export interface WireRow {
  /** As the page names it, with the versions that are run. */
  readonly client: string;
  /** The clients that are run, by their names in the kit. */
  readonly runs: readonly string[];
  /** At the mount itself, `/mcp`. */
  readonly mount: Outcome;
  /** At the path of the event stream, `/mcp/sse`. */
  readonly sse: Outcome;
  /** With servers of SDK v1, where these are not 2026-07-28. Default: the same. */
  readonly v1?: Outcome;
}

const SSE_ONLY: Outcome = {
  fails: /Non-200 status code \(405\)/,
  because: "fails: `Non-200 status code (405)`",
};

const NOT_2026: Outcome = {
  fails: /did not offer pinned protocol version 2026-07-28/,
  because: "fails: `did not offer pinned protocol version 2026-07-28`",
};

/** Clients of both SDKs, in the versions that the tests of the library have. */
export const SDK_WIRES: readonly WireRow[] = [
  {
    client: "SDK v1 1.32 and SDK v2 2.4, `StreamableHTTPClientTransport`",
    runs: ["streamable client v1", "streamable client v2"],
    mount: "streamable 2025",
    sse: "streamable 2025",
  },
  {
    client: 'SDK v2 2.4, the same with `versionNegotiation: { mode: "auto" }`',
    runs: ["streamable client v2, auto"],
    mount: "streamable 2026",
    sse: "streamable 2026",
    v1: "streamable 2025",
  },
  {
    client: 'SDK v2 2.4, the same with `mode: { pin: "2026-07-28" }`',
    runs: ["streamable client v2, pinned"],
    mount: "streamable 2026",
    sse: "streamable 2026",
    v1: NOT_2026,
  },
  {
    client: "SDK v1 1.32 and SDK v2 2.4, Streamable HTTP first, then HTTP+SSE",
    runs: ["v1 with fallback", "v2 with fallback"],
    mount: "streamable 2025",
    sse: "streamable 2025",
  },
  {
    client: "SDK v1 1.32 and SDK v2 2.4, in each mode, `SSEClientTransport`",
    runs: ["client v1", "client v2", "client v2, auto"],
    mount: SSE_ONLY,
    sse: "sse 2024",
  },
];

/** Versions that are out of date, and programs. */
export const OTHER_WIRES: readonly WireRow[] = [
  {
    client: "SDK v1 1.12, 1.20 and 1.25, `StreamableHTTPClientTransport`",
    runs: ["streamable client 1.12", "streamable client 1.20", "streamable client 1.25"],
    mount: "streamable 2025",
    sse: "streamable 2025",
  },
  {
    client: "SDK v1 1.12, 1.20 and 1.25, `SSEClientTransport`",
    runs: ["client 1.12", "client 1.20", "client 1.25"],
    mount: SSE_ONLY,
    sse: "sse 2024",
  },
];

/** mcp-remote, by `--transport` and `--protocol`. */
export const MCP_REMOTE_WIRES: readonly WireRow[] = [
  {
    client: "mcp-remote 0.15, `--transport http-first` (its default) or `http-only`",
    runs: ["http-first legacy", "http-only legacy"],
    mount: "streamable 2025",
    sse: "streamable 2025",
  },
  {
    client: "the same with `--protocol auto`",
    runs: ["http-first auto", "http-only auto"],
    mount: "streamable 2026",
    sse: "streamable 2026",
    v1: "streamable 2025",
  },
  {
    client: "mcp-remote 0.15, `--transport sse-first`",
    runs: ["sse-first legacy"],
    mount: "streamable 2025",
    sse: "sse 2024",
  },
  {
    client: "the same with `--protocol auto`",
    runs: ["sse-first auto"],
    mount: "streamable 2026",
    sse: "sse 2024",
    v1: "streamable 2025",
  },
  {
    client: "mcp-remote 0.15, `--transport sse-only`, with either `--protocol`",
    runs: ["sse-only legacy", "sse-only auto"],
    mount: SSE_ONLY,
    sse: "sse 2024",
  },
];

const WIRES: readonly WireRow[] = [...SDK_WIRES, ...OTHER_WIRES, ...MCP_REMOTE_WIRES];

/** How the page calls what a session shows. */
const NAMES: Readonly<Record<Spoken, string>> = {
  "sse 2024": "HTTP+SSE",
  "streamable 2025": "Streamable HTTP, with a session",
  "streamable 2026": "Streamable HTTP of 2026-07-28",
};

const nameOf = (outcome: Outcome): string =>
  typeof outcome === "string" ? NAMES[outcome] : outcome.because;

/** The rows of the page's table. */
export const wireCells: readonly (readonly string[])[] = [
  ["client", "at `/mcp`", "at `/mcp/sse`", "with servers of SDK v1, in place of 2026-07-28"],
  ["---", "---", "---", "---"],
  ...WIRES.map(({ client, mount, sse, v1 }) => [
    ...[client, nameOf(mount), nameOf(sse)],
    v1 === undefined ? "" : nameOf(v1),
  ]),
];
