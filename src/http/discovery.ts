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

/** Which path below which mount was asked. */
export interface AskedPath {
  readonly mount: Mount;
  readonly path: string;
}

/** What an endpoint says of itself to clients that do not know it: OAuth's discovery documents. */
export class Discovery {
  readonly #options: EndpointUrl;
  /** Below the mount; the first is the one that a document without a path speaks of. */
  readonly #resources: readonly string[];
  readonly #methods: readonly AuthMethod[];
  readonly #policyScopes: readonly string[];
  /** The routes of a method that is an authorization server itself. */
  readonly signIn: AuthEndpoints | undefined;
  readonly isOn: boolean;

  /**
   * @param resources paths of the endpoint below the mount, each a resource. Default: the event stream.
   * @param policyScopes with which callers may do more. Default: none.
   */
  constructor(
    options: EndpointUrl,
    methods: readonly AuthMethod[],
    resources: readonly string[] = [options.endpoint],
    policyScopes: readonly string[] = [],
  ) {
    this.#options = options;
    this.#resources = resources;
    this.#methods = methods;
    this.#policyScopes = policyScopes;
    this.isOn = isDiscoverable(methods);
    this.signIn = methods.find((method) => method.endpoints !== undefined)?.endpoints;
  }

  /** The paths below the mount that the documents speak of; empty when there are none. */
  get resources(): readonly string[] {
    return this.isOn ? this.#resources : [];
  }

  /**
   * The path below the mount that a document speaks of.
   *
   * @param spoken what its own path names; empty for the one that names none.
   * @returns `undefined` where there is no such document.
   */
  resourceOf(spoken: string | undefined): string | undefined {
    const { resources } = this;
    return spoken === "" ? resources[0] : resources.find((path) => path === spoken);
  }

  /** The mount as configured, else as a request shows it. */
  publicMount(seen: Mount | undefined): PublicMount | undefined {
    const configured = configuredMount(this.#options);
    if (configured !== undefined || seen?.origin === undefined) return configured;
    return { origin: seen.origin, base: seen.base };
  }

  /**
   * URL of the document that a refusal names, if there is one: that of the path that was asked.
   *
   * @see RFC 9728, section 5.1
   */
  documentUrl(asked: AskedPath | undefined): string | undefined {
    const mount = this.isOn ? this.publicMount(asked?.mount) : undefined;
    if (mount === undefined) return undefined;
    return metadataUrl(mount, { endpoint: this.#resourceAt(asked?.path) });
  }

  /**
   * Sends the document about one path of a mount.
   *
   * @throws McpSseError for what is no GET, and where the mount has no URL.
   */
  sendMetadata(req: IncomingMessage, res: ServerResponse, seen: Mount, resource: string): void {
    const mount = this.publicMount(seen);
    if (mount === undefined) throw notFound();
    const url = resourceUrl(mount, { endpoint: resource });
    sendMetadata(req, res, url, this.#methods, this.#policyScopes);
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

  /** The messages of an event stream have a path of their own, and are no resource of their own. */
  #resourceAt(path: string | undefined): string {
    const [first = ""] = this.#resources;
    if (path === undefined) return first;
    const asked = path.endsWith("/") ? path.slice(0, -1) : path;
    return this.#resources.find((resource) => resource === asked) ?? this.#options.endpoint;
  }
}
