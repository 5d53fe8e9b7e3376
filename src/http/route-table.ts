import { resourcePathOf } from "../auth/protected-resource.js";
import { McpSseError } from "../shared/errors.js";
import type { Discovery } from "./discovery.js";
import { isServerMetadataPath } from "./metadata-routes.js";
import type { HostRequest } from "./mount.js";
import type { IncomingRequest } from "./incoming-request.js";
import type { FastRoute, Transport, TransportRoute } from "./transport.js";

/** What a path leads to. */
export type Target = DocumentTarget | SignInTarget | TransportTarget;

/** A document that anybody may read, from any page. */
export interface DocumentTarget {
  readonly kind: "document";
  /** @throws McpSseError for another method than GET. */
  send(request: IncomingRequest): void;
}

/** The pages of a sign-in, which find out themselves who is there. */
export interface SignInTarget {
  readonly kind: "sign-in";
  /** Whether other sites post forms to this path. */
  readonly takesForeignForms: boolean;
  handle(request: IncomingRequest): Promise<void>;
}

/** A path of one or more transports. */
export interface TransportTarget {
  readonly kind: "transport";
  /** In the order in which they are asked whether a request is theirs. */
  readonly routes: readonly TransportRoute[];
}

/** What an endpoint answers at, and nothing else decides that. */
export class RouteTable {
  readonly #transports: readonly Transport[];
  readonly #paths = new Map<string, { kind: "transport"; routes: TransportRoute[] }>();
  readonly #discovery: Discovery;

  /** Where two transports have the same method at the same path, the first that takes a request gets it. */
  constructor(transports: readonly Transport[], discovery: Discovery) {
    this.#transports = transports;
    this.#discovery = discovery;
    for (const route of transports.flatMap(({ routes }) => routes)) this.#add(route);
  }

  /** What a path below the mount leads to; `undefined` for a path that is none of ours. */
  find(path: string): Target | undefined {
    const target = this.#paths.get(path) ?? this.#paths.get(withoutSlash(path));
    return target ?? discoveryTarget(this.#discovery, path);
  }

  /** All paths of transports, and the folder in which a sign-in has its pages. */
  get paths(): readonly string[] {
    const { signIn } = this.#discovery;
    return [...this.#paths.keys(), ...(signIn === undefined ? [] : [signIn.prefix])];
  }

  /** See {@link Transport.recognize}. */
  recognize(req: HostRequest): FastRoute | undefined {
    for (const transport of this.#transports) {
      const found = transport.recognize?.(req);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #add(route: TransportRoute): void {
    const target = this.#paths.get(route.path) ?? { kind: "transport", routes: [] };
    target.routes.push(route);
    this.#paths.set(route.path, target);
  }
}

/**
 * The route of a request to a path.
 *
 * @throws McpSseError 405 that names the methods there are. It comes before authentication: some
 * clients try one transport, and this status tells them to go on with the next.
 */
export function routeFor({ routes }: TransportTarget, req: HostRequest): TransportRoute {
  const found = routes.find((route) => route.method === req.method && (route.takes?.(req) ?? true));
  if (found !== undefined) return found;
  const others = routes.filter(({ method }) => method !== req.method);
  const methods = [...new Set(others.map(({ method }) => method))];
  throw new McpSseError("method_not_allowed", `This path takes ${methods.join(" or ")} only.`, {
    headers: { Allow: [...methods, "OPTIONS"].join(", ") },
  });
}

function withoutSlash(path: string): string {
  return path.endsWith("/") ? path.slice(0, -1) : path;
}

/** The document, or the page of a sign-in, that a path below the mount leads to. */
function discoveryTarget(
  discovery: Discovery,
  path: string,
): DocumentTarget | SignInTarget | undefined {
  if (!discovery.isOn) return undefined;
  const { signIn } = discovery;
  if (signIn !== undefined && path.startsWith(`${signIn.prefix}/`)) {
    return {
      kind: "sign-in",
      takesForeignForms: signIn.takesForeignForms?.(path) ?? false,
      handle: async ({ req, res }) => signIn.handle(req, res, path),
    };
  }
  if (signIn !== undefined && isServerMetadataPath(path, signIn.issuer, "mount")) {
    return { kind: "document", send: ({ req, res }) => discovery.sendServerMetadata(req, res) };
  }
  const resource = discovery.resourceOf(resourcePathOf(path));
  if (resource === undefined) return undefined;
  return {
    kind: "document",
    send: ({ req, res, mount }) => discovery.sendMetadata(req, res, mount, resource),
  };
}
