import { namedBy } from "../auth/principal.js";
import type { CloseReason } from "../session/close-reason.js";
import type { LimitReached } from "../session/session-events.js";
import type { SessionInfo } from "../session/session-info.js";
import type { ResumeMark } from "../session/resume-mark.js";
import type { ReceivedMessage, SessionObserver } from "../session/session-observer.js";
import type { JsonRpcMessage } from "../shared/json-rpc.js";
import { CALL_FACTS, CallTracker } from "./call-tracker.js";
import type { CallOrigin } from "./call-tracker.js";
import { CLIENT_REQUEST_FACTS, ClientRequests } from "./client-requests.js";
import type { Audience, FactHub } from "./fact-hub.js";
import type { RevokedFact, SessionFact, WaitingMessages } from "./facts.js";
import { refOf, whoIs } from "./refs.js";

/** As much of a session as is told of it. */
type WatchedSession<P> = SessionInfo<P> & { readonly movedFrom: string | undefined };

/** Makes facts of what becomes of the sessions of a router, and of their messages. */
export class SessionWatch<P, E> implements SessionObserver<WatchedSession<P>, P, E> {
  readonly #hub: FactHub;
  readonly #originOf: (extra: E) => CallOrigin;
  /** Who hears of any message: asked once for all, with each of them. */
  readonly #messages: Audience;
  readonly #calls: CallTracker;
  readonly #clientRequests: ClientRequests;

  /** @param originOf says with what a message came. */
  constructor(hub: FactHub, originOf: (extra: E) => CallOrigin) {
    this.#hub = hub;
    this.#originOf = originOf;
    this.#messages = hub.audienceOf(...CALL_FACTS, ...CLIENT_REQUEST_FACTS);
    this.#calls = new CallTracker(hub);
    this.#clientRequests = new ClientRequests(hub);
  }

  get watchesMessages(): boolean {
    return this.#messages.isHeard;
  }

  receive(received: ReceivedMessage<WatchedSession<P>, E>, handle: () => void): void {
    const { session, message, extra, call } = received;
    this.#clientRequests.receive(session, message);
    if (call === undefined || !this.#calls.isHeard) handle();
    else this.#calls.handle({ session, message, call, origin: this.#originOf(extra) }, handle);
  }

  denied({ session, message, extra, call }: ReceivedMessage<SessionInfo<P>, E>): void {
    if (call === undefined || !this.#calls.isHeard) return;
    this.#calls.deny({ session, message, call, origin: this.#originOf(extra) });
  }

  send(session: SessionInfo<P>, message: JsonRpcMessage): JsonRpcMessage {
    return this.#clientRequests.isHeard ? this.#clientRequests.send(session, message) : message;
  }

  opened(session: WatchedSession<P>): void {
    this.#note(beginningOf(session), session, { from: session.movedFrom });
  }

  detached(session: SessionInfo<P>): void {
    this.#note("detached", session);
  }

  resumed(session: SessionInfo<P>, mark: ResumeMark): void {
    this.#note("resumed", session, { mark });
  }

  revoked(by: RevokedFact["by"], owner: string | undefined, ended: number): void {
    if (!this.#hub.has("revoked")) return;
    this.#hub.emit("revoked", { by, principal: whoIs(namedBy(owner)), ended });
  }

  begun(session: SessionInfo<P>): void {
    this.#note("begun", session);
  }

  ended(session: SessionInfo<P>, reason: CloseReason, wasOpened: boolean): void {
    this.#clientRequests.sessionEnded(session);
    this.#note(wasOpened ? "closed" : "abandoned", session, { reason });
  }

  limited({ limit, outcome, session, principal, address }: LimitReached<P>): void {
    if (!this.#hub.has("limit")) return;
    this.#hub.emit("limit", {
      ...{ limit, outcome, ...(address !== undefined && { address }) },
      session: session && refOf(session),
      principal: whoIs(principal),
    });
  }

  #note(
    event: SessionFact["event"],
    session: SessionInfo<P>,
    more: Partial<Pick<SessionFact, "reason" | "mark" | "from">> = {},
  ): void {
    // One that is a request and its answer is told of as a call.
    if (session.era === "2026" || !this.#hub.has("session")) return;
    const { reason, mark, from } = more;
    const waiting = (): WaitingMessages => waitingFor(session);
    this.#hub.emit("session", { event, session: refOf(session), reason, mark, from, waiting });
  }
}

function waitingFor({ waitingBytes, waitingSince }: SessionInfo): WaitingMessages {
  return { waitingBytes, waitingSince };
}

function beginningOf({ isMoved, isRestored }: SessionInfo): SessionFact["event"] {
  if (isMoved) return "moved";
  return isRestored ? "restored" : "opened";
}
