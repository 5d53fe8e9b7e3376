import { McpServer as McpServerV1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { McpServer as McpServerV2 } from "@modelcontextprotocol/server";
import type { Principal, SessionInfo } from "../../src/index.js";
import type { Outcome, Spoken, WireRow } from "../clients/npm/wires.js";
import { asCaller } from "./conversation.js";
import type { ClientKit } from "./sdk-clients.js";
import { serveMcp } from "./streamable.js";
import type { ServeMcpOptions } from "./streamable.js";

export type Major = "v1" | "v2";

type Session = SessionInfo<Principal>;

const speaks = ({ transport, era }: Pick<Session, "transport" | "era">): string =>
  `${transport} ${era}`;

/** A server whose tool tells which wire its session has. */
function createWireServer(major: Major, session: Session) {
  const tell = () => ({ content: [{ type: "text" as const, text: speaks(session) }] });
  if (major === "v1") {
    const server = new McpServerV1({ name: "wires", version: "1.0.0" });
    server.registerTool("wire", {}, tell);
    return server;
  }
  const server = new McpServerV2({ name: "wires", version: "2.0.0" });
  server.registerTool("wire", {}, tell);
  return server;
}

/** Where a row's client is to go, and what its server is to see. */
export interface WireCase {
  readonly major: Major;
  readonly at: "mount" | "sse";
  readonly expected: Outcome;
}

/** Both URLs, with servers of one SDK major. */
export const casesOf = (row: WireRow, major: Major): WireCase[] =>
  (["mount", "sse"] as const).map((at) => ({
    ...{ major, at },
    expected: (major === "v1" && row[at] === "streamable 2026" ? row.v1 : undefined) ?? row[at],
  }));

/**
 * Has a client talk to a router of its own.
 *
 * @returns what its server has seen, or the words in which it failed; and the wires of the sessions
 * that were begun, each once: mcp-remote begins one more than it uses.
 */
export async function talk(
  client: ClientKit,
  { major, at }: WireCase,
  options: ServeMcpOptions = {},
): Promise<{ readonly outcome: string; readonly begun: readonly string[] }> {
  const createServer = (session: Session) => createWireServer(major, session);
  const { mcpUrl, sseUrl, router } = await serveMcp({ ...options, createServer });
  const listener = { onNotification: () => undefined, onSampling: () => "" };
  let outcome: string;
  try {
    const url = at === "mount" ? mcpUrl : sseUrl;
    const connected = await client.connect(url, { headers: asCaller(), listener });
    outcome = await connected.call("wire", {});
  } catch (error) {
    outcome = String(error);
  }
  const begun = router.sessions.list().filter((session) => session.client !== undefined);
  return { outcome, begun: [...new Set(begun.map(speaks))] };
}

/** The sessions that are to be there: 2026-07-28 has none, and neither has a client that fails. */
export const begunBy = (expected: Outcome): readonly Spoken[] =>
  typeof expected === "string" && expected !== "streamable 2026" ? [expected] : [];
