import type { IncomingMessage } from "node:http";
import type { SessionInit } from "../../src/session/session-init.js";
import { toMessageJson } from "../../src/session/message-json.js";
import { Session } from "../../src/session/session.js";
import type { JsonRpcMessage } from "../../src/shared/json-rpc.js";
import type { WriteResult } from "../../src/session/write-result.js";
import type { Delivery } from "../../src/sse/delivery.js";
import type { EventStream } from "../../src/http/event-stream.js";
import { SseChannel } from "../../src/sse/sse-channel.js";
import type { SseChannelOptions } from "../../src/sse/sse-channel.js";

export type TestSession<P = unknown> = Session<P, unknown, SseChannel>;

/** A session over SSE that no router counts; its first stream is given to it by {@link attach}. */
export function sseSession<P>(
  init: Partial<SessionInit<P>> & Pick<SessionInit<P>, "principal">,
  options: SseChannelOptions = {},
): TestSession<P> {
  const request = undefined as unknown as IncomingMessage;
  return new Session<P, unknown, SseChannel>(
    { ownerKey: "owner", request, ...init },
    (session) => new SseChannel(session, undefined, options),
  );
}

/** Lets a session be heard on a stream. */
export function attach({ channel }: { readonly channel: SseChannel }, stream: EventStream): void {
  channel.attach({ stream, endpoint: "/messages" });
}

/** Sends a message by a delivery that has no session in front of it. */
export function deliver(delivery: Delivery, message: object): WriteResult {
  const whole = { jsonrpc: "2.0", ...message } as JsonRpcMessage;
  return delivery.send(whole, toMessageJson(whole));
}
