import type { Directions } from "../shared/check.js";

const POLICY =
  "Write it into transport.options.policy, with auth: over stdio there is one client, and its user is whoever started the process.";

const MONITOR =
  "Write it into transport.options.monitor, with a guard: over stdio there is nobody to look at but the parent process.";

/**
 * Options of mcp-framework that have no meaning here, and what to write instead: who comes from
 * there changes the import first, and reads what is wrong afterwards.
 */
export const CONFIG_DIRECTIONS: Directions = {
  basePath:
    "Tools are not looked for in folders: import them, and write setup: fromToolClasses(AddTool).",
  transports: "A server has one: write transport: { type, options }.",
  auth: "Write it into transport.options.auth, as { type, options }.",
  policy: POLICY,
  monitor: MONITOR,
  logging: "Leave it out; what is logged goes to transport.options.logger.",
  tasks: "Leave it out: setup gets the SDK's McpServer, which has what there is.",
  devMode: "Leave it out.",
};

/** Of `transport`. */
export const TRANSPORT_DIRECTIONS: Directions = {
  policy: POLICY,
  monitor: MONITOR,
  auth: "Write it into transport.options.auth, as { type, options }.",
};

const HTTP_STREAM = 'It is for type: "http-stream"; for "sse", leave it out.';

/** Options of `createMcpRouter` where HTTP+SSE alone is served. */
export const WIRE_DIRECTIONS: Directions = {
  sse: "createMcpRouter takes it; here HTTP+SSE alone is served.",
  streamable: "createMcpRouter takes it; here HTTP+SSE alone is served.",
};

const OAUTH = 'Write auth: { type: "oauth", options: { issuerUrl, clientId, clientSecret } }.';

/** Of `transport.options`, for HTTP+SSE. */
export const TRANSPORT_OPTION_DIRECTIONS: Directions = {
  sse: 'It is what type: "sse" says: leave it out.',
  oauth: OAUTH,
  responseMode: HTTP_STREAM,
  batchTimeout: HTTP_STREAM,
  resumability: `${HTTP_STREAM} There, resume says it.`,
  session: "Sessions are always on; their limits are in transport.options.sessions.",
};

/** Of `transport.options`, for Streamable HTTP. */
export const HTTP_STREAM_DIRECTIONS: Directions = {
  sse: 'For clients of both, write type: "sse" and streamable: true.',
  streamable: 'It is what type: "http-stream" says: leave it out.',
  messageEndpoint:
    'It is for HTTP+SSE alone. For clients of both, write type: "sse" and streamable: true.',
  oauth: OAUTH,
  batchTimeout:
    "An answer is awaited for as long as its client waits: leave it out, and bound in a tool what that may take.",
};

const CORS_HEADERS = "Leave it out: what clients of MCP need is sent.";

/** Of `cors`. */
export const CORS_DIRECTIONS: Directions = {
  allowOrigin: 'Write allowOrigins: ["*"], or better the origins by name.',
  allowedOrigins: 'Write allowOrigins: ["https://app.example.com"]; it decides both.',
  allowMethods: CORS_HEADERS,
  allowHeaders: CORS_HEADERS,
  exposeHeaders: CORS_HEADERS,
  maxAge: CORS_HEADERS,
};
