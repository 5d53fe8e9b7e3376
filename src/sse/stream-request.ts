import { EventStream } from "../http/event-stream.js";
import type { AdmittedRequest } from "../http/incoming-request.js";
import { SessionRequest } from "../http/session-request.js";
import type { ResolvedOptions } from "../options/resolve.js";
import type { ResumeMark } from "../session/resume-mark.js";
import { cookieText } from "../shared/cookies.js";
import { endpointFor, publicBase } from "./endpoint-path.js";
import { readResumeHints, RESUME_COOKIE } from "./resume.js";
import type { ResumeHints } from "./resume.js";
import type { StreamOffer } from "./sse-channel.js";

/** A GET of the event stream: all that its answer depends on, and the answer itself. */
export class StreamRequest extends SessionRequest implements StreamOffer {
  /** Its answer; untouched until there is something to say. */
  readonly stream: EventStream;
  /** What it says of the session that it may go on with. */
  readonly hints: ResumeHints;
  /** Path that the client is to post to, without a session. */
  readonly endpoint: string;

  constructor(admitted: AdmittedRequest, options: ResolvedOptions) {
    const { req, res, caller, mount } = admitted;
    super(admitted, `${publicBase(options, mount.base)}${options.endpoint}`, options);
    this.stream = new EventStream(res, options.stream);
    this.hints = readResumeHints(req);
    this.endpoint = endpointFor(options, mount.base, caller);
  }

  /** Whether nobody is left to hear an answer. */
  hasLeft(): boolean {
    return this.request.socket.destroyed || this.stream.hasEnded;
  }

  markFor(sessionId: string): ResumeMark {
    const { lastEvent, cookieSession } = this.hints;
    if (lastEvent?.sessionId === sessionId) return "event-id";
    // Nothing else has a stream that is open before it is known whose it is.
    if (this.stream.isOpen) return "probe";
    return cookieSession === sessionId ? "cookie" : "same-request";
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
