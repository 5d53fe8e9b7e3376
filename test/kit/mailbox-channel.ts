import type { IncomingMessage } from "node:http";
import type { Channel, ChannelSession } from "../../src/session/channel.js";
import type { CloseReason } from "../../src/session/close-reason.js";
import type { MessageJson } from "../../src/session/message-json.js";
import type { SessionInit } from "../../src/session/session-init.js";
import { Session } from "../../src/session/session.js";
import type { JsonRpcMessage } from "../../src/shared/json-rpc.js";
import { signal } from "./waiting.js";

/**
 * The channel of a transport that has no connections: its client comes and fetches what there is.
 * All that a session may know of a transport, without anything of HTTP.
 */
export class MailboxChannel implements Channel {
  readonly transport = "streamable";
  readonly era = "2025";
  readonly leftAt = undefined;
  readonly hasListened = true;
  readonly waitingSince = undefined;
  readonly protocolVersion = undefined;
  state: Channel["state"] = "opening";
  /** What waits for the client. */
  readonly mail: string[] = [];
  /** What it was told, in order. */
  readonly told: string[] = [];
  /** Whether the client may come back with another credential. */
  canReturn = true;
  readonly #gone = signal();
  #answers = 0;

  constructor(readonly session: ChannelSession) {}

  open(): void {
    this.state = "open";
    this.session.clientArrived();
    this.told.push("open");
  }

  intercept(message: JsonRpcMessage): boolean {
    if ("method" in message && message.method === "refused") throw new Error("refused");
    return "id" in message && message.id === "mine";
  }

  noteReceived(message: JsonRpcMessage): void {
    this.told.push(`received ${"method" in message ? message.method : "an answer"}`);
  }

  toClient(message: JsonRpcMessage): JsonRpcMessage {
    return message;
  }

  send(message: JsonRpcMessage, { json, weight }: MessageJson): undefined {
    this.mail.push(json);
    if (!("method" in message)) this.#answers++;
    this.session.bytes.hold(weight);
  }

  get hasWaitingAnswer(): boolean {
    return this.#answers > 0;
  }

  whenSettled(): Promise<void> {
    return this.hasWaitingAnswer ? this.#gone.promise : Promise.resolve();
  }

  suspend(): boolean {
    this.told.push("suspend");
    if (!this.canReturn) return false;
    this.leave(1_000);
    return true;
  }

  end(reason: CloseReason, discards: boolean): void {
    this.told.push(`end ${reason}${discards ? ", discarding" : ""}`);
    this.fetch();
  }

  whenGone(): Promise<void> {
    return this.#gone.promise;
  }

  /** The client fetches what there is. */
  fetch(): void {
    this.mail.splice(0);
    this.#answers = 0;
    this.#gone.resolve();
  }

  /** The client is away. */
  leave(graceMs: number): void {
    this.state = "detached";
    this.session.awaitClient(graceMs);
  }
}

/** A session of that transport. */
export function mailboxSession(
  principal: string,
  init: Partial<SessionInit<string>> = {},
): Session<string, unknown, MailboxChannel> {
  const request = { headers: {}, url: "/" } as Partial<IncomingMessage> as IncomingMessage;
  const session = new Session<string, unknown, MailboxChannel>(
    { principal, ownerKey: `key of ${principal}`, request, ...init },
    (opened) => new MailboxChannel(opened),
  );
  session.onmessage = () => undefined;
  return session;
}
