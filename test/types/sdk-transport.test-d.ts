// Compiled, never run: the transport fits both SDK majors, and their servers fit createServer.
import type { McpServer as McpServerV1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import type { Server as ServerV1 } from "@modelcontextprotocol/sdk/server/index.js";
import type { Transport as TransportV1 } from "@modelcontextprotocol/sdk/shared/transport.js";
import type {
  McpServer as McpServerV2,
  Server as ServerV2,
  Transport as TransportV2,
} from "@modelcontextprotocol/server";
import type { ServerResponse } from "node:http";
import { SSEServerTransport, StreamableHTTPServerTransport } from "../../src/index.js";
import type { McpTransport, Principal, SessionRegistry, SseRouter } from "../../src/index.js";

declare const transport: SSEServerTransport;
declare const res: ServerResponse;

export const forV1: TransportV1 = transport;
export const forV2: TransportV2 = transport;

/* eslint-disable @typescript-eslint/no-deprecated -- the low-level servers are still in use */
declare const v1: McpServerV1 | ServerV1;
declare const v2: McpServerV2 | ServerV2;

void v1.connect(transport);
void v2.connect(transport);

// The class is used as the SDK's is.
export class LoggedTransport extends SSEServerTransport {
  readonly openedAt = Date.now();

  constructor(response: ServerResponse) {
    super("/messages", response, { allowedHosts: ["localhost"] });
  }

  override async send(message: unknown): Promise<void> {
    await super.send(message);
  }
}
export const made: SSEServerTransport = new LoggedTransport(res);
export const sameClass: InstanceType<typeof SSEServerTransport> = new SSEServerTransport("/", res);
export function isOurs(some: unknown): string | undefined {
  return some instanceof SSEServerTransport ? some.sessionId : undefined;
}

// The drop-in for Streamable HTTP, whose id is there once its session has begun.
declare const streamable: StreamableHTTPServerTransport;
export const streamableForV1: TransportV1 = streamable;
export const streamableForV2: TransportV2 = streamable;
void v1.connect(streamable);
void v2.connect(streamable);
export class LoggedStreamable extends StreamableHTTPServerTransport {
  readonly openedAt = Date.now();

  override async send(message: unknown): Promise<void> {
    await super.send(message);
  }
}
export const begun: string | undefined = new LoggedStreamable({
  sessionIdGenerator: () => "id",
  onsessioninitialized: async (id) => {
    await Promise.resolve(id);
  },
  onsessionclosed: undefined,
}).sessionId;
// @ts-expect-error -- each transport keeps what was sent itself
export const stored = new StreamableHTTPServerTransport({ eventStore: {} });
declare const streamableMembers: Members<StreamableHTTPServerTransport>;
export const wrappedStreamable: StreamableHTTPServerTransport = streamableMembers;

// What routers and transports show is an interface: whatever has its members will do, as a wrapper or in a test.
type Members<T> = Pick<T, keyof T>;
declare const transportMembers: Members<SSEServerTransport>;
declare const registryMembers: Members<SessionRegistry<Principal | undefined>>;
export const wrapped: SSEServerTransport = transportMembers;
export const toBeConnected: McpTransport = wrapped;
export const sessions: SseRouter["sessions"] = registryMembers;
