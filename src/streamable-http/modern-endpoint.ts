import type { RouterContext } from "../http/router-context.js";
import { MessageReceiver } from "../http/message-receiver.js";
import type { Transport, TransportRoute } from "../http/transport.js";
import type { ModernHandler } from "./modern-handler.js";
import { isModern } from "./protocol-version.js";

export interface ModernEndpointInit extends RouterContext {
  readonly handler: ModernHandler;
  /** Below the mount; empty for the mount itself. */
  readonly paths: readonly string[];
}

/**
 * Streamable HTTP of 2026-07-28: each POST is a request complete in itself. Its headers say so before its
 * body does; what has only the body of one, the transport with sessions gets, and hands to
 * {@link ModernHandler.refuse}. And a client that begins a session may name any revision.
 *
 * @see https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http
 */
export class ModernEndpoint implements Transport {
  readonly routes: readonly TransportRoute[];
  readonly requestHeaders = ["Mcp-Method", "Mcp-Name"];
  /** Arguments of a tool whose schema asks for them as headers (`x-mcp-header`). */
  readonly requestHeaderPrefixes = ["Mcp-Param-"];

  constructor({ handler, paths, ...receiving }: ModernEndpointInit) {
    this.routes = paths.map((path) => {
      const route: TransportRoute = {
        path,
        method: "POST",
        takes: isModern,
        answer: (request) => messages.receive(request, handler.createExchange(request, path)),
      };
      const messages = new MessageReceiver({ ...receiving, route, handler });
      return route;
    });
  }
}
