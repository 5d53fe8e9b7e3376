import type { IncomingMessage } from "node:http";
import type { Caller } from "../auth/outcome.js";
import type { Principal } from "../auth/principal.js";
import { addressOf } from "../http/mount.js";
import type { AdmittedRequest } from "../http/incoming-request.js";
import type { ResolvedOptions } from "../options/resolve.js";
import type { SessionLimits } from "../session/limits.js";
import type { SessionInit } from "../session/session-info.js";
import { cookieText } from "../shared/cookies.js";
import { endpointFor, publicBase } from "./endpoint-path.js";
import { EventStream } from "../http/event-stream.js";
import { readResumeHints, RESUME_COOKIE } from "./resume.js";
import type { ResumeHints } from "./resume.js";
import type { StreamOffer } from "./sse-channel.js";

/** A GET of the event stream: all that its answer depends on, and the answer itself. */
export class StreamRequest implements SessionInit<Principal | undefined>, StreamOffer {
  /** As it was let in. */
  readonly admitted: AdmittedRequest;
  readonly caller: Caller;
  /** Its answer; untouched until there is something to say. */
  readonly stream: EventStream;
  /** What it says of the session that it may go on with. */
  readonly hints: ResumeHints;
  /** Path that the client is to post to, without a session. */
  readonly endpoint: string;
  /** Path of the event stream as the client sees it. */
  readonly path: string;
  /** When the caller's credential ends, if the session is to end with it. */
  readonly validUntil: number | undefined;
  readonly limits: SessionLimits;

  constructor(admitted: AdmittedRequest, options: ResolvedOptions) {
    const { req, res, caller, mount } = admitted;
    this.admitted = admitted;
    this.caller = caller;
    this.stream = new EventStream(res, options.stream);
    this.hints = readResumeHints(req);
    this.endpoint = endpointFor(options, mount.base, caller);
    this.path = `${publicBase(options, mount.base)}${options.endpoint}`;
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

  /** Whether nobody is left to hear an answer. */
  hasLeft(): boolean {
    return this.request.socket.destroyed || this.stream.hasEnded;
  }

  /**
   * The cookie that tells clients which session they have, if they keep cookies. Browsers name
   * their last event instead, and share cookies among tabs, so they get none.
   *
   * @see RFC 6265, section 4.1.2
   */
  cookieFor(sessionId: string): string | undefined {
    if (this.request.headers["sec-fetch-site"] !== undefined) return undefined;
    const isSecure = this.admitted.mount.origin?.startsWith("https:") ?? false;
    return cookieText({ name: RESUME_COOKIE, value: sessionId, path: this.path, isSecure });
  }
}
