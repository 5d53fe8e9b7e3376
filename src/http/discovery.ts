import type { IncomingMessage, ServerResponse } from "node:http";
import type { AuthEndpoints, AuthMethod } from "../auth/auth-method.js";
import { isDiscoverable } from "../auth/protected-resource.js";
import {
  configuredMount,
  isServerMetadataPath,
  metadataUrl,
  resourceUrl,
  sendDocument,
  sendMetadata,
} from "./metadata-routes.js";
import type { EndpointUrl, PublicMount } from "./metadata-routes.js";
import type { Mount } from "./mount.js";
import { notFound } from "./refused-caller.js";

/** What an endpoint says of itself to clients that do not know it: OAuth's discovery documents. */
export class Discovery {
  readonly #options: EndpointUrl;
  readonly #methods: readonly AuthMethod[];
  /** The routes of a method that is an authorization server itself. */
  readonly signIn: AuthEndpoints | undefined;
  readonly isOn: boolean;

  constructor(options: EndpointUrl, methods: readonly AuthMethod[]) {
    this.#options = options;
    this.#methods = methods;
    this.isOn = isDiscoverable(methods);
    this.signIn = methods.find((method) => method.endpoints !== undefined)?.endpoints;
  }

  /** The path below the mount that the documents speak of; `undefined` when there are none. */
  get resourcePath(): string | undefined {
    return this.isOn ? this.#options.endpoint : undefined;
  }

  /** The mount as configured, else as a request shows it. */
  publicMount(seen: Mount | undefined): PublicMount | undefined {
    const configured = configuredMount(this.#options);
    if (configured !== undefined || seen?.origin === undefined) return configured;
    return { origin: seen.origin, base: seen.base };
  }

  /** URL of the document that a refusal names, if there is one. @see RFC 9728, section 5.1 */
  documentUrl(seen: Mount | undefined): string | undefined {
    const mount = this.isOn ? this.publicMount(seen) : undefined;
    return mount === undefined ? undefined : metadataUrl(mount, this.#options);
  }

  /**
   * Sends the document about the event stream of a mount.
   *
   * @throws McpSseError for what is no GET, and where the mount has no URL.
   */
  sendMetadata(req: IncomingMessage, res: ServerResponse, seen: Mount): void {
    const mount = this.publicMount(seen);
    if (mount === undefined) throw notFound();
    sendMetadata(req, res, resourceUrl(mount, this.#options), this.#methods);
  }

  /** Whether a path at the host's root leads to the metadata of a sign-in of ours. */
  isServerMetadata(path: string): boolean {
    return this.signIn !== undefined && isServerMetadataPath(path, this.signIn.issuer, "root");
  }

  /**
   * Sends the metadata of the sign-in.
   *
   * @throws McpSseError for what is no GET.
   * @see RFC 8414, section 3.2
   */
  sendServerMetadata(req: IncomingMessage, res: ServerResponse): void {
    sendDocument(req, res, this.signIn?.metadata() ?? {});
  }
}
