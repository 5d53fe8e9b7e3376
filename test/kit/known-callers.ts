import type { AuthConfig } from "../../src/index.js";
import { asCaller, converse } from "./conversation.js";
import { recordingLogger } from "./leak-watch.js";
import { post } from "./raw-sse.js";
import type { Json } from "./raw-sse.js";
import { JWT_AUTH, serveMcpServer, serveRouter, startMcpServer } from "./serve.js";
import type { ServeOptions } from "./serve.js";
import { begin, serveMcp } from "./streamable.js";
import { registerTools } from "./tools.js";

/** A session whose POSTs are known, as its client has it. */
export interface KnownClient {
  readonly postUrl: string;
  readonly sessionId: string;
  /** What each POST has beside the credential. */
  readonly fixed: Record<string, string>;
  readonly credential: Record<string, string>;
}

/** One wire, served in one way. */
export interface KnownPlace {
  readonly port: number;
  readonly sessions: { close(id: string): boolean; closeFor(principal: never): number };
  /** Begins a session. */
  readonly begin: (credential?: Record<string, string>) => Promise<KnownClient>;
}

/** A way of serving sessions whose POSTs need no search, and how one that was taken is answered. */
export interface KnownWire {
  readonly name: string;
  readonly taken: number;
  readonly serve: (options?: ServeOptions) => Promise<KnownPlace>;
}

const overSse = async (
  serving: Promise<{ sseUrl: string } & Omit<KnownPlace, "begin">>,
): Promise<KnownPlace> => {
  const served = await serving;
  return {
    port: served.port,
    get sessions() {
      return served.sessions;
    },
    begin: async (credential = asCaller()) => {
      const { postUrl, sessionId } = await converse(served.sseUrl, credential);
      return { postUrl, sessionId, credential, fixed: {} };
    },
  };
};

const overStreamable = async (
  serving: Promise<{ readonly mcpUrl: string; readonly sessions: KnownPlace["sessions"] }>,
): Promise<KnownPlace> => {
  const { mcpUrl, sessions } = await serving;
  return {
    port: Number(new URL(mcpUrl).port),
    sessions,
    begin: async (credential = asCaller()) => {
      const { sessionId } = await begin(mcpUrl, credential);
      return { postUrl: mcpUrl, sessionId, credential, fixed: { "mcp-session-id": sessionId } };
    },
  };
};

async function serveInApp(options: ServeOptions | undefined, ahead: boolean) {
  const { mcpUrl, router } = await serveMcp({ ...options, ahead });
  return { mcpUrl, sessions: router.sessions };
}

async function serveHttpStream({ auth = JWT_AUTH, ...rest }: ServeOptions = {}) {
  const options = { logger: recordingLogger(), ...rest, auth: auth as AuthConfig, port: 0 };
  const server = await startMcpServer({
    setup: registerTools,
    transport: { type: "http-stream", options },
  });
  return { mcpUrl: server.url!, sessions: server.sessions! };
}

/** Where a known caller's POST is answered: in the app, and before it. */
export const KNOWN_WIRES: readonly KnownWire[] = [
  { name: "a router", taken: 202, serve: (options) => overSse(serveRouter(options)) },
  { name: "MCPServer", taken: 202, serve: (options) => overSse(serveMcpServer(options)) },
  {
    name: "a router, over Streamable HTTP,",
    taken: 200,
    serve: (options) => overStreamable(serveInApp(options, false)),
  },
  {
    name: "a router ahead of its app, over Streamable HTTP,",
    taken: 200,
    serve: (options) => overStreamable(serveInApp(options, true)),
  },
  {
    name: "MCPServer, over Streamable HTTP,",
    taken: 200,
    serve: (options) => overStreamable(serveHttpStream(options)),
  },
];

/** Posts to a known session, with its own credential unless another is given. */
export function postKnown(
  { postUrl, fixed, credential }: KnownClient,
  message: unknown,
  other: Record<string, string> = credential,
): Promise<{ status: number; headers: Headers; text: string; json: Json }> {
  return post(postUrl, message, { ...fixed, ...other });
}
