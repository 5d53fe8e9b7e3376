import type { IncomingMessage } from "node:http";
import type { Caller } from "../auth/outcome.js";
import type { Principal } from "../auth/principal.js";
import type { AdmittedRequest } from "../http/incoming-request.js";
import { addressOf } from "../http/mount.js";
import type { ResolvedOptions } from "../options/resolve.js";
import type { SessionLimits } from "../session/limits.js";
import type { SessionInit } from "../session/session-info.js";

/** A request of Streamable HTTP, as far as it decides whose session it opens or goes on with. */
export class StreamableRequest implements SessionInit<Principal | undefined> {
  /** As it was let in. */
  readonly admitted: AdmittedRequest;
  readonly caller: Caller;
  /** Path of the endpoint as the client sees it. */
  readonly path: string;
  /** When the caller's credential ends, if the session is to end with it. */
  readonly validUntil: number | undefined;
  readonly limits: SessionLimits;

  /** @param endpoint the path below the mount that was asked for. */
  constructor(admitted: AdmittedRequest, endpoint: string, options: ResolvedOptions) {
    const { caller, mount } = admitted;
    this.admitted = admitted;
    this.caller = caller;
    this.path = `${mount.base}${endpoint}`;
    this.validUntil = options.endsWithCredential ? caller.validUntil : undefined;
    this.limits = options.limits;
  }

  get request(): IncomingMessage {
    return this.admitted.req;
  }

  get ownerKey(): string {
    return this.caller.ownerKey;
  }

  get principal(): Principal | undefined {
    return this.caller.principal;
  }

  /** Path of the mount as requests arrive here. */
  get mount(): string {
    return this.admitted.mount.routedBase;
  }

  /** Whom it comes from. */
  get address(): string | undefined {
    return addressOf(this.admitted.req);
  }

  get upstream(): Caller["upstream"] {
    return this.caller.upstream;
  }
}

/** The revision of MCP that a request names. */
export function versionHeaderOf({ headers }: IncomingMessage): string | undefined {
  return headers["mcp-protocol-version"]?.toString();
}
