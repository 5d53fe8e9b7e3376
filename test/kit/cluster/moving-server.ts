import { McpServer as McpServerV1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import {
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { McpServer as McpServerV2 } from "@modelcontextprotocol/server";
import { z } from "zod";
import type { Principal, SessionInfo } from "../../../src/index.js";
import type { Major } from "../wires.js";

type Session = SessionInfo<Principal>;

/** What tests hear of the servers of all nodes, and hold. */
export class MovingStage {
  /** Resolves when a call is held; it is answered when it is let go. */
  onHeld: () => void = () => undefined;
  letGo: Promise<void> = Promise.resolve();
  /** How many servers had their client's `notifications/initialized`. */
  initialized = 0;
  /** How many were closed. */
  closed = 0;
}

const CAPABILITIES = { capabilities: { logging: {}, resources: { subscribe: true } } };
const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });

/** As much of a server as all versions have in common. */
interface Sender {
  notification(message: { method: string; params: Record<string, unknown> }): Promise<void>;
}

/** A server with tools that tell what it knows of a session, and what it was told. */
export function createMovingServer(major: Major, session: Session, stage: MovingStage) {
  return major === "v1" ? createV1(session, stage) : createV2(session, stage);
}

/** The same on SDK v1. */
export function createV1(session: Session, stage: MovingStage): McpServerV1 {
  const uris = new Set<string>();
  const tools = toolsOf(session, stage, uris);
  const mcp = new McpServerV1({ name: "moving", version: "1.0.0" }, CAPABILITIES);
  const { server } = mcp;
  server.setRequestHandler(SubscribeRequestSchema, ({ params }) => (uris.add(params.uri), {}));
  server.setRequestHandler(UnsubscribeRequestSchema, ({ params }) => (uris.delete(params.uri), {}));
  server.oninitialized = () => {
    stage.initialized++;
  };
  server.onclose = () => {
    stage.closed++;
  };
  const log = (level: "info" | "error", data: string) =>
    mcp.sendLoggingMessage({ level, data }, session.id);
  mcp.registerTool("about", {}, () => tools.about());
  mcp.registerTool("note", { inputSchema: { value: z.string() } }, tools.note);
  mcp.registerTool("held", {}, tools.held);
  mcp.registerTool("touch", {}, () => tools.touch(server));
  mcp.registerTool("say", {}, async () => {
    await log("info", "said softly");
    await log("error", "said loudly");
    return text("said");
  });
  mcp.registerTool("count", { inputSchema: { from: z.number(), to: z.number() } }, (args) =>
    tools.count(args, server),
  );
  mcp.registerTool("ask", {}, () => {
    void server.listRoots().catch(() => undefined);
    return text("asked");
  });
  return mcp;
}

/* eslint-disable @typescript-eslint/no-deprecated -- what servers of the era with sessions do */
function createV2(session: Session, stage: MovingStage): McpServerV2 {
  const uris = new Set<string>();
  const tools = toolsOf(session, stage, uris);
  const mcp = new McpServerV2({ name: "moving", version: "2.0.0" }, CAPABILITIES);
  const { server } = mcp;
  server.setRequestHandler("resources/subscribe", ({ params }) => (uris.add(params.uri), {}));
  server.setRequestHandler("resources/unsubscribe", ({ params }) => (uris.delete(params.uri), {}));
  server.oninitialized = () => {
    stage.initialized++;
  };
  server.onclose = () => {
    stage.closed++;
  };
  const log = (level: "info" | "error", data: string) =>
    mcp.sendLoggingMessage({ level, data }, session.id);
  mcp.registerTool("about", {}, () => tools.about());
  mcp.registerTool("note", { inputSchema: z.object({ value: z.string() }) }, tools.note);
  mcp.registerTool("held", {}, tools.held);
  mcp.registerTool("touch", {}, () => tools.touch(server));
  mcp.registerTool("say", {}, async () => {
    await log("info", "said softly");
    await log("error", "said loudly");
    return text("said");
  });
  mcp.registerTool(
    "count",
    { inputSchema: z.object({ from: z.number(), to: z.number() }) },
    (args) => tools.count(args, server),
  );
  mcp.registerTool("ask", {}, () => {
    void server.listRoots().catch(() => undefined);
    return text("asked");
  });
  return mcp;
}

/* eslint-enable @typescript-eslint/no-deprecated */

function toolsOf(session: Session, stage: MovingStage, uris: ReadonlySet<string>) {
  return {
    about: () => {
      const { isMoved, isRestored, memo = null, client, request } = session;
      const url = request?.url ?? "";
      return text(JSON.stringify({ isMoved, isRestored, memo, client: client?.name, url }));
    },
    note: ({ value }: { value: string }) => {
      session.memo = { value };
      return text("noted");
    },
    held: async () => {
      stage.onHeld();
      await stage.letGo;
      return text("released");
    },
    touch: async (server: Sender) => {
      for (const uri of uris) {
        await server.notification({ method: "notifications/resources/updated", params: { uri } });
      }
      return text([...uris].join(" "));
    },
    count: async ({ from, to }: { from: number; to: number }, server: Sender) => {
      for (let n = from; n <= to; n++) {
        const params = { level: "error", data: String(n) };
        await server.notification({ method: "notifications/message", params });
      }
      return text("counted");
    },
  };
}
