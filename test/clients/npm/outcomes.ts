/**
 * What docs/clients.md says of clients when something happens to them. `survival.npm.test.ts` runs
 * each that has `runs`; `npm run docs:clients`
 * writes the tables, and `test/docs/client-tables.test.ts` holds the page to it.
 */

import { wireCells } from "./wires.js";

export const CLIENTS_PAGE = "docs/clients.md";

/** Names in `client.mjs`. */
export type ClientName =
  | `sdk-${"1.6" | "1.9" | "1.12" | "1.13" | "v1" | "v2"}`
  | `inspector-${1 | 2}`
  | `streamable-first-${"v1" | "v2"}`
  | `ai-sdk-${1 | 2}`
  | "langchain"
  | "mcp-remote"
  | "openai-agents"
  | "supergateway";

/** Where a statement comes from: clients that the test runs, another test, or a run by hand. */
type Source = { readonly runs: readonly ClientName[] } | { readonly shownBy: string };

export interface CutRow {
  /** The client, and the versions that are run. */
  readonly client: string;
  readonly source: Source;
  readonly session:
    | "goes on"
    | "goes on with `X-MCP-Instance`"
    | "is lost: a new one, which was never initialised"
    | "is lost: it never comes back";
  readonly running:
    "is answered" | "is never answered" | "fails" | "fails with -32001: mcp-remote gives it up";
  readonly next:
    | "works"
    | "fails once it is away for 5 s: connect anew"
    | "fails: connect anew"
    | "each call is a process of its own";
}

/** Its stream is cut while a call is running. */
export const WHEN_CUT: readonly CutRow[] = [
  {
    client: "SDK v1 1.13 and 1.32, SDK v2 2.4",
    source: { runs: ["sdk-1.13", "sdk-v1", "sdk-v2"] },
    session: "goes on",
    running: "is answered",
    next: "works",
  },
  {
    client: "SDK v1 1.12",
    source: { runs: ["sdk-1.12"] },
    session: "goes on with `X-MCP-Instance`",
    running: "is answered",
    next: "works",
  },
  {
    client: "SDK v1 1.6 and 1.9, with the key in the URL",
    source: { runs: ["sdk-1.6", "sdk-1.9"] },
    session: "is lost: a new one, which was never initialised",
    running: "is never answered",
    next: "works",
  },
  {
    client: "Inspector 1.0 and 2.12, `--cli`",
    source: { runs: ["inspector-1", "inspector-2"] },
    session: "goes on",
    running: "is answered",
    next: "each call is a process of its own",
  },
  {
    client: "LangChain adapters 1.1, OpenAI agents 0.20",
    source: { runs: ["langchain", "openai-agents"] },
    session: "goes on",
    running: "is answered",
    next: "works",
  },
  {
    client: "Mastra 0.14, mcp-use 1.34",
    source: { shownBy: "by hand, 26 November 2026" },
    session: "goes on",
    running: "is answered",
    next: "works",
  },
  {
    client: "`EventSource` in Chromium",
    source: { shownBy: "test/faults/browser.long.test.ts" },
    session: "goes on",
    running: "is answered",
    next: "works",
  },
  {
    client: "mcp-remote 0.15",
    source: { runs: ["mcp-remote"] },
    session: "goes on",
    running: "fails with -32001: mcp-remote gives it up",
    next: "works",
  },
  {
    client: "supergateway 4.0",
    source: { runs: ["supergateway"] },
    session: "goes on with `X-MCP-Instance`",
    running: "is answered",
    next: "works",
  },
  {
    client: "Vercel's `@ai-sdk/mcp` 1.0 and 2.0",
    source: { runs: ["ai-sdk-1", "ai-sdk-2"] },
    session: "is lost: it never comes back",
    running: "is never answered",
    next: "fails once it is away for 5 s: connect anew",
  },
  {
    client: "Python FastMCP 4.0",
    source: { shownBy: "by hand, 25 November 2026" },
    session: "is lost: it never comes back",
    running: "fails",
    next: "fails: connect anew",
  },
];

export interface LaterRow {
  readonly client: string;
  readonly source: Source;
  /** What calls come to once the token has expired, and in the error that they fail with. */
  readonly expired: string;
  readonly expiredError?: RegExp;
  readonly restarted: string;
  /** Without one, calls work. */
  readonly restartedError?: RegExp;
}

/** Its token expires; the server restarts. */
export const WHEN_LATER: readonly LaterRow[] = [
  {
    client: "SDK v1 and v2 with an `authProvider`",
    source: { shownBy: "test/faults/expiry.long.test.ts, test/session/limits/closing.test.ts" },
    expired: "it refreshes and comes back; the call in flight is answered",
    restarted: "closes itself; calls fail at once: connect anew",
  },
  {
    client: "SDK v1 and v2 with fixed headers, LangChain adapters, OpenAI agents",
    source: { runs: ["sdk-v1", "sdk-v2", "langchain", "openai-agents"] },
    expired: "calls fail at once with 401: connect anew with a new token",
    expiredError: /401/,
    restarted: "calls fail at once: connect anew",
    restartedError: /closed|404|no such session|not connected/i,
  },
  {
    client: "Vercel's `@ai-sdk/mcp`",
    source: { runs: ["ai-sdk-1", "ai-sdk-2"] },
    expired: "calls fail at once: connect anew with a new token",
    expiredError: /./,
    restarted: "calls fail at once: connect anew",
    restartedError: /./,
  },
  {
    client: "mcp-remote with a fixed header",
    source: { runs: ["mcp-remote"] },
    expired: "calls fail with -32001: it tries OAuth",
    expiredError: /-32001/,
    restarted: "begins a new session by itself; calls work",
  },
  {
    client: "supergateway",
    source: { runs: ["supergateway"] },
    expired: "calls fail at once with 401",
    expiredError: /401/,
    restarted: "begins a new session by itself; calls work",
  },
];

/** How a row names its client where no test in CI shows it. */
function clientCell({ client, source }: Pick<CutRow, "client" | "source">): string {
  const isByHand = "shownBy" in source && source.shownBy.startsWith("by hand");
  return isByHand ? `${client} (${source.shownBy})` : client;
}

const table = (rows: readonly (readonly string[])[]): string =>
  rows.map((cells) => `| ${cells.join(" | ")} |\n`).join("");

const whenCut = table([
  ["its stream is cut", "the session", "a call in flight", "the next call"],
  ["---", "---", "---", "---"],
  ...WHEN_CUT.map((row) => [clientCell(row), row.session, row.running, row.next]),
]);

const whenLater = table([
  ["client", "its token expires", "the server restarts"],
  ["---", "---", "---"],
  ...WHEN_LATER.map((row) => [clientCell(row), row.expired, row.restarted]),
]);

const TABLES: Readonly<Record<string, string>> = {
  wires: table(wireCells),
  clients: `${whenCut}\n${whenLater}`,
};

/** The page with its tables as they are to be. */
export function withClientTables(page: string): string {
  return page.replace(
    /^(<!-- tables of (wires|clients): .*-->\n)[^]*?^(<!-- end of the tables -->)$/gm,
    (_all, start: string, what: string, end: string) => `${start}\n${TABLES[what]!}\n${end}`,
  );
}
