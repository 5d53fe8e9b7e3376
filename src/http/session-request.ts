import type { IncomingMessage } from "node:http";
import type { Caller } from "../auth/outcome.js";
import type { Principal } from "../auth/principal.js";
import type { SessionLimits } from "../session/limits.js";
import type { SessionInit } from "../session/session-init.js";
import type { AdmittedRequest } from "./incoming-request.js";
import { addressOf } from "./mount.js";

/** What a session is given, whoever opens it. */
interface SessionTerms {
  /** Whether it ends with the credential that opened it. */
  readonly endsWithCredential: boolean;
  readonly limits: SessionLimits;
}

/** A request, as far as it decides whose session it opens or goes on with. */
export class SessionRequest implements SessionInit<Principal | undefined> {
  /** As it was let in. */
  readonly admitted: AdmittedRequest;
  readonly caller: Caller;
  /** Path of the endpoint as the client sees it. */
  readonly path: string;
  /** When the caller's credential ends, if the session is to end with it. */
  readonly validUntil: number | undefined;
  readonly limits: SessionLimits;

  constructor(admitted: AdmittedRequest, path: string, terms: SessionTerms) {
    const { caller } = admitted;
    this.admitted = admitted;
    this.caller = caller;
    this.path = path;
    this.validUntil = terms.endsWithCredential ? caller.validUntil : undefined;
    this.limits = terms.limits;
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
