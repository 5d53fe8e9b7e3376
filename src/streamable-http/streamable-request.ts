import type { IncomingMessage } from "node:http";
import type { AdmittedRequest } from "../http/incoming-request.js";
import { SessionRequest } from "../http/session-request.js";
import type { ResolvedOptions } from "../options/resolve.js";

/** A request of Streamable HTTP. */
export class StreamableRequest extends SessionRequest {
  /** @param endpoint the path below the mount that was asked for. */
  constructor(admitted: AdmittedRequest, endpoint: string, options: ResolvedOptions) {
    super(admitted, `${admitted.mount.base}${endpoint}`, options);
  }
}

/** The revision of MCP that a request names. */
export function versionHeaderOf({ headers }: IncomingMessage): string | undefined {
  return headers["mcp-protocol-version"]?.toString();
}
