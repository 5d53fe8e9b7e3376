// Compiled, never run: the transport fits both SDK majors, and their servers fit createServer.
import type { McpServer as McpServerV1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import type { Server as ServerV1 } from "@modelcontextprotocol/sdk/server/index.js";
import type { Transport as TransportV1 } from "@modelcontextprotocol/sdk/shared/transport.js";
import type {
  McpServer as McpServerV2,
  Server as ServerV2,
  Transport as TransportV2,
} from "@modelcontextprotocol/server";
import type { SSEServerTransport } from "../../src/sse/sse-server-transport.js";

declare const transport: SSEServerTransport;

export const forV1: TransportV1 = transport;
export const forV2: TransportV2 = transport;

/* eslint-disable @typescript-eslint/no-deprecated -- the low-level servers are still in use */
declare const v1: McpServerV1 | ServerV1;
declare const v2: McpServerV2 | ServerV2;

void v1.connect(transport);
void v2.connect(transport);
