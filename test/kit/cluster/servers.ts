import { McpServer as McpServerV1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import {
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { McpServer as McpServerV2 } from "@modelcontextprotocol/server";
import { z } from "zod";
import { principalOf } from "../../../src/index.js";
import type { McpServerLike, Principal, SessionInfo } from "../../../src/index.js";

/** How many notifications come before the answer of the tool `count`. */
export const STEPS = 10;

/** What the tool `whoami` answers, as JSON. */
export interface Whoami {
  readonly name: string;
  readonly principal: string | undefined;
  readonly pid: number;
  readonly session: string;
  readonly isMoved: boolean;
}

/** Hears of each call that a tool begins to work on. */
export type OnRun = (name: string) => void;

type Session = SessionInfo<Principal>;

const CAPABILITIES = { capabilities: { logging: {}, resources: { subscribe: true } } };

/** The resource that clients subscribe to. */
const WATCHED = "test://watched";

const textOf = (text: string) => ({ content: [{ type: "text" as const, text }] });

const stepOf = (name: string, step: number) => ({
  method: "notifications/message" as const,
  params: { level: "info" as const, data: `${name}|${step}` },
});

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** What the tools do, whichever SDK calls them. */
class Tools {
  readonly subscriptions = new Set<string>();
  readonly #session: Session;
  readonly #onRun: OnRun;

  constructor(session: Session, onRun: OnRun) {
    this.#session = session;
    this.#onRun = onRun;
  }

  async count(name: string, notify: (step: ReturnType<typeof stepOf>) => Promise<void>) {
    this.#onRun(name);
    for (let step = 1; step <= STEPS; step++) await notify(stepOf(name, step));
    return textOf(name);
  }

  async slow(name: string, ms: number) {
    this.#onRun(name);
    await sleep(ms);
    return textOf(name);
  }

  whoami(name: string, principal: Principal | undefined) {
    this.#onRun(name);
    const { id, isMoved } = this.#session;
    const seen: Whoami = { name, principal: principal?.id, pid: process.pid, session: id, isMoved };
    return textOf(JSON.stringify(seen));
  }

  /** Keeps what it is given, for whoever goes on with the session; answers what it had. */
  memo(name: string) {
    const before = this.#session.memo;
    this.#session.memo = { name };
    return textOf(JSON.stringify(before ?? null));
  }
}

const NAMED = { name: z.string() };
const SLOW = { ...NAMED, ms: z.number() };

/** A server of SDK v1 with all of the tools. */
export function createServerV1(session: Session, onRun: OnRun): McpServerLike {
  const tools = new Tools(session, onRun);
  const mcp = new McpServerV1({ name: "cluster", version: "1.0.0" }, CAPABILITIES);
  mcp.registerTool("count", { inputSchema: NAMED }, ({ name }, { sendNotification }) =>
    tools.count(name, sendNotification),
  );
  mcp.registerTool("slow", { inputSchema: SLOW }, ({ name, ms }) => tools.slow(name, ms));
  mcp.registerTool("whoami", { inputSchema: NAMED }, ({ name }, extra) =>
    tools.whoami(name, principalOf(extra)),
  );
  mcp.registerTool("memo", { inputSchema: NAMED }, ({ name }) => tools.memo(name));
  mcp.registerTool("touch", { inputSchema: NAMED }, async ({ name }) => {
    if (tools.subscriptions.has(WATCHED)) await mcp.server.sendResourceUpdated({ uri: WATCHED });
    return textOf(name);
  });
  mcp.registerResource("watched", WATCHED, {}, () => ({ contents: [] }));
  mcp.server.setRequestHandler(SubscribeRequestSchema, ({ params }) => {
    tools.subscriptions.add(params.uri);
    return {};
  });
  mcp.server.setRequestHandler(UnsubscribeRequestSchema, ({ params }) => {
    tools.subscriptions.delete(params.uri);
    return {};
  });
  return mcp;
}

/** The same of SDK v2. */
export function createServerV2(session: Session, onRun: OnRun): McpServerLike {
  const tools = new Tools(session, onRun);
  const mcp = new McpServerV2({ name: "cluster", version: "2.0.0" }, CAPABILITIES);
  const named = z.object(NAMED);
  mcp.registerTool("count", { inputSchema: named }, ({ name }, { mcpReq }) =>
    tools.count(name, (step) => mcpReq.notify(step)),
  );
  mcp.registerTool("slow", { inputSchema: z.object(SLOW) }, ({ name, ms }) => tools.slow(name, ms));
  mcp.registerTool("whoami", { inputSchema: named }, ({ name }, { http }) =>
    tools.whoami(name, principalOf({ http })),
  );
  mcp.registerTool("memo", { inputSchema: named }, ({ name }) => tools.memo(name));
  mcp.registerTool("touch", { inputSchema: named }, async ({ name }) => {
    if (tools.subscriptions.has(WATCHED)) await mcp.server.sendResourceUpdated({ uri: WATCHED });
    return textOf(name);
  });
  mcp.registerResource("watched", WATCHED, {}, () => ({ contents: [] }));
  mcp.server.setRequestHandler("resources/subscribe", ({ params }) => {
    tools.subscriptions.add(params.uri);
    return {};
  });
  mcp.server.setRequestHandler("resources/unsubscribe", ({ params }) => {
    tools.subscriptions.delete(params.uri);
    return {};
  });
  return mcp;
}
