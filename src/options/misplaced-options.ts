import type { Directions } from "../shared/check.js";

/**
 * Options of mcp-framework that have no meaning here, and what to write instead: who comes from
 * there changes the import first, and reads what is wrong afterwards.
 */
export const CONFIG_DIRECTIONS: Directions = {
  basePath:
    "Tools are not looked for in folders: import them, and write setup: fromToolClasses(AddTool).",
  transports: "A server has one: write transport: { type, options }.",
  auth: "Write it into transport.options.auth, as { type, options }.",
  logging: "Leave it out; what is logged goes to transport.options.logger.",
  tasks: "Leave it out: setup gets the SDK's McpServer, which has what there is.",
  devMode: "Leave it out.",
};

/** Of `transport`. */
export const TRANSPORT_DIRECTIONS: Directions = {
  auth: "Write it into transport.options.auth, as { type, options }.",
};

const HTTP_STREAM = "It belongs to Streamable HTTP, which is not served here: leave it out.";

/** Options of `createMcpRouter` where HTTP+SSE alone is served. */
export const WIRE_DIRECTIONS: Directions = {
  sse: "createMcpRouter takes it; here HTTP+SSE alone is served.",
  streamable: "createMcpRouter takes it; here HTTP+SSE alone is served.",
};

/** Of `transport.options`. */
export const TRANSPORT_OPTION_DIRECTIONS: Directions = {
  ...WIRE_DIRECTIONS,
  oauth: 'Write auth: { type: "oauth", options: { issuerUrl, clientId, clientSecret } }.',
  responseMode: HTTP_STREAM,
  batchTimeout: HTTP_STREAM,
  session: "Sessions are always on; their limits are in transport.options.sessions.",
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
