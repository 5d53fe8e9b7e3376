import type { IncomingMessage, ServerResponse } from "node:http";
import type { AuthEndpoints, AuthMethod } from "../auth/auth-method.js";
import { isDiscoverable, resourcePathOf } from "../auth/protected-resource.js";
import { McpSseError } from "../shared/errors.js";
import {
  answerDocument,
  answerMetadata,
  configuredMount,
  isServerMetadataPath,
  metadataUrl,
  resourceUrl,
} from "./metadata-routes.js";
import type { PublicMount } from "./metadata-routes.js";
import type { ResolvedOptions } from "../options/resolve.js";

/** Where a request came in: {@link PublicMount} as far as its headers show it. */
export interface SeenMount {
  readonly base: string;
  readonly origin: string | undefined;
}

/** What an endpoint says of itself to clients that do not know it: OAuth's discovery documents. */
export class Discovery {
  readonly #options: ResolvedOptions;
  readonly #methods: readonly AuthMethod[];
  /** The routes of a method that is an authorization server itself. */
  readonly signIn: AuthEndpoints | undefined;
  readonly isOn: boolean;

  constructor(options: ResolvedOptions, methods: readonly AuthMethod[]) {
    this.#options = options;
    this.#methods = methods;
    this.isOn = isDiscoverable(methods);
    this.signIn = methods.find((method) => method.endpoints !== undefined)?.endpoints;
  }

  /** The path below the mount that the documents speak of; `undefined` when there are none. */
  get resourcePath(): string | undefined {
    return this.isOn ? this.#options.endpoint : undefined;
  }

  /** The route that a path below the mount leads to. */
  routeOf(path: string): "metadata" | "server-metadata" | "sign-in" | undefined {
    if (!this.isOn) return undefined;
    if (this.signIn !== undefined) {
      if (path.startsWith(`${this.signIn.prefix}/`)) return "sign-in";
      if (isServerMetadataPath(path, this.signIn.issuer, "mount")) return "server-metadata";
    }
    const resourcePath = resourcePathOf(path);
    const isOurs = resourcePath === "" || resourcePath === this.#options.endpoint;
    return isOurs ? "metadata" : undefined;
  }

  /** The mount as configured, else as a request shows it. */
  publicMount(seen: SeenMount | undefined): PublicMount | undefined {
    const configured = configuredMount(this.#options);
    if (configured !== undefined || seen?.origin === undefined) return configured;
    return { origin: seen.origin, base: seen.base };
  }

  /** URL of the document that a refusal names, if there is one. @see RFC 9728, section 5.1 */
  documentUrl(seen: SeenMount | undefined): string | undefined {
    const mount = this.isOn ? this.publicMount(seen) : undefined;
    return mount === undefined ? undefined : metadataUrl(mount, this.#options);
  }

  /**
   * Answers with the document about the event stream of a mount.
   *
   * @throws McpSseError for what is no GET, and where the mount has no URL.
   */
  answerMetadata(req: IncomingMessage, res: ServerResponse, seen: SeenMount): void {
    const mount = this.publicMount(seen);
    if (mount === undefined) throw new McpSseError("not_found", "There is nothing here.");
    answerMetadata(req, res, resourceUrl(mount, this.#options), this.#methods);
  }

  /** Whether a path at the host's root leads to the metadata of a sign-in of ours. */
  isServerMetadata(path: string): boolean {
    return this.signIn !== undefined && isServerMetadataPath(path, this.signIn.issuer, "root");
  }

  /**
   * Answers with the metadata of the sign-in.
   *
   * @throws McpSseError for what is no GET.
   * @see RFC 8414, section 3.2
   */
  answerServerMetadata(req: IncomingMessage, res: ServerResponse): void {
    answerDocument(req, res, this.signIn?.metadata() ?? {});
  }
}
